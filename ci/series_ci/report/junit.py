"""JUnit XML for CI systems: one flat suite per version, in which a regression is a failure and nothing else is.

Flat, because common readers lose the cases of nested suites. What fails on the base just as well is reported as an
ordinary case with its state in the output: it is no news, and would hide the news.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from junit_xml import TestCase, TestSuite, to_xml_report_string

from series_ci.allow import Allowed
from series_ci.compare import LOST, Change, Entry
from series_ci.errors import Error, InfrastructureError
from series_ci.patches import PatchBuild
from series_ci.pipeline import Outcome, Request
from series_ci.report.summary import summary, verdict
from series_ci.results import Splat, Status
from series_ci.rows import Row, Sweep
from series_ci.text import both_ends

OUTPUT_LINES = 200
"""A case keeps this many lines of its output, half from each end."""

# XML 1.0 has no way to write these characters, and junit-xml raises on some of them.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """The text with every character that XML cannot hold shown as U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def junit(outcome: Outcome) -> str:
    """The XML document of one version."""
    return _document([_suite(outcome)])


def junit_of_sweep(sweep: Sweep, rows: Sequence[Row]) -> str:
    """The XML document of many versions: one suite for each."""
    return _document([_suite(row.outcome) if row.outcome else _no_result(sweep, row) for row in rows])


def _document(suites: Sequence[TestSuite]) -> str:
    xml = str(to_xml_report_string(suites, prettyprint=True))
    # Jenkins' schema knows no such attribute.
    return re.sub(r'(<testsuites?\b[^>]*?) disabled="\d*"', r"\1", xml)


def _name(request: Request) -> str:
    return clean(f"series-ci {request.series} {request.label}")


def _suite(outcome: Outcome) -> TestSuite:
    name = _name(outcome.request)
    cases = [_step(step, name) for step in outcome.steps]
    if outcome.comparison:
        cases += [_case(entry, name) for entry in outcome.comparison.entries]
        cases += [_splat(splat, name) for splat in outcome.comparison.new_splats]
        cases += [_allowed(splat, allowed, name) for splat, allowed in outcome.comparison.allowed_splats]
    else:
        assert outcome.error is not None
        what = verdict(outcome)
        cases.append(_error(outcome.error, what.removeprefix("does not "), what, name))
    return TestSuite(name, cases, properties=_properties(outcome))


def _no_result(sweep: Sweep, row: Row) -> TestSuite:
    """A version that nothing is known of, for the reason given or because the sweep was stopped before."""
    name = _name(row.request)
    error = row.error or InfrastructureError("the sweep was stopped before its turn")
    properties = {"series": sweep.series, "version": row.label, "message_id": row.request.message_id}
    return TestSuite(name, [_error(error, row.stage, "no result", name)], properties=properties)


def _step(step: PatchBuild, suite: str) -> TestCase:
    """The build after one patch; new warnings are shown, and are no failure."""
    case = TestCase(clean(f"build after patch {step.name}"), classname=suite, stdout=clean("\n".join(step.warnings)))
    if step.error:
        case.add_failure_info(clean(step.error.message), clean(step.error.details), "does not build")
    return case


def _case(entry: Entry, suite: str) -> TestCase:
    states = f"base: {entry.base or 'absent'}, with the series: {entry.patched or 'absent'}, change: {entry.change}"
    log = both_ends(entry.log, OUTPUT_LINES)
    case = TestCase(clean(entry.name), classname=clean(suite), stdout=clean("\n".join([states, *log])))
    if entry.change is Change.BROKEN:
        case.add_failure_info(clean(states), clean("\n".join([states, entry.reason, *log])), "BROKEN")
    elif entry.patched is None or entry.patched is Status.SKIP or entry.patched in LOST:
        case.add_skipped_info(clean(entry.reason or states))
    return case


def _kernel(splat: Splat, suite: str) -> TestCase:
    return TestCase(clean(f"kernel: {splat.title} [{splat.fingerprint[:8]}]"), classname=clean(suite))


def _allowed(splat: Splat, allowed: Allowed, suite: str) -> TestCase:
    case = _kernel(splat, suite)
    case.add_skipped_info(clean(allowed.words))
    return case


def _splat(splat: Splat, suite: str) -> TestCase:
    case = _kernel(splat, suite)
    case.add_failure_info(
        clean(f"{splat.kind}: {splat.title}"), clean("\n".join(both_ends(splat.lines, OUTPUT_LINES))), clean(splat.kind)
    )
    return case


def _error(error: Error, name: str, what: str, suite: str) -> TestCase:
    case = TestCase(clean(name), classname=suite)
    case.add_error_info(clean(error.message), clean(error.details), clean(what))
    return case


def _properties(outcome: Outcome) -> dict[str, str]:
    found = summary(outcome)
    flat = {key: found[key] for key in ("series", "version", "message_id", "verdict", "repeat")}
    flat |= {key: value for key, value in found["environment"].items() if isinstance(value, str)}
    return {key: clean(str(value)) for key, value in flat.items()}
