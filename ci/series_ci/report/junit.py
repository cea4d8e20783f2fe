"""Write JUnit XML for CI systems: one flat suite per version, in which only regressions are failures.

Suites are flat because common readers lose the cases of nested ones. A test that fails on the base, too, is a case
that passes, with its status in the output: as a failure it would hide the regressions. `Failures.ALL` makes it one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from junit_xml import TestCase, TestSuite, to_xml_report_string

from series_ci.errors import ExitStatus
from series_ci.manifest.allow import Allowed
from series_ci.results.compare import LOST, Change, SplatEntry, TestChange
from series_ci.results.logline import both_ends
from series_ci.results.model import Splat, Status
from series_ci.rundir import words
from series_ci.rundir.run import PatchResult, Problem, VersionRun
from series_ci.rundir.sweep_run import AnyRun, SweepRow, SweepRun

OUTPUT_LINES = 200
"""Lines of a case's output that are kept, half of them of each end."""

LINE = 4000
"""Characters of a line that are kept, half of them of each end."""


class Failures(StrEnum):
    """Which results are failures."""

    REGRESSIONS = "regressions"  # what is worse than on the base
    ALL = "all"  # whatever is bad with the series


# XML 1.0 cannot hold these characters, and junit-xml raises on some of them.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return a text with U+FFFD in place of each character that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def junit(run: AnyRun, failures: Failures = Failures.REGRESSIONS) -> str:
    """Return the XML document, with a suite for each version."""
    if isinstance(run, SweepRun):
        suites = [_suite(row.run, failures) if row.run else _no_result(run, row) for row in run.rows]
    else:
        suites = [_suite(run, failures)]
    xml = str(to_xml_report_string(suites, prettyprint=True))
    # Jenkins' schema does not allow this attribute.
    return re.sub(r'(<testsuites?\b[^>]*?) disabled="\d*"', r"\1", xml)


def _name(series: str, version: str) -> str:
    return clean(f"series-ci {series} {version}")


def _suite(run: VersionRun, failures: Failures) -> TestSuite:
    name = _name(run.series, run.version)
    cases = [_step(step, name) for step in run.steps]
    cases += [_case(entry, name, failures) for entry in run.entries]
    shown = [each for each in run.splats if _counts(each, failures)]
    cases += [_splat(each, name) for each in shown]
    cases += [_allowed(splat, why, name) for splat, why in run.allowed_splats]
    if run.error:
        cases.append(_error(run.error, _failed(run), run.verdict, name))
    _make_unique(cases)
    started = run.boots[0].run.started if run.boots and run.boots[0].run else None
    stamp = started.replace(tzinfo=None).isoformat(timespec="seconds") if started else None
    return TestSuite(name, cases, timestamp=stamp, properties={**_properties(run), "failures": str(failures)})


def _failed(run: VersionRun) -> str:
    """Return the name of the case of a version that was not booted."""
    return "coverage" if run.status is ExitStatus.NOT_TESTED else run.verdict.removeprefix("does not ")


def _no_result(sweep: SweepRun, row: SweepRow) -> TestSuite:
    """Return the suite of a version without results: it failed, or the sweep was stopped before."""
    name = _name(sweep.series, row.label)
    error = row.error or Problem("the sweep was stopped before its turn")
    properties = {"series": sweep.series, "version": row.label, "message_id": row.message_id, "repeat": sweep.repeat}
    case = _error(error, row.stage, "no result", name)
    return TestSuite(name, [case], properties={key: clean(value) for key, value in properties.items()})


def _make_unique(cases: Sequence[TestCase]) -> None:
    """Number cases of the same name (they differed in what XML cannot hold): readers keep one case of a name."""
    seen: dict[str, int] = {}
    for case in cases:
        plain, number = case.name, seen.get(case.name, 0)
        while case.name in seen:
            number += 1
            case.name = f"{plain} ({number})"
        seen[plain] = max(number, 1)
        seen[case.name] = seen.get(case.name, 1)


def _step(step: PatchResult, suite: str) -> TestCase:
    """Return the case of the build after one patch; only an error is a failure, new warnings are output."""
    output = [*([words.step(step)] if words.step(step) else []), *step.new_warnings]
    case = TestCase(clean(f"build after patch {step.patch}"), classname=suite, stdout=_output(output))
    if step.error:
        case.add_failure_info(clean(step.error), failure_type="does not build")
    return case


def _case(entry: TestChange, suite: str, failures: Failures) -> TestCase:
    states = f"base: {entry.base or 'absent'}, with the series: {entry.patched or 'absent'}, change: {entry.change}"
    flaky = [entry.reason] if entry.change is Change.FLAKY else []
    case = TestCase(clean(entry.name), classname=suite, stdout=_output([states, *flaky, *entry.notes], entry.log))
    case.elapsed_sec = None if entry.seconds is None else round(entry.seconds, 3)
    lost = entry.patched in LOST
    bad = failures is Failures.ALL and (lost or entry.patched is Status.FAIL)
    if bad or entry.change is Change.BROKEN:
        case.add_failure_info(clean(states), _output([states, entry.reason], entry.log), str(entry.change))
    elif entry.patched is None or entry.patched is Status.SKIP or lost:
        case.add_skipped_info(clean(entry.reason or states))
    return case


def _counts(entry: SplatEntry, failures: Failures) -> bool:
    return entry.change is Change.NEW or (failures is Failures.ALL and entry.change is Change.SAME)


def _kernel(splat: Splat, suite: str) -> TestCase:
    return TestCase(clean(f"kernel: {splat.title} [{splat.fingerprint[:8]}]"), classname=suite)


def _allowed(splat: Splat, why: Allowed, suite: str) -> TestCase:
    case = _kernel(splat, suite)
    case.add_skipped_info(clean(why.words))
    return case


def _splat(entry: SplatEntry, suite: str) -> TestCase:
    splat = entry.splat
    case = _kernel(splat, suite)
    case.add_failure_info(clean(f"{splat.kind}: {splat.title}"), _output([], splat.lines), clean(splat.kind))
    return case


def _error(error: Problem, name: str, what: str, suite: str) -> TestCase:
    case = TestCase(clean(name), classname=suite)
    case.add_error_info(clean(error.message), _output([], error.details.splitlines()), clean(what))
    return case


def _output(head: Sequence[str], lines: Sequence[str] = ()) -> str:
    """Return lines as text; of many lines, and of a long line, both ends are kept."""
    return clean("\n".join([*head, *(_shortened(line) for line in both_ends(lines, OUTPUT_LINES))]))


def _shortened(line: str) -> str:
    if len(line) <= LINE:
        return line
    half = LINE // 2
    return f"{line[:half]} ... {len(line) - LINE} characters left out ... {line[-half:]}"


def _properties(run: VersionRun) -> dict[str, str]:
    origin = run.origin
    properties = {
        "series": run.series,
        "version": run.version,
        "title": run.title,
        "message_id": run.message_id,
        "verdict": run.verdict,
        "compiled": words.compiled(run),
        "counts": ", ".join(words.tally(run)),
        "retried": "; ".join(words.retried(run)),
        "repeat": run.repeat,
        **run.environment,
        "archive": origin.archive,
        "tree": origin.tree,
        "base_commit": origin.base,
        "patched_commit": origin.patched or "",
        "permitted": "; ".join(f"{each.kind}: {each.words}" for each in run.permitted),
    }
    return {clean(key): clean(value) for key, value in properties.items() if value}
