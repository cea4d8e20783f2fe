"""Read YAML files that people write. An error names the file, the line, the key, and what was expected there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from series_ci.errors import UsageError

Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

STRING = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Document:
    """A file's content as plain data, and the line on which each key and each list item starts."""

    path: Path
    data: Mapping[str, object]
    lines: Mapping[Location, int]

    def line(self, where: Location) -> int:
        """Return the line of a key, or of the nearest enclosing one if the file has no such key."""
        while where not in self.lines:
            where = where[:-1]
        return self.lines[where]

    def mistake(self, where: Location, text: str) -> UsageError:
        """Return an error that names the place. `text` says what was found there and what was expected."""
        return UsageError(_at(self.path, self.line(where), where, text))


def read(path: Path) -> Document:
    """Return the contents of a YAML file whose top level is keys and values. Raise UsageError."""
    text = _decode(path)
    try:
        loader = _Loader(path, text)
        return Document(path, loader.document(), loader.lines)
    except yaml.MarkedYAMLError as error:
        raise UsageError(_syntax(path, error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(_at(path, line, (), "found a control character, expected printable text")) from None
    except RecursionError:
        raise UsageError(_at(path, 1, (), "found lists nested hundreds deep, expected a few levels")) from None


def validate(model: type[Model], document: Document) -> Model:
    """Return a model of a document, which its validators get as context.

    Raise one UsageError that names every mistake.
    """
    try:
        return model.model_validate(document.data, context=document)
    except ValidationError as error:
        schema = json_schema(model)
        # Name unknown keys first: a missing key is often one that was misspelt.
        mistakes = sorted(error.errors(), key=lambda e: (e["type"] != "extra_forbidden", document.line(e["loc"])))
        first, *others = [document.mistake(_where(e), _explain(e, schema)).message for e in mistakes]
        raise UsageError(first, details="\n".join(others)) from None


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, equal for all versions of pydantic.

    Before 2.9, pydantic wraps a reference that has other keys beside it in an `allOf`.
    """

    def unwrap(part: dict[str, Any]) -> dict[str, Any]:
        return {**part.pop("allOf", [{}])[0], **part}

    schema: dict[str, Any] = json.loads(json.dumps(model.model_json_schema()), object_hook=unwrap)
    return schema


def near(word: str, words: Iterable[str]) -> list[str]:
    """Return the words that were probably meant, the most similar first."""
    return difflib.get_close_matches(word, list(words))


class _Loader(yaml.SafeLoader):
    """Loads plain data only: no tags, no aliases, no duplicate keys, and only text as keys."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.path = path
        self.lines: dict[Location, int] = {}

    def document(self) -> dict[str, object]:
        node = self.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            found = "an empty file" if node is None else _kind(node)
            raise UsageError(_at(self.path, 1, (), f"found {found}, expected keys and values, such as 'name: mine'"))
        self.lines[()] = node.start_mark.line + 1
        return self._mapping(node, ())

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse tags, which a manifest does not need, and aliases, which could make a short file endless."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem=f"the alias *{event.anchor}", problem_mark=mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem=f"the tag {event.tag}", problem_mark=mark)
        return super().compose_node(parent, index)

    def _plain(self, node: yaml.Node, where: Location) -> object:
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*where, place)) for place, child in enumerate(node.value)]
        try:
            return self.construct_object(node)
        except ValueError as error:  # 2024-13-01 looks like a date but is none
            raise self._mistake(node, where, f"found {node.value}, expected text in quotes ({error})") from None

    def _mapping(self, node: yaml.MappingNode, where: Location) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, where)
            inside = (*where, key)
            if key in data:
                also = self.lines[inside]
                raise self._mistake(key_node, inside, f"found it twice, expected it once: it is on line {also} too")
            self.lines[inside] = key_node.start_mark.line + 1
            data[key] = self._plain(value_node, inside)
        return data

    def _key(self, node: yaml.Node, where: Location) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._mistake(node, where, f"found {_kind(node)} as a key, expected text")
        if node.tag != STRING:
            kind = node.tag.rpartition(":")[2]
            quoted = f'"{node.value}"'
            raise self._mistake(node, where, f"found the key {node.value} ({kind}), expected text: {quoted} in quotes")
        return str(node.value)

    def _mistake(self, node: yaml.Node, where: Location, text: str) -> UsageError:
        return UsageError(_at(self.path, node.start_mark.line + 1, where, text))


def _decode(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise UsageError(_at(path, line, (), f"found the byte 0x{byte:02x}, expected text in UTF-8")) from None


def _kind(node: yaml.Node) -> str:
    return {"MappingNode": "keys and values", "SequenceNode": "a list"}.get(type(node).__name__, "a single value")


def _syntax(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    if error.problem == "mapping values are not allowed here":  # title: mm: shrink something
        problem = "a second ': ' on the line (text that has one needs quotes)"
    return _at(path, mark.line + 1 if mark else 1, (), f"found {problem}; expected plain YAML")


def _at(path: Path, line: int, where: Location, text: str) -> str:
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")
    return f"{path}:{line}: {key}: {text}" if key else f"{path}:{line}: {text}"


def _where(error: ErrorDetails) -> Location:
    """Return the place of a mistake. Pydantic marks a mistake in a key, rather than in its value, by one more step."""
    return error["loc"][:-1] if error["loc"][-1:] == ("[key]",) else error["loc"]


EXPECTED = {
    "string_type": "text, in quotes where YAML would read something else",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "too_short": "at least one entry",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "value_error": "{error}",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        "a day, such as 2026-12-31",
    ),
}


def _explain(error: ErrorDetails, schema: Mapping[str, Any]) -> str:
    """Return what was found and what was expected, in terms of the file instead of Python's."""
    if error["type"] == "extra_forbidden":
        return _unknown_key(str(error["loc"][-1]), _schema_at(schema, error["loc"][:-1]).get("properties", {}))
    if error["type"] == "missing":
        return f"found no such key, expected {_schema_at(schema, error['loc']).get('description', 'one')}"
    expected = EXPECTED.get(error["type"], error["msg"]).format(**error.get("ctx", {}))
    return f"found {_shown(error['input'])}, expected {expected}"


def _unknown_key(key: str, known: Iterable[str]) -> str:
    meant = near(key, known)
    return f"found an unknown key, expected {meant[0] if meant else 'one of ' + ', '.join(known)}"


def _schema_at(schema: Mapping[str, Any], where: Location) -> Mapping[str, Any]:
    """Return the part of a JSON schema that describes one place in a document."""
    part = schema
    for step in where:
        holder = _referred(schema, part)
        part = holder.get("properties", {}).get(step) or holder.get("items") or holder.get("additionalProperties") or {}
    return {**_referred(schema, part), **part}


def _referred(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return schema["$defs"][name] if name else part


def _shown(value: object) -> str:
    """Return a value as YAML would write it, short enough for one line."""
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
