"""JUnit XML that any reader takes, in which a regression is a failure and nothing else is."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml, TestSuite
from lxml import etree

from fakes import npm
from fakes.here import DATA
from fakes.outcomes import outcome, run
from series_ci.errors import ApplyError, BuildError, Error
from series_ci.host import process
from series_ci.kernel.each_patch import PatchBuild
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.report.junit import LINE, OUTPUT_LINES, Failures, clean, junit
from series_ci.results import compare, looks
from series_ci.results.model import Ended, Result, Splat, Status

NASTY = [
    "\0",
    "\x01\x08\x0b\x0c\x1b[31mred\x1b[0m",
    "\x7f\x85",
    "\ufffe",
    "\uffff",
    "\ud800",
    "\udcff",
    "\U0001f600",
    "\U0010ffff",
    "]]>",
    "<![CDATA[",
    "<b>&amp;\"'",
    "&#0;",
    "<!--",
    "é\u2028",
    "\r\n\t",
]


def results(**statuses: Status) -> list[Result]:
    return [Result(f"mm/{name}", status, "why", ("line",)) for name, status in statuses.items()]


def as_xml(found: Outcome) -> str:
    return junit(version_run(found))


def cases(found: Outcome) -> dict[str, ET.Element]:
    suites = ET.fromstring(as_xml(found))
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    listed = suite.findall("testcase")
    by_name = {case.get("name", ""): case for case in listed}
    assert len(by_name) == len(listed)
    return by_name


def state(case: ET.Element) -> str:
    (found,) = [each.tag for each in case if each.tag in ("failure", "error", "skipped")] or ["passed"]
    return found


def compared(base: dict[str, Status], patched: dict[str, Status], ended: Ended = Ended.POWEROFF) -> Outcome:
    return outcome(run("base", *results(**base)), run("v10", *results(**patched), ended=ended))


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        (Status.PASS, Status.PASS, "passed"),
        (Status.FAIL, Status.FAIL, "passed"),  # as the base: no news
        (Status.CRASH, Status.CRASH, "skipped"),  # no news, but no pass either
        (Status.CRASH, Status.TIMEOUT, "failure"),
        (Status.FAIL, Status.PASS, "passed"),  # fixed
        (Status.CRASH, Status.FAIL, "passed"),
        (None, Status.PASS, "passed"),
        (Status.PASS, Status.FAIL, "failure"),
        (Status.PASS, Status.CRASH, "failure"),
        (Status.FAIL, Status.NOTRUN, "failure"),
        (Status.SKIP, Status.FAIL, "failure"),
        (None, Status.FAIL, "failure"),
        (Status.PASS, Status.SKIP, "skipped"),
        (Status.SKIP, Status.SKIP, "skipped"),
        (Status.NOTBUILT, Status.NOTBUILT, "skipped"),
        (Status.PASS, None, "skipped"),  # gone
    ],
)
def test_a_case(base: Status | None, patched: Status | None, expected: str) -> None:
    found = cases(compared({"a": base} if base else {}, {"a": patched} if patched else {}))
    assert list(found) == ["mm/a"]
    assert state(found["mm/a"]) == expected


def test_a_failure_says_what_changed_and_why() -> None:
    (failure,) = cases(compared({"a": Status.PASS}, {"a": Status.FAIL}))["mm/a"].findall("failure")
    assert failure.get("type") == "BROKEN"
    assert failure.get("message") == "base: PASS, with the series: FAIL, change: BROKEN"
    assert (failure.text or "").splitlines()[1:] == ["why", "line"]


def test_what_fails_as_on_the_base_shows_its_state_in_the_output() -> None:
    case = cases(compared({"a": Status.FAIL}, {"a": Status.FAIL}))["mm/a"]
    assert (case.findtext("system-out") or "").startswith("base: FAIL, with the series: FAIL, change: SAME")


def test_a_flaky_test_is_no_failure() -> None:
    first = compared({"a": Status.PASS}, {"a": Status.FAIL})
    second = compared({"a": Status.PASS}, {"a": Status.PASS})
    assert first.comparison
    assert second.comparison
    both = looks.join([first.comparison, second.comparison])
    found = Outcome(first.request, first.fetched, first.base, (), first.runs, both)
    case = cases(found)["mm/a"]
    assert state(case) == "passed"
    assert "FLAKY" in (case.findtext("system-out") or "")


def test_a_new_complaint_is_a_failure_of_its_own_and_an_old_one_is_none() -> None:
    old, new = (Splat("WARNING", f"WARNING: {name}", name * 8, ("at line 1", "Call Trace")) for name in ("aa", "bb"))
    good = Result("mm/a", Status.PASS)
    found = cases(outcome(run("base", good, splats=(old,)), run("v10", good, splats=(old, new))))
    assert set(found) == {"mm/a", "kernel: WARNING: bb [bbbbbbbb]"}
    (failure,) = found["kernel: WARNING: bb [bbbbbbbb]"].findall("failure")
    assert failure.get("message") == "WARNING: WARNING: bb"
    assert failure.text == "at line 1\nCall Trace"


@pytest.mark.parametrize(
    ("error", "name"),
    [(ApplyError("patch 1", details="hunk"), "apply"), (BuildError("a.c:1", details="hunk"), "build")],
)
def test_a_version_that_was_not_booted_is_an_error(error: Error, name: str) -> None:
    found = cases(outcome(error=error))
    assert list(found) == [name]
    (shown,) = found[name].findall("error")
    assert (shown.get("message"), shown.get("type"), shown.text) == (error.message, f"does not {name}", "hunk")


def test_readers_count_what_we_count() -> None:
    names = ["same", "failing", "broken", "skipped", "gone", "fixed"]
    base = [Status.PASS, Status.FAIL, Status.PASS, Status.SKIP, Status.PASS, Status.FAIL]
    patched = [Status.PASS, Status.FAIL, Status.CRASH, Status.SKIP, None, Status.PASS]
    found = compared(
        dict(zip(names, base, strict=True)), {name: each for name, each in zip(names, patched, strict=True) if each}
    )
    parsed = JUnitXml.fromstring(as_xml(found).encode())
    (suite,) = parsed
    assert isinstance(suite, TestSuite)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 1, 0, 2)
    said = [(suite.tests, suite.failures, suite.errors, suite.skipped)]
    suite.update_statistics()
    assert said == [(suite.tests, suite.failures, suite.errors, suite.skipped)]
    assert {case.name for case in suite} == {f"mm/{name}" for name in names}
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["verdict"] == "regression"
    assert properties["title"] == "mm/rmap: leave the folios of exiting processes alone"
    assert properties["repeat"] == "series-ci test v10 --series demo"
    assert properties["qemu"] == "QEMU emulator version 9.8.7"


def test_the_suite_is_flat_and_has_no_attribute_that_jenkins_refuses() -> None:
    xml = as_xml(compared({"a": Status.PASS}, {"a": Status.FAIL}))
    root = ET.fromstring(xml)
    assert [each.tag for each in root.iter() if each.tag.startswith("testsuite")] == ["testsuites", "testsuite"]
    assert not [each for each in root.iter() if "disabled" in each.attrib]


def test_a_log_that_talks_of_disabled_things_is_not_touched() -> None:
    log = 'device disabled="1" and <testsuite disabled="0">'
    result = Result("mm/a", Status.PASS, "", (log,))
    case = cases(outcome(run("base", result), run("v10", result)))["mm/a"]
    assert (case.findtext("system-out") or "").endswith(log)


def test_only_attributes_of_suites_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer Pythons write quotes in a text as they are."""
    xml = '<testsuites disabled="0" a="1"><testsuite b="2" disabled="0"> disabled="3"</testsuite></testsuites>'
    monkeypatch.setattr("series_ci.report.junit.to_xml_report_string", lambda *_args, **_more: xml)
    assert as_xml(compared({}, {})) == '<testsuites a="1"><testsuite b="2"> disabled="3"</testsuite></testsuites>'


