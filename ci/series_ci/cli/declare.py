"""Declare each option of the command line once, as a field of a dataclass.

Such a field provides the option for click, the typed value for the verb, and the words of the line that repeats a run.
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
    """An option: its names, its group, and the `attributes` that click.option takes.

    `again` turns a value into the text that the line which repeats a run has; None if that line leaves the option out.
    """

    names: Sequence[str]
    group: str
    again: Callable[[str], str] | None
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The long name, such as --tree."""
        return next(name for name in self.names if name.startswith("--"))


def option(
    *names: str,
    group: str = "",
    default: Any = None,  # noqa: ANN401 (as dataclasses.field)
    again: Callable[[str], str] | None = str,
    **attributes: Any,  # noqa: ANN401 (as click.option)
) -> Any:  # noqa: ANN401 (as dataclasses.field)
    """Return a dataclass field that declares the option `names`. `attributes` are those of click.option.

    Verbs take options by their `group`. `again` turns a value into a text that means the same in any folder; with None
    the line that repeats a run leaves the option out.
    """
    if attributes.get("multiple"):
        default = ()
    elif attributes.get("is_flag"):
        default = False
    elif default is not None:
        attributes["default"] = default
    return field(default=default, metadata={_KEY: _Declared(names, group, again, attributes)})


def taken(kind: type[DataclassInstance], argument: str, *groups: str) -> Decorator:
    """Return a decorator that gives a command the options of `kind`, and passes them as one value, `argument`.

    The options are those of the `groups`, or all; --help shows them in this order. The other fields keep their
    defaults. Raises KeyError for an unknown group.
    """
    by_group: dict[str, list[Field[Any]]] = {}
    for option_field in fields(kind):
        by_group.setdefault(_of(option_field).group, []).append(option_field)
    wanted = [option_field for group in groups or by_group for option_field in by_group[group]]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**values: Any) -> Any:  # noqa: ANN401 (click)
            value = kind(**{option_field.name: values.pop(option_field.name) for option_field in wanted})
            return command(**values, **{argument: value})

        decorated: Command = call
        for option_field in reversed(wanted):
            decorated = _click(option_field)(decorated)
        return decorated

    return decorate


def alone(kind: type[DataclassInstance], name: str) -> Decorator:
    """Return a decorator that gives a command the one option `name` of `kind`, and passes its plain value."""
    return next(_click(each) for each in fields(kind) if each.name == name)


def _click(option_field: Field[Any]) -> Decorator:
    declared = _of(option_field)
    return click.option(*declared.names, option_field.name, **declared.attributes)


def _of(option_field: Field[Any]) -> _Declared:
    declared = option_field.metadata[_KEY]
    assert isinstance(declared, _Declared)
    return declared


def chosen(value: DataclassInstance) -> dict[str, str]:
    """Return the fields whose value is not the default, by name, with the long name of each option."""
    return {each.name: _of(each).name for each in fields(value) if getattr(value, each.name) != each.default}


def words(value: DataclassInstance) -> list[str]:
    """Return the words that set these options again, in the order of the fields. Defaults are left out."""
    line: list[str] = []
    names = chosen(value)
    for option_field in fields(value):
        again, content = _of(option_field).again, getattr(value, option_field.name)
        if again is None or option_field.name not in names or not content:
            continue
        if content is True:
            line.append(names[option_field.name])
        else:
            for item in content if isinstance(content, tuple) else (content,):
                line += [names[option_field.name], again(str(item))]
    return line
