"""Write and read run.lock: the inputs and the results of a run, so that anybody can make it again from this file.

Inputs that others can fetch are identified: mails by Message-IDs and a digest, trees by git's ids. Those that exist on
one machine only (patches of the base, the kernel's configuration) are in the file as text.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from series_ci.arch import Accel
from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.kernel import kconfig
from series_ci.manifest.allow import Allowed
from series_ci.manifest.fields import Form, Label, MessageId
from series_ci.manifest.model import Scenario
from series_ci.manifest.permit import Permit
from series_ci.manifest.reported import Reported
from series_ci.rundir.layout import SUMMARY, RunDir

MAX_BYTES = 32 << 20
"""The size of the largest lock that is read; a lock has some thousand results, a configuration, base patches."""


FileName = Annotated[str, Form(r"(?!\.\.?\Z)[^/\x00]+", "the name of a file, without its folder")]
"""A file of this name is written, and the lock may be a stranger's."""

_WORD = r"(?!\.\.?(?:/|\Z))[^/\s\x00]+"
ProgramPath = Annotated[str, Form(rf"{_WORD}(?:/{_WORD})+", "COLLECTION/PROGRAM, such as mm/exit_skip")]
"""A path below the folder of the tests that cannot lead out of it."""


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", ser_json_inf_nan="null")


class Mails(_Part):
    """The version as it was mailed: its Message-IDs (its own last), a digest of all that is applied, the patch-ids.

    `cover` is the Message-ID of its cover letter, "" if it has none; the first locks did not have this field.
    """

    message_ids: tuple[MessageId, ...] = Field(min_length=1)
    archive: str
    digest: str
    patch_ids: tuple[str, ...]
    cover: str = ""


class BasePatch(_Part):
    """A patch that the base has on top of its tree."""

    name: FileName
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    text: str

    @staticmethod
    def of(path: Path) -> BasePatch:
        """Read a patch; a content that is not UTF-8 is kept byte for byte, as latin-1."""
        content, name = path.read_bytes(), os.fsencode(path.name).decode("utf-8", "replace")
        try:
            return BasePatch(name=name, text=content.decode("utf-8"))
        except UnicodeDecodeError:
            return BasePatch(name=name, encoding="latin-1", text=content.decode("latin-1"))

    @property
    def content(self) -> bytes:
        """The bytes of the patch."""
        return self.text.encode(self.encoding)


class Tree(_Part):
    """The tree: its spec, its base patches, and git's ids of the trees of the base and of base and series."""

    spec: str
    base_patches: tuple[BasePatch, ...]
    base: str
    patched: str


class Config(_Part):
    """The options that were asked for, as lines of a .config, and their digest."""

    digest: str
    options: str

    @model_validator(mode="after")
    def _digest_of_the_options(self) -> Config:
        if (digest := kconfig.digest(self.options)) != self.digest:
            raise ValueError(f"the options have the digest {digest}, expected {self.digest}")
        return self


class Guest(_Part):
    """The virtual machine of a test; sizes are in bytes, `accel` is the accelerator that was used."""

    memory: int = Field(ge=32 << 20)
    cpus: int = Field(ge=1, le=256)
    swap: int = Field(ge=0)
    accel: Accel


class Program(_Part):
    """One selftest of a test."""

    program: ProgramPath
    name: str
    args: tuple[str, ...]
    timeout: int | None = Field(ge=1)


class Tools(_Part):
    """The tools, by version, and what they made, by digest. A run made again names the differences."""

    series_ci: str
    toolchain: Literal["gcc", "llvm"]
    compiler: str
    qemu: str
    qemu_argv: str
    selftests: str
    images: dict[str, str]
    host: str


class Measure(_Part):
    """The settings of a bench.

    `runs` is the number of boots of each kernel, `seed` that of the random numbers, `margin` the relative change that
    still counts as none. `accel` is the accelerator; the first locks of benches did not have it.
    """

    scenarios: tuple[Scenario, ...]
    runs: int = Field(ge=1)
    seed: int = Field(ge=0)
    margin: float = Field(0.1, gt=0, lt=1)
    accel: Accel | None = None


class TestedResults(_Part):
    """The results of a test, by name: on the base, with the series, and the change; `complaints` are fingerprints."""

    base: dict[str, str]
    patched: dict[str, str]
    changes: dict[str, str]
    complaints: tuple[str, ...]
    verdict: str


class Built(_Part):
    """The build after one patch (--each-patch): `name` is `2/5 title`."""

    name: str
    builds: bool
    new_warnings: tuple[str, ...]


class MeasuredResults(_Part):
    """A metric of a scenario on one kernel: the median, least and greatest of its samples, and their number."""

    scenario: str
    side: Literal["base", "patched"]
    metric: str
    median: float
    least: float
    greatest: float
    samples: int


class Lock(_Part):
    """The lock of one run.

    A test has `guest`, `tests` and `tested`, and `patches` if there was a build after each; other verbs have `measure`
    and `measured`. `allow` are the entries for kernel complaints that counted, also if they have expired when the run
    is made again; `permit` are the hazards that the series may have.
    """

    lock: Literal[1] = 1
    verb: Literal["test", "bench", "reproduce"]
    series: str
    label: Label
    title: str
    mails: Mails
    tree: Tree
    config: Config
    guest: Guest | None = None
    tests: tuple[Program, ...] = ()
    allow: tuple[Allowed, ...] = ()
    permit: tuple[Permit, ...] = ()
    measure: Measure | None = None
    reported: Reported | None = None
    arch: str
    tools: Tools
    tested: TestedResults | None = None
    patches: tuple[Built, ...] = ()
    measured: tuple[MeasuredResults, ...] = ()

    @property
    def accel(self) -> str:
        """The accelerator of the run; "" if the lock does not have it."""
        return (self.guest.accel if self.guest else self.measure.accel if self.measure else None) or ""


def write(folder: Path, lock: Lock) -> None:
    """Write the lock into a run directory."""
    files.write(RunDir(folder).run_lock, lock.model_dump_json(indent=1, by_alias=True) + "\n")


def read(path: Path) -> Lock:
    """Read the lock of a run directory, or a lock file. Raises UsageError with the first thing that is wrong."""
    file = RunDir(path).run_lock if path.is_dir() else path
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageError(f"{file}: is larger than any lock of a run ({MAX_BYTES >> 20} MB)")
        lock = Lock.model_validate_json(file.read_bytes())
    except OSError as error:
        hint = f"a run that compared nothing leaves none; `repeat` in its {SUMMARY} is the command line"
        raise UsageError(f"{file}: {error.strerror}", hint=hint if path.is_dir() else "") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{file}: is no lock of a run: {where + ': ' if where else ''}{first['msg']}") from error
    if (lock.verb == "test") != (lock.guest is not None and lock.tested is not None):
        raise UsageError(f"{file}: is no lock of a run: a test has a guest and results, others have not")
    if (lock.verb == "test") == (lock.measure is not None) or (lock.verb == "reproduce") != (lock.reported is not None):
        raise UsageError(f"{file}: is no lock of a run: it does not have what a {lock.verb} is made of")
    return lock
