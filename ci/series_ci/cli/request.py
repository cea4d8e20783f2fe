"""Make requests and sweeps of the command line and the manifest, with a value for what both leave open."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from series_ci import arch
from series_ci.arch import Machine
from series_ci.cli import repeat
from series_ci.cli.options import Options
from series_ci.errors import UsageError
from series_ci.host import paths
from series_ci.manifest import allow, find
from series_ci.manifest.allow import Allowed
from series_ci.manifest.fields import LABEL
from series_ci.manifest.model import MachineSize, Manifest, Selftest, TreeSource, parse_size
from series_ci.manifest.request import Request
from series_ci.pipeline.rows import Sweep
from series_ci.rundir import layout

LORE = "https://lore.kernel.org/all/"


def make_request(version: str, options: Options, verb: str = "test", words: Sequence[str] = ()) -> Request:
    """Return the request for one version: a label of the manifest, or the Message-ID of a mail.

    The line that repeats it has `verb` and `words`, by default the version. Raises UsageError for an option, a label or
    a manifest that cannot be used.
    """
    message_ids: tuple[str, ...]
    if "@" in version:
        manifest = find.find(options.series, paths.series_folders()) if options.series else None
        label, message_ids = _label(version, options, manifest), (version.strip("<>"),)
    else:
        manifest = find.find(options.series, paths.series_folders())
        label, message_ids = version, manifest.message_ids(version)
        if options.label:
            raise UsageError(f"--label {options.label}: {version} is a label already", hint="it names a MESSAGE-ID")
    series = manifest.name if manifest else message_ids[-1]
    out = _out(options.out, series, label)
    again = repeat.line(words or [version], options, manifest, verb)
    return _request(series, label, message_ids, options, manifest, out, again)


def _label(message_id: str, options: Options, manifest: Manifest | None) -> str:
    """Return the label for a Message-ID, `mail` by default. Raises UsageError for the label of another version."""
    label = options.label or "mail"
    if not re.fullmatch(LABEL, label):
        raise UsageError(f"--label {label}: expected letters, digits, '.', '_' and '-', such as v11")
    known = manifest.versions.get(label) if manifest else None
    if known and known.message_id != message_id.strip("<>"):
        raise UsageError(f"--label {label}: the manifest has another mail of that label, {known.message_id}")
    return label


def make_sweep(versions: Sequence[str], options: Options, *, keep_going: bool) -> Sweep:
    """Return the sweep over these labels, or over all versions of the manifest, with the same machine and tests.

    Raises UsageError for a Message-ID, for --label, and for options or a manifest that cannot be used.
    """
    if options.label:
        raise UsageError(f"--label {options.label}: several versions have labels already", hint="it names a MESSAGE-ID")
    if ids := [version for version in versions if "@" in version]:
        raise UsageError(
            f"{ids[0]}: a Message-ID among several versions",
            hint=f"`series-ci init {ids[0]}` writes a manifest of all versions; their labels can be tested together",
        )
    manifest = find.find(options.series, paths.series_folders())
    labels = [manifest.version(each).label for each in versions] or list(manifest.versions)
    words = [*versions] or ["--all"]
    words += [] if keep_going else ["--no-keep-going"]
    again = repeat.line(words, options, manifest)
    out = _sweep_out(options.out, manifest.name, again)
    requests = [
        _request(
            manifest.name,
            label,
            manifest.message_ids(label),
            options,
            manifest,
            out / label,
            repeat.line([label], options, manifest),
        )
        for label in dict.fromkeys(labels)
    ]
    return Sweep(manifest.name, manifest.title, tuple(requests), out, again, keep_going)


def _request(
    series: str,
    label: str,
    message_ids: tuple[str, ...],
    options: Options,
    manifest: Manifest | None,
    out: Path,
    repeat: str,
) -> Request:
    return Request(
        series=series,
        label=label,
        message_id=message_ids[-1],
        rest=message_ids[:-1],
        archive=_archive(options, manifest),
        trees=_trees(options, manifest, label),
        config=(*(manifest.config if manifest else ()), *(_file(each, "config fragment") for each in options.config)),
        machine=machine(options, manifest.machine if manifest else MachineSize()),
        tests=_tests(options, manifest),
        accel=options.accel,
        out=out,
        repeat=repeat,
        each_patch=options.each_patch,
        allow=_allowed(manifest),
        permit=manifest.permit if manifest else (),
        toolchain=options.toolchain,
    )


def _allowed(manifest: Manifest | None) -> tuple[Allowed, ...]:
    if manifest is None:
        return ()
    allow.refuse_expired(manifest.allow, date.today())
    return manifest.allow


def machine(options: Options, size: MachineSize) -> Machine:
    """Return the virtual machine of the options. What they leave open comes from `size`."""
    return Machine(
        arch.get(options.arch or arch.host()),
        _memory(options.memory) if options.memory else size.memory,
        options.cpus or size.cpus,
        parse_size(options.swap) if options.swap else size.swap,
    )


def _memory(text: str) -> int:
    size = parse_size(text)
    if size < 32 << 20:
        raise UsageError(f"--memory {text}: expected 32M or more: is there a K, M or G missing?")
    return size


def _archive(options: Options, manifest: Manifest | None) -> str:
    if options.archive:
        return options.archive if "://" in options.archive else str(Path(options.archive).resolve())
    return str(manifest.archive) if manifest else LORE


def _trees(options: Options, manifest: Manifest | None, label: str) -> tuple[TreeSource, ...]:
    if options.tree:
        patches = tuple(_file(each, "base patch") for each in options.base_patch)
        return (TreeSource.model_construct(spec=options.tree, base_patches=patches),)
    if options.base_patch:
        raise UsageError("--base-patch needs --tree: the manifest's trees have base patches of their own")
    if manifest is None:
        raise UsageError(
            "no tree", hint="a Message-ID without --series needs --tree SPEC, such as debian:linux-source-6.12"
        )
    return manifest.trees_for(label) if label in manifest.versions else manifest.trees


def _file(name: str, what: str) -> Path:
    path = Path(name).resolve()
    if not path.is_file():
        raise UsageError(f"{what} {name}: no such file")
    return path


def _tests(options: Options, manifest: Manifest | None) -> tuple[Selftest, ...]:
    if not options.test:
        return manifest.tests if manifest else ()
    for name in options.test:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+", name) or {".", ".."} & set(name.split("/")):
            raise UsageError(f"--test {name}: expected COLLECTION/PROGRAM, such as mm/exit_skip")
    named = {each.name: each for each in manifest.tests} if manifest else {}
    return tuple(
        named.get(name) or Selftest.model_construct(program=name, name=name, args=(), timeout=None)
        for name in options.test
    )


def _out(given: str | None, series: str, label: str) -> Path:
    if given:
        path = Path(given).resolve()
        if path.exists() and not (path.is_dir() and layout.RunDir(path).holds_interrupted()):
            raise _written(given)
        return path
    return layout.stamped(series, label)


def _written(out: str) -> UsageError:
    return UsageError(f"--out {out}: exists and is not an empty folder", hint="a run directory is written once")


def _sweep_out(given: str | None, series: str, repeat: str) -> Path:
    """Return the folder for a sweep: `given`, the newest interrupted sweep with the same `repeat`, or a new one.

    Raises UsageError if `given` has something else in it.
    """
    if given:
        path = Path(given).resolve()
        new = not path.exists() or (path.is_dir() and not any(path.iterdir()))
        if not new and layout.unfinished(path) != repeat:
            raise _written(given)
        return path
    # The newest first: names contain the time, so they sort by it.
    earlier = sorted(paths.runs().glob(f"{glob.escape(layout.safe(series))}-sweep-*"), reverse=True)
    return next((path for path in earlier if layout.unfinished(path) == repeat), layout.stamped(series, "sweep"))