def everywhere(text: str) -> Outcome:
    result = Result(f"mm/{text}", Status.FAIL, text, (text, text))
    found = outcome(
        run("base", Result(f"mm/{text}", Status.PASS)),
        run("v10", result, splats=(Splat(text, text, text, (text,)),)),
        series=text,
        label=text,
    )
    found.runs[0].environment["host"] = text
    return found


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_gives_valid_xml(text: str) -> None:
    listed = ET.fromstring(as_xml(everywhere(text)).encode("utf-8")).iter("testcase")
    assert [state(case) for case in listed] == ["failure", "failure"]
    failed = as_xml(outcome(error=BuildError(text, details=text)))
    assert ET.fromstring(failed.encode("utf-8")).find(".//error") is not None


@settings(max_examples=60)
@given(st.text(st.characters(), max_size=12))
def test_any_text_gives_valid_xml(text: str) -> None:
    parsed = JUnitXml.fromstring(as_xml(everywhere(text)).encode("utf-8"))
    assert parsed.failures == 2


@pytest.mark.parametrize("text", ["<&>\"'", "]]>", "é\U0001f600", "\ufffd"])
def test_text_that_xml_can_hold_arrives(text: str) -> None:
    case = cases(everywhere(text))[f"mm/{text}"]
    assert text in (case.findtext("failure") or "")
    assert clean(text) == text


