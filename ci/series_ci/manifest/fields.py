"""The types of values in a manifest: sizes, Message-IDs, files. An error of each says what it expects."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from series_ci.errors import UsageError
from series_ci.manifest.yamlfile import Document


class Strict(BaseModel):
    """The base of all parts of a manifest: they are immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        defer_build=True, frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-")
    )


UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SIZE = r"[0-9]{1,12}[KMGkmg]?"


def parse_size(text: str) -> int:
    """Return a size such as 512M in bytes: K, M and G are powers of 1024, a number alone is bytes. Raise UsageError."""
    if not re.fullmatch(SIZE, text, re.ASCII):
        raise UsageError(f"found the size {text!r}, expected a number with K, M or G, such as 512M")
    number = text.rstrip("KMGkmg")
    return int(number) * UNITS[text[len(number) :].upper()]


@dataclass(frozen=True)
class Form:
    """The form of a text, for Python and for the JSON schema, and words that describe it."""

    pattern: str
    expected: str

    def check(self, text: str) -> str:
        """Return the text. Raise ValueError, which pydantic reports, if it has another form."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(self.expected)
        return text

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _size(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse_size(value)
        except UsageError:
            raise ValueError("a number with K, M or G, such as 512M") from None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("a size such as 512M")


def _no_less_than(least: int, expected: str) -> Callable[[int], int]:
    """Return a check that a value is at least `least`. It catches 512 where 512M was meant."""

    def check(value: int) -> int:
        if value < least:
            raise ValueError(expected)
        return value

    return check


def _swap(value: int) -> int:
    return value and _no_less_than(1 << 20, "0 for none, or 1M and more: is there a K, M or G missing?")(value)


def _label(text: str) -> str:
    return Form(LABEL, "letters, digits, '.', '_' and '-', such as v6.1").check(text)


def absolute(path: Path) -> Path:
    """Return an absolute path without `..`. Links are kept, as the user wrote them; resolve() would follow them."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _beside(text: str, info: ValidationInfo) -> Path:
    """Make a path absolute that is relative to the manifest, or to the current folder if there is no file."""
    folder = info.context.path.parent if isinstance(info.context, Document) else Path()
    return absolute(folder / text)


def _file(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    path = _beside(value, info)
    if not _is(path.is_file):
        raise ValueError(f"a file beside the manifest, and there is no {path}")
    return path


def _archive(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        raise ValueError("the URL of a public-inbox, or a path in quotes")
    if "://" in value:
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
            raise ValueError("an http or https URL, such as https://lore.kernel.org/all/")
        return value.rstrip("/") + "/"
    path = _beside(value, info)
    if not value or not _is(path.exists):
        raise ValueError(f"a URL, or an mbox file or a folder of mails, and there is no {path}")
    return path


def _spec(text: str, info: ValidationInfo) -> str:
    """Keep debian:PACKAGE and URLs. Anything else is a path; make it absolute, so that it is valid in any folder."""
    return text if re.match(r"[a-z][a-z0-9+.-]*:", text) else str(_beside(text, info))


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a name too long, a folder that may not be entered
        return False


LABEL = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
TEST_NAME = rf"{PART}(/{PART})*"

Name = Annotated[str, Form(r"[a-z0-9][a-z0-9-]*", "small letters, digits and '-', such as exit-skip")]
Line = Annotated[str, Form(r"\S([^\n]*\S)?", "one line of text")]
Label = Annotated[str, AfterValidator(_label)]
MessageId = Annotated[
    str,
    Form(r"<[^\s<>]+@[^\s<>]+>|[^\s<>]+@[^\s<>]+", "a Message-ID, such as 20260203110518.947-1-someone@example.org"),
    AfterValidator(lambda text: text.strip("<>")),
]
ProgramName = Annotated[str, Form(rf"{PART}(/{PART})+", "COLLECTION/PROGRAM, such as mm/exit_skip")]
TestName = Annotated[str, Form(TEST_NAME, "a name such as mm/exit_skip, without spaces and ':'")]
Spec = Annotated[str, Form(r"\S+", "one word, such as debian:linux-source-6.12"), AfterValidator(_spec)]
File = Annotated[Path, BeforeValidator(_file), WithJsonSchema({"type": "string", "minLength": 1})]
ArchiveSpec = Annotated[str | Path, BeforeValidator(_archive), WithJsonSchema({"type": "string", "minLength": 1})]
Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{SIZE}$"}, {"type": "integer", "minimum": 0}]}),
]
Memory = Annotated[Size, AfterValidator(_no_less_than(32 << 20, "32M or more: is there a K, M or G missing?"))]
Swap = Annotated[Size, AfterValidator(_swap)]
