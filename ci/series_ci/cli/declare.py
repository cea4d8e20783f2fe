"""Options of the command line, each declared once: as a field of a dataclass.

Of such a field are made the option that click reads, the typed value that a verb is given, and the words that ask for
the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

_KEY = "declared"


@dataclass(frozen=True)
class _Declared:
    """What click needs of an option, and how a value of it is written into a line that is to be typed again."""

    names: Sequence[str]
    group: str
    again: Callable[[str], str] | None
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The long one."""
        return next(name for name in self.names if name.startswith("--"))


def option(
    *names: str,
    group: str = "",
    default: Any = None,  # noqa: ANN401 (as dataclasses.field)
    again: Callable[[str], str] | None = str,
    **attributes: Any,  # noqa: ANN401 (as click.option)
) -> Any:  # noqa: ANN401 (as dataclasses.field)
    """A field of a dataclass that is the option `names`; `attributes` are click's.

    Verbs take options by their `group`. `again` makes a value fit for another folder; None: it is not asked for again.
    """
    if attributes.get("multiple"):
        default = ()
    elif attributes.get("is_flag"):
        default = False
    elif default is not None:
        attributes["default"] = default
    return field(default=default, metadata={_KEY: _Declared(names, group, again, attributes)})


def taken(kind: type[DataclassInstance], argument: str, *groups: str) -> Decorator:
    """A decorator: the command has the options of `kind`, and is given them as one value of it, its `argument`.

    Those of the `groups` in their order, which is that of --help, or all; what is not taken has its default. Raises
    KeyError for a group that there is not.
    """
    by_group: dict[str, list[Field[Any]]] = {}
    for each in fields(kind):
        by_group.setdefault(_of(each).group, []).append(each)
    wanted = [each for group in groups or by_group for each in by_group[group]]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**given: Any) -> Any:  # noqa: ANN401 (click)
            value = kind(**{each.name: given.pop(each.name) for each in wanted})
            return command(**given, **{argument: value})

        made: Command = call
        for each in reversed(wanted):
            made = _click(each)(made)
        return made

    return decorate


def alone(kind: type[DataclassInstance], name: str) -> Decorator:
    """A decorator: the command has the option that is the field `name` of `kind`, and is given its bare value."""
    return next(_click(each) for each in fields(kind) if each.name == name)


def _click(found: Field[Any]) -> Decorator:
    declared = _of(found)
    return click.option(*declared.names, found.name, **declared.attributes)


def _of(found: Field[Any]) -> _Declared:
    declared = found.metadata[_KEY]
    assert isinstance(declared, _Declared)
    return declared


def chosen(value: DataclassInstance) -> dict[str, str]:
    """The fields that are not the default, and the option that each is."""
    return {each.name: _of(each).name for each in fields(value) if getattr(value, each.name) != each.default}


def words(value: DataclassInstance) -> list[str]:
    """The words that ask for the same again, in the order of the fields; of an option at its default there are none."""
    found: list[str] = []
    given = chosen(value)
    for each in fields(value):
        again, content = _of(each).again, getattr(value, each.name)
        if again is None or each.name not in given or not content:
            continue
        if content is True:
            found.append(given[each.name])
        else:
            for one in content if isinstance(content, tuple) else (content,):
                found += [given[each.name], again(str(one))]
    return found