def test_text_that_xml_cannot_hold_is_marked() -> None:
    assert clean("a\0b\ud800c\ufffed\x1b") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert clean("a\tb\nc\rd\U00010000") == "a\tb\nc\rd\U00010000"


def test_long_output_keeps_both_ends() -> None:
    log = tuple(f"line {number}" for number in range(OUTPUT_LINES + 50))
    result = Result("mm/a", Status.PASS, "", log)
    lines = (cases(outcome(run("base", result), run("v10", result)))["mm/a"].findtext("system-out") or "").splitlines()
    assert len(lines) == OUTPUT_LINES + 2
    assert (lines[1], lines[-1]) == (log[0], log[-1])
    assert "... 50 lines left out ..." in lines


def test_output_of_just_the_limit_is_whole() -> None:
    log = tuple(f"line {number}" for number in range(OUTPUT_LINES))
    result = Result("mm/a", Status.PASS, "", log)
    lines = (cases(outcome(run("base", result), run("v10", result)))["mm/a"].findtext("system-out") or "").splitlines()
    assert tuple(lines[1:]) == log


SCHEMA = etree.XMLSchema(etree.parse(str(DATA / "junit.xsd")))


def of_all_kinds() -> Outcome:
    """Every pair of statuses, complaints of both kernels, times, notes and steps."""
    pairs = [(base, patched) for base in (*Status, None) for patched in (*Status, None) if base or patched]
    base, patched = (
        [
            Result(f"mm/{number}", pair[side], "why\x1b", ("\udcff ]]>",), number / 7, ("left x",))
            for number, pair in enumerate(pairs)
            if pair[side]
        ]
        for side in (0, 1)
    )
    old, new = (Splat("WARNING", f"WARNING: {name}", name * 8, ("at line 1",)) for name in ("aa", "bb"))
    first = replace(run("base", *base, splats=(old,)), started=datetime(2026, 2, 3, tzinfo=UTC))
    found = outcome(first, replace(run("v10", *patched, splats=(old, new)), started=first.started))
    steps = (PatchBuild("1/1 x", "12", BuildError("a.c:1"), ("a.c: warning: x",)),)
    return replace(found, steps=steps, boots=(Path("/runs/1/base"), Path("/runs/1/patched")))


