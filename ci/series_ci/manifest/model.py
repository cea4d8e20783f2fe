"""A manifest (series/*.yaml): the mails of a series, the trees that it applies to, and the tests for its versions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, model_validator
from pydantic.config import JsonDict

from series_ci.arch import ARCHES
from series_ci.errors import UsageError
from series_ci.manifest import yamlfile
from series_ci.manifest.allow import Allowed
from series_ci.manifest.fields import (
    LABEL,
    TEST_NAME,
    ArchiveSpec,
    File,
    Label,
    Line,
    Memory,
    MessageId,
    Name,
    ProgramName,
    Spec,
    Strict,
    Swap,
    TestName,
    absolute,
    parse_size,
)
from series_ci.manifest.permit import Permit
from series_ci.manifest.reported import Reported
from series_ci.manifest.yamlfile import Document, Location, near, read, validate

__all__ = [
    "MachineSize",
    "Manifest",
    "Scenario",
    "Selftest",
    "TreeSource",
    "Version",
    "json_schema",
    "load",
    "parse_size",
]


def _without_default(schema: JsonDict) -> None:
    schema.pop("default")


class TreeSource(Strict):
    """Where a kernel tree comes from."""

    spec: Spec = Field(
        description="git+https://HOST/REPOSITORY@REF, the URL of a tarball, debian:PACKAGE, or the path of a tarball "
        "or a checkout, relative to the manifest"
    )
    base_patches: tuple[File, ...] = Field(
        (), description="patches that make the base out of the tree, relative to the manifest"
    )


class Version(Strict):
    """One version of the series: one mail, the cover letter or the only patch."""

    message_id: MessageId = Field(description="Message-ID of the cover letter, or of the patch where there is none")
    rest_of: str = Field(
        "",
        description="for a version of which only some patches were sent anew: the label of the version before it that "
        "the others come from",
    )
    note: str = Field("", description="what this version changed, for the reports")
    trees: tuple[TreeSource, ...] = Field((), description="kernel trees for this version, instead of the series' own")
    _label: str = PrivateAttr("")

    @property
    def label(self) -> str:
        """Return the version's key in the manifest."""
        return self._label


class MachineSize(Strict):
    """The virtual machine that both kernels boot in."""

    memory: Memory = Field(512 << 20, description="memory, such as 512M")
    cpus: int = Field(2, strict=True, ge=1, le=256, description="number of CPUs")
    swap: Swap = Field(0, description="size of the swap device, 0 for none")


