"""Show a run as a KCIDB document: base and version are checkouts, their kernels builds, each result a test. Pure.

The ids depend on the run alone, so a document that is submitted twice is stored once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from series_ci.errors import ExitStatus, NothingToTestError, UsageError
from series_ci.host import files
from series_ci.results.model import BOOT_RESULT, Ended, Result, Run, Status
from series_ci.rundir import public, words
from series_ci.rundir.run import Origin, Stage, VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRun

ORIGIN = "series_ci"

VERSION = {"major": 5, "minor": 3}
"""The version of the schema that the document has."""

EXCERPT = 16_000
"""Characters of a log excerpt; the schema allows 16384."""

STATUSES = {
    Status.PASS: "PASS",
    Status.XFAIL: "PASS",
    Status.FAIL: "FAIL",
    Status.SKIP: "SKIP",
    Status.TIMEOUT: "ERROR",
    Status.CRASH: "ERROR",
    Status.ERROR: "ERROR",
    Status.NOTBUILT: "MISS",
    Status.NOTRUN: "MISS",
}

Objects = dict[str, list[dict[str, Any]]]


def document(run: AnyRun, mails: Mapping[str, Sequence[bytes]]) -> dict[str, Any]:
    """Return the document; `mails` are the patches of each version by its label.

    Raises UsageError for a boot whose record has no time: KCIDB refuses a test without one.
    """
    objects: Objects = {"checkouts": [], "builds": [], "tests": []}
    for each in run.runs if isinstance(run, SweepRun) else [run]:
        _version(each, mails.get(each.version, ()), objects)
    # Versions of a sweep share the base, and some share boots.
    once = {kind: list({each["id"]: each for each in made}.values()) for kind, made in objects.items()}
    return {"version": VERSION, **once}


def _version(run: VersionRun, mails: Sequence[bytes], objects: Objects) -> None:
    # Also if the base has the patches already: git am refuses them.
    applies = run.stage is not Stage.APPLY or run.verdict == NothingToTestError.verdict
    base = _id("base", run.origin.base, run.origin.tree)
    patch_ids = [each.patch_id for each in run.origin.patches]
    ours = _id("series", run.origin.base, run.origin.tree, run.message_id, *patch_ids)
    objects["checkouts"] += [
        _checkout(base, run),
        {
            **_checkout(ours, run, valid=applies),
            "patchset_hash": _patchset(mails),
            "message_id": run.message_id,
            "comment": _plain(f"{run.series} {run.version}: {run.title}{_untested(run)}"),
            **_excerpt(run.error.details.splitlines() if run.error and not applies else []),
        },
    ]
    if run.permitted:
        permitted = [_plain(f"{each.kind}: {each.words}") for each in run.permitted]
        objects["checkouts"][-1]["misc"]["permitted"] = permitted
    if run.error and run.stage is Stage.BUILD:
        build = {"id": f"{ours}-build", "origin": ORIGIN, "checkout_id": ours, "status": "FAIL"}
        build |= {"comment": _plain(run.error.message), **_excerpt(run.error.details.splitlines())}
        objects["builds"].append(build)
    for checkout, boots in ((base, run.base_boots), (ours, run.boots)):
        for number, boot in enumerate(boots):
            if boot.run is not None:
                _boot(checkout, boot.run, number, objects)


def _untested(run: VersionRun) -> str:
    """Return a remark if not all of the series was tested, which no other object of the document says; else ""."""
    left_out = run.status is ExitStatus.NOT_TESTED or words.left_out(run)
    return f" ({run.verdict}: {words.compiled(run)})".replace(": )", ")") if left_out else ""


def _id(*parts: str) -> str:
    return f"{ORIGIN}:{files.digest(*parts)[:32]}"


def _checkout(name: str, run: VersionRun, *, valid: bool = True) -> dict[str, Any]:
    """Return a checkout. Its commit is named only if others have it: imports and base patches make local ones."""
    origin = run.origin
    checkout: dict[str, Any] = {"id": name, "origin": ORIGIN, "valid": valid, "tree_name": _plain(_tree(origin))}
    checkout["patchset_hash"] = ""
    checkout["misc"] = {
        "base_commit": origin.base,
        "base_patches": list(origin.base_patches),
        "archive": public.address(origin.archive),
    }
    place = re.fullmatch(r"git\+(https://[^@\0\s]+)@.+", origin.tree)
    if place and not origin.base_patches and re.fullmatch("[0-9a-f]{40}", origin.base):
        checkout |= {"git_repository_url": place[1], "git_commit_hash": origin.base}
    return checkout


def _tree(origin: Origin) -> str:
    """Return the public name of the tree, without folders of this machine."""
    return public.spec(origin.tree) or public.kernel(origin)


def _patchset(mails: Sequence[bytes]) -> str:
    """Return the SHA-256 of the lines that hold the SHA-256 of each patch, in order."""
    return sha256(b"".join(sha256(raw).hexdigest().encode() + b"\n" for raw in mails)).hexdigest() if mails else ""


def _boot(checkout: str, run: Run, number: int, objects: Objects) -> None:
    if run.started is None:
        raise UsageError("the record of the run does not say when it was started", hint="test the version again")
    environment = run.environment
    build = f"{checkout}-{environment.get('config', 'x')}-{environment.get('arch', 'x')}"
    objects["builds"].append(
        {
            "id": build,
            "origin": ORIGIN,
            "checkout_id": checkout,
            "status": "PASS",
            "architecture": re.sub("[^a-z0-9_]", "_", environment.get("arch", "").lower()),
            "compiler": _plain(environment.get("compiler", "")),
            "config_name": _plain(environment.get("config", "")),
        }
    )
    boot = f"{build}-{run.started.isoformat()}-{number}"
    shown = {key: environment[key] for key in ("accelerator", "qemu", "memory", "cpus", "host") if environment.get(key)}
    common = {
        "origin": ORIGIN,
        "build_id": build,
        "environment": {"comment": _plain(environment.get("qemu", "QEMU")), "misc": shown},
    }
    for result, seconds in _timed(run):
        start = run.started + timedelta(seconds=seconds)
        name = f"{boot}-{_plain(result.name)}"
        objects["tests"].append({**common, "id": name, "start_time": start.isoformat(), **_test(result, run)})
    for attempt in run.attempts:
        replaced = {"id": f"{boot}-{_plain(attempt.folder)}", "path": BOOT_RESULT, "comment": _plain(attempt.why)}
        replaced["status"] = "FAIL" if attempt.ended is Ended.HANG else "ERROR"
        objects["tests"].append({**common, **replaced, "start_time": run.started.isoformat()})
    lines = [line for splat in run.splats for line in splat.lines]
    words = {"id": f"{boot}-dmesg", "path": "dmesg", "status": "FAIL" if run.splats else "PASS"}
    objects["tests"].append({**common, **words, "start_time": run.started.isoformat(), **_excerpt(lines)})


def _test(result: Result, run: Run) -> dict[str, Any]:
    return {
        "path": path(result.name),
        "status": status(result, run),
        "misc": {"name": result.name, "status": str(result.status)},
        **({"duration": result.seconds} if result.seconds is not None else {}),
        **({"comment": _plain(result.reason)} if result.reason else {}),
        **_excerpt(result.log),
    }


def _timed(run: Run) -> Iterator[tuple[Result, float]]:
    """Yield each result with the seconds from the start of the boot to that of the test: tests run one by one."""
    passed = 0.0 if run.boot_seconds is None else run.boot_seconds
    for result in run.results:
        yield result, 0.0 if result.name == BOOT_RESULT else passed
        passed += result.seconds or 0.0


def status(result: Result, run: Run) -> str:
    """Return KCIDB's status. A result that was lost is FAIL if the kernel died, as that is its fault; else ERROR."""
    if result.status in (Status.CRASH, Status.TIMEOUT) and run.ended in (Ended.PANIC, Ended.HANG):
        return "FAIL"
    return STATUSES[result.status]


def path(name: str) -> str:
    """Return the path of a test in KCIDB's tree: `kselftest.mm.exit_skip.shmem.exiting`."""
    if name == BOOT_RESULT:
        return name
    parts = [re.sub(r"[^a-zA-Z0-9_-]", "_", part) for part in re.split("[/:.]", name)]
    return ".".join(["kselftest", *(part or "_" for part in parts)])


def _plain(text: str) -> str:
    """Return a text without characters that the schema does not allow."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _excerpt(lines: Sequence[str]) -> dict[str, str]:
    """Return the excerpt of a log: its end, where a failure shows."""
    text = _plain("\n".join(lines))
    return {"log_excerpt": text[-EXCERPT:]} if text else {}
