"""Show a run as a check in b4's review: a JSON array of one object. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from series_ci.errors import ExitStatus
from series_ci.host import plain
from series_ci.results.compare import Change
from series_ci.rundir import matrix, words
from series_ci.rundir.run import VersionRun

TOOL = "series-ci"

NAMED = 20
"""Tests, complaints and lines of an error that are shown."""

B4Check = dict[str, str]


def check(status: str, summary: str, details: str = "", url: str = "") -> B4Check:
    """Return a check; `status` is pass, warn or fail. b4 prints the texts as they are, so they are made plain."""
    shown = {"summary": plain.clean(summary), "url": plain.clean(url), "details": plain.clean(details)}
    return {"tool": TOOL, "status": status, **shown}


def checks(run: VersionRun, url: str = "") -> list[B4Check]:
    """Return the checks of a version, of which there is one."""
    return [check(_status(run), words.headline(run), "\n".join(_details(run)), url)]


def _status(run: VersionRun) -> str:
    if run.status is ExitStatus.OK:
        return "warn" if run.having(Change.FLAKY) else "pass"
    # A run without results, or without the code in its kernel, says nothing about the series.
    return "warn" if run.status in (ExitStatus.INFRASTRUCTURE, ExitStatus.NOT_TESTED) else "fail"


def _details(run: VersionRun) -> Iterator[str]:
    if compiled := words.compiled(run):
        yield compiled
    if run.error:
        yield from (run.error.message, *run.error.details.splitlines()[:NAMED])
    for step in run.steps:
        if step.error or words.step(step):
            yield f"after {step.patch}: {step.error or words.step(step)}"
    for splat in run.new_splats[:NAMED]:
        yield f"new kernel complaint: {splat.title}"
    changed = words.changed(run)
    named = words.leaves(changed)[:NAMED]
    for entry in named:
        why = matrix.why(entry)
        yield f"{entry.change} {entry.name}: {words.states(entry)}" + (f" ({why})" if why else "")
    if left := words.remaining(changed, named):
        yield f"and {', '.join(left)}"
    yield from words.retried(run)
    yield from (f"permitted {each.kind}: {each.words}" for each in run.permitted[:NAMED])
    yield f"base: {run.origin.tree} ({run.origin.base[:12]})"
    yield f"results: {run.folder}"
    yield f"repeat: {run.repeat}"