class Selftest(Strict):
    """One program from tools/testing/selftests, this project's or the tree's."""

    program: ProgramName = Field(
        description="COLLECTION/PROGRAM in tools/testing/selftests, this project's or the tree's"
    )
    args: tuple[str, ...] = Field((), description="arguments of the program")
    name: TestName = Field(
        "",
        description="what its results are called, unique in the manifest; without it they are called as the program",
        json_schema_extra=_without_default,
    )
    timeout: int | None = Field(
        None,
        strict=True,
        ge=1,
        description="seconds it may take; without it the collection's settings file says, and a slow guest gets more",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_as_its_program(cls, data: object) -> object:
        """Set the name to that of the program. An invalid program is left for its own error."""
        program = data.get("program") if isinstance(data, dict) else None
        good = isinstance(program, str) and re.fullmatch(TEST_NAME, program, re.ASCII)
        return {"name": program, **data} if isinstance(data, dict) and good else data


class Scenario(Strict):
    """One scenario of `series-ci bench`: a program that measures, and the machine that it measures in."""

    name: TestName = Field(description="what the scenario is called, unique in the manifest")
    program: ProgramName = Field(
        description="COLLECTION/PROGRAM in tools/testing/selftests; takes --warmup, --samples and --seed, and prints "
        "a line of JSON for each sample"
    )
    args: tuple[str, ...] = Field((), description="more arguments of the program")
    machine: MachineSize = Field(
        default_factory=MachineSize, description="the virtual machine that both kernels boot in"
    )
    samples: int = Field(5, strict=True, ge=1, le=1000, description="samples that are taken in each boot")
    warmup: int = Field(1, strict=True, ge=0, le=1000, description="samples before them that do not count")
    note: str = Field("", description="what it measures, for the reports")


class Manifest(Strict):
    """One patch series: its versions, its trees, its tests."""

    name: Name = Field(description="what the command line calls the series, such as exit-skip")
    title: Line = Field(description="one line on what the series does, such as the subject of its mails")
    default: bool = Field(False, strict=True, description="whether this series is meant when none is named")
    archive: ArchiveSpec = Field(
        description="where the mails are: the URL of a public-inbox such as https://lore.kernel.org/all/, "
        "or an mbox file or a folder of mails, relative to the manifest"
    )
    versions: dict[Label, Version] = Field(
        min_length=1,
        description="the versions in their order: a label such as v1 or v6.1, and the mail that is that version",
        json_schema_extra={"propertyNames": {"pattern": f"^{LABEL}$"}},
    )
    trees: tuple[TreeSource, ...] = Field(min_length=1, description="kernel trees; the first that can be had is used")
    config: tuple[File, ...] = Field((), description="Kconfig fragments, relative to the manifest; the last word wins")
    machine: MachineSize = Field(
        default_factory=MachineSize, description="the virtual machine that both kernels boot in"
    )
    tests: tuple[Selftest, ...] = Field((), description="programs to run on both kernels; without any they only boot")
    allow: tuple[Allowed, ...] = Field(
        (), description="complaints of the kernel that are known and no regression, each for a reason and for a time"
    )
    permit: tuple[Permit, ...] = Field(
        (), description="what patches of this series have that is refused elsewhere, each for a reason"
    )
    bench: tuple[Scenario, ...] = Field((), description="what `series-ci bench` measures on both kernels")
    reported: tuple[Reported, ...] = Field((), description="figures from the list, for `series-ci reproduce`")
    _path: Path = PrivateAttr(Path())

    def model_post_init(self, context: object, /) -> None:
        """Set the label of each version, and the path of the manifest."""
        for label, version in self.versions.items():
            version._label = label
        if isinstance(context, Document):
            self._path = absolute(context.path)

    @property
    def path(self) -> Path:
        """Return the path of the file, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """Return the folder that relative paths in the manifest start from."""
        return self._path.parent

    def version(self, label: str) -> Version:
        """Return the version with that label. Raise UsageError if there is none: v6 selects neither v6.1 nor v6.2."""
        if label in self.versions:
            return self.versions[label]
        meant = [known for known in self.versions if known.startswith(f"{label}.")] or near(label, self.versions)
        raise UsageError(
            f"found no version {label!r} in {self.name}, expected one of {', '.join(self.versions)}",
            hint=f"did you mean {' or '.join(meant)}?" if meant else "",
        )

    def message_ids(self, label: str) -> tuple[str, ...]:
        """Return the mails that make up a version: first those of the versions whose rest it takes, its own last."""
        version = self.version(label)
        return (*(self.message_ids(version.rest_of) if version.rest_of else ()), version.message_id)

    def trees_for(self, label: str) -> tuple[TreeSource, ...]:
        """Return the trees that a version applies to: its own, or those of the series."""
        return self.version(label).trees or self.trees


def load(path: Path) -> Manifest:
    """Read a manifest, with absolute paths. Raise UsageError if it is invalid or names a file that is missing."""
    document = read(path)
    manifest = validate(Manifest, document)
    ids = ((("versions", label, "message-id"), version.message_id) for label, version in manifest.versions.items())
    names = ((("tests", place, "name"), test.name) for place, test in enumerate(manifest.tests))
    _refuse_twins(document, ids)
    _refuse_rest_of_later(document, manifest)
    _refuse_twins(document, names)
    _refuse_twins(document, ((("bench", place, "name"), part.name) for place, part in enumerate(manifest.bench)))
    _refuse_twins(document, ((("reported", place, "name"), part.name) for place, part in enumerate(manifest.reported)))
    _refuse_unknown(document, manifest)
    return manifest


def _refuse_unknown(document: Document, manifest: Manifest) -> None:
    """Raise UsageError if a report names a version, scenario or architecture that does not exist."""
    scenarios = [scenario.name for scenario in manifest.bench]
    for place, report in enumerate(manifest.reported):
        for key, value, known in (
            ("version", report.version, list(manifest.versions)),
            ("scenario", report.scenario, scenarios),
            ("arch", report.arch, list(ARCHES)),
        ):
            if value not in known:
                expected = f"one of {', '.join(known)}" if known else "one below bench:, and there is none"
                raise document.mistake(("reported", place, key), f'found "{value}", expected {expected}')


def _refuse_rest_of_later(document: Document, manifest: Manifest) -> None:
    before: list[str] = []
    for label, version in manifest.versions.items():
        if version.rest_of and version.rest_of not in before:
            there = f"one of {', '.join(before)}" if before else "none for the first version"
            raise document.mistake(
                ("versions", label, "rest-of"), f'found "{version.rest_of}", expected a version before it: {there}'
            )
        before.append(label)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema with which editors and other programs can check a manifest."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **yamlfile.json_schema(Manifest)}


def _refuse_twins(document: Document, values: Iterable[tuple[Location, str]]) -> None:
    lines: dict[str, int] = {}
    for where, value in values:
        if value in lines:
            raise document.mistake(where, f'found "{value}", expected one of its own: line {lines[value]} has the same')
        lines[value] = document.line(where)