@pytest.mark.parametrize("failures", list(Failures))
@pytest.mark.parametrize(
    "found", [of_all_kinds(), everywhere("\0"), outcome(error=BuildError("x", details="y")), compared({}, {})]
)
def test_jenkins_schema_takes_it(found: Outcome, failures: Failures) -> None:
    SCHEMA.assertValid(etree.fromstring(junit(version_run(found), failures).encode()))


def test_the_schema_here_refuses_what_jenkins_does() -> None:
    xml = as_xml(of_all_kinds())
    for good, bad in (
        (" tests=", ' disabled="0" tests='),
        ("<testcase ", '<testcase file="x" '),
        ('time="', 'time="1e-5'),
    ):
        assert not SCHEMA.validate(etree.fromstring(xml.replace(good, bad).encode()))


def test_all_failures_on_demand() -> None:
    found = of_all_kinds()
    regressions, everything = (
        JUnitXml.fromstring(junit(version_run(found), failures).encode())
        for failures in (Failures.REGRESSIONS, Failures.ALL)
    )
    assert found.comparison
    broken = {each.name for each in found.comparison.having(compare.Change.BROKEN)}
    lost = compare.LOST | {Status.FAIL}
    bad = {each.name for each in found.comparison.entries if each.patched in lost}
    # One step that does not build, one new complaint; of all, the old complaint too.
    assert regressions.failures == len(broken) + 2
    assert everything.failures == len(broken | bad) + 3
    assert len(broken | bad) > len(broken)


def test_times_and_when_it_was() -> None:
    (suite,) = ET.fromstring(as_xml(of_all_kinds()))
    assert suite.get("timestamp") == "2026-02-03T00:00:00"
    times = [float(case.get("time", 0)) for case in suite.iter("testcase")]
    assert max(times) > 1
    assert float(suite.get("time", 0)) == pytest.approx(sum(times))


def test_names_that_xml_cannot_tell_apart_are_told_apart() -> None:
    names = ["mm/a\0", "mm/a\1", "mm/a\ufffd (2)"]
    results = [Result(name, Status.PASS) for name in names]
    assert len(cases(outcome(run("base", *results), run("v10", *results)))) == 3


def test_a_long_line_keeps_both_ends() -> None:
    line = "begin" + "x" * 50_000 + "end"
    result = Result("mm/a", Status.PASS, "", (line,))
    said = cases(outcome(run("base", result), run("v10", result)))["mm/a"].findtext("system-out") or ""
    assert len(said) < LINE + 200
    assert "begin" in said
    assert said.endswith("end")


READ = """
import { readFileSync } from "node:fs";
import { parse } from "%s/junit2json/dist/esm/index.js";

const found = await parse(readFileSync(process.argv[1], "utf-8"));
const counts = { suites: 0, cases: 0, failures: 0, errors: 0, skipped: 0, names: new Set() };
for (const suite of found.testsuite) {
  counts.suites += 1;
  for (const each of suite.testcase ?? []) {
    counts.cases += 1;
    counts.names.add(`${suite.name} ${each.name}`);
    counts.failures += Boolean(each.failure);
    counts.errors += Boolean(each.error);
    counts.skipped += Boolean(each.skipped);
  }
}
console.log(JSON.stringify({ ...counts, names: counts.names.size }));
"""


@pytest.mark.parametrize("failures", list(Failures))
def test_a_reader_of_another_language_counts_the_same(failures: Failures, tmp_path: Path) -> None:
    node = npm.node("junit2json")
    file = tmp_path / "junit.xml"
    file.write_text(junit(version_run(of_all_kinds()), failures), "utf-8")
    done = process.run([node, "--input-type=module", "-e", READ % npm.MODULES, str(file)])
    assert done.code == 0, done.err
    suites = JUnitXml.fromfile(str(file))
    (suite,) = suites
    assert isinstance(suite, TestSuite)
    assert json.loads(done.out) == {
        "suites": 1,
        "cases": suite.tests,
        "failures": suite.failures,
        "errors": suite.errors,
        "skipped": suite.skipped,
        "names": suite.tests,
    }
