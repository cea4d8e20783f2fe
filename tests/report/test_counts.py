"""One run has one count: each format, and each place that results are posted to, tells the same numbers."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from junitparser import JUnitXml
from rich.console import Console

from fakes import rundirs
from fakes.outcomes import outcome, request, run
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row, Sweep, sweep_run
from series_ci.post import patchwork, posting
from series_ci.report import b4, evidence, html, kcidb, mail, mailtext, markdown, table
from series_ci.report.junit import Failures, junit
from series_ci.results.compare import Change
from series_ci.results.model import Attempt, Ended, Result, Run, Splat, Status
from series_ci.rundir import sweep_summary, words
from series_ci.rundir.matrix import matrix
from series_ci.rundir.run import Stage, VersionRun
from series_ci.rundir.summary import version_json

PROGRAM = "mm/exit_skip"
MANY = 30
"""More broken results than a mail or b4 names."""

EXPECTED = {
    Change.BROKEN: MANY + 1,  # and the program that they are in
    Change.FIXED: 2,
    Change.SKIPPED: 1,
    Change.GONE: 1,
    Change.NEW: 1,
    Change.SAME: 4,
}
COMPLAINTS = 1
LOST = 1
_PART = re.compile(r"(\d+) (?:more )?([A-Z]+)\b")


def kernel(label: str, *, patched: bool) -> Run:
    good, bad = (Status.FAIL, Status.PASS) if patched else (Status.PASS, Status.FAIL)
    results = [
        Result("boot", Status.PASS),
        Result(PROGRAM, good),
        *(Result(f"{PROGRAM}:case_{number}.deep", good) for number in range(MANY)),
        Result(f"{PROGRAM}:fixed", bad),
        Result(f"{PROGRAM}:same", Status.PASS),
        Result("mm/fixed", bad),
        Result("mm/skipped", Status.SKIP if patched else Status.PASS),
        Result("mm/both", Status.FAIL),
        Result("mm/lost", Status.NOTBUILT),
        Result("mm/new" if patched else "mm/gone", Status.PASS),
    ]
    splats = (Splat("BUG", "BUG: x", "ab"),) if patched else ()
    return replace(run(label, *results, splats=splats), started=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))


FOUND = outcome(kernel("base", patched=False), kernel("v10", patched=True))
RUN: VersionRun = version_run(FOUND)


def numbers(text: str) -> Mapping[Change, int]:
    """All `3 BROKEN` of a text, added up."""
    found: Counter[Change] = Counter()
    for number, word in _PART.findall(text):
        if word in Change.__members__:
            found[Change(word)] += int(number)
    return found


def without(expected: Mapping[Change, int], *changes: Change) -> Mapping[Change, int]:
    return {change: number for change, number in expected.items() if change not in changes}


def test_the_count_itself() -> None:
    told = ", ".join(words.tally(RUN))
    assert numbers(told) == EXPECTED
    assert f"{COMPLAINTS} new kernel complaint" in told
    assert f"({LOST} without a result)" in told
    assert Counter(entry.change for entry in RUN.entries) == EXPECTED


def test_a_part_and_the_rest_make_the_whole() -> None:
    shown = words.changed(RUN)[:7]
    rest = numbers(", ".join(words.remaining(words.changed(RUN), shown)))
    assert Counter(each.change for each in shown) + Counter(rest) == without(EXPECTED, Change.SAME)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rundirs.version(tmp_path / "run", FOUND)
    return tmp_path / "run"


def test_the_terminal() -> None:
    out = io.StringIO()
    table.show(RUN, Console(file=out, width=80))
    (last,) = [line for line in out.getvalue().splitlines() if line.startswith("demo v10: ")]
    assert last == f"demo v10: regression  {', '.join(words.tally(RUN))}"
    # The rows above: one per result, or a sum for a program with many.
    rows, *_ = out.getvalue().partition("\n\n")
    told = numbers(" ".join(re.findall(rf"^{PROGRAM} \(.*", rows, re.MULTILINE)))
    single = Counter(line.split()[-1] for line in rows.splitlines()[1:] if not line.startswith(f"{PROGRAM}"))
    assert {change: told.get(change, 0) + single[str(change)] for change in EXPECTED} == EXPECTED


def test_markdown() -> None:
    text = markdown.markdown(RUN)
    assert numbers(text.splitlines()[0]) == EXPECTED
    *_, programs = [part for part in text.split("\n\n") if part.startswith("| program")]
    assert numbers(programs.replace("PASS", "").replace("FAIL", "")) == EXPECTED
    results = [int(line.split("|")[2]) for line in programs.splitlines()[2:]]
    assert sum(results) == sum(EXPECTED.values())
    listed = Counter(re.findall(r"\| ([A-Z]+) \|$", text, re.MULTILINE))
    assert listed == without(EXPECTED, Change.SAME)


def test_html() -> None:
    page = html.page(RUN, evidence.Evidence({}, ()))
    (heading,) = re.findall("<h1[^>]*>(.*?)</h1>", page)
    assert numbers(heading) == EXPECTED
    groups = re.findall(r"<summary><span class=\"mono\">[^<]*</span> <span[^>]*>([^<]*)</span>", page)
    assert numbers(" ".join(groups)) == EXPECTED


def test_mail() -> None:
    text = mail.reply(mail.Answered(RUN, [rundirs.MAIL]))
    body = text.partition("\n\n")[2]
    told = re.search(r"Verdict: (.*?)\n\n", body, re.DOTALL)
    assert told
    assert numbers(" ".join(told[1].split())) == EXPECTED
    rows = Counter(re.findall(r"^  \S+ +[A-Z-]+ +[A-Z-]+ +([A-Z]+)$", body, re.MULTILINE))
    (rest,) = re.findall(r"^  and (.*?)\n\n", body, re.MULTILINE | re.DOTALL)
    assert rows + Counter(numbers(" ".join(rest.split()))) == without(EXPECTED, Change.SAME)
    assert all(len(line) <= mailtext.WIDTH for line in body.splitlines())


def test_b4() -> None:
    (check,) = b4.checks(RUN)
    assert numbers(check["summary"]) == EXPECTED
    rows = Counter(line.split(" ")[0] for line in check["details"].splitlines() if " -> " in line)
    (rest,) = re.findall(r"^and (.*)$", check["details"], re.MULTILINE)
    assert rows + Counter(numbers(rest)) == without(EXPECTED, Change.SAME)


def test_junit() -> None:
    xml = junit(RUN)
    assert numbers(xml.partition('name="counts" value="')[2].partition('"')[0]) == EXPECTED
    (suite,) = JUnitXml.fromstring(xml.encode())
    assert suite.tests == sum(EXPECTED.values()) + COMPLAINTS
    assert suite.failures == EXPECTED[Change.BROKEN] + COMPLAINTS
    changes = Counter(re.findall(r"<system-out>base: .*, with the series: .*, change: ([A-Z]+)", xml))
    assert changes[Change.SAME] == EXPECTED[Change.SAME]
    bad = [each for each in RUN.entries if each.patched in (Status.FAIL, Status.NOTBUILT)]
    (everything,) = JUnitXml.fromstring(junit(RUN, Failures.ALL).encode())
    assert everything.failures == len(bad) + COMPLAINTS


def test_json() -> None:
    found = version_json(RUN)
    assert Counter(each["change"] for each in found["changes"]) == EXPECTED


def test_kcidb(folder: Path) -> None:
    """It has no changes: each result of either kernel is a test, and so is the log of each."""
    run_ = rundirs.version(folder, FOUND)
    tests = kcidb.document(run_, {})["tests"]
    patched = [entry for entry in run_.entries if entry.patched is not None]
    base = [entry for entry in run_.entries if entry.base is not None]
    assert len(tests) == len(patched) + len(base) + 2


def test_posts(folder: Path) -> None:
    """What GitHub's check run, commit status and comment, and Patchwork's checks are made of."""
    made = posting.read(folder)
    assert numbers(made.title) == EXPECTED
    assert numbers(made.summary.splitlines()[0]) == EXPECTED
    checks = list(patchwork.checks(made, made.context, ""))
    assert [numbers(each.description) for each in checks] == [EXPECTED]


def sweep(found: Outcome) -> Sweep:
    return Sweep("demo", "title", (request(),), Path("/runs/9"), "series-ci test --all", True)


def test_a_sweep() -> None:
    row = Row(request(), FOUND, None, Stage.DONE)
    made = sweep_run(sweep(FOUND), [row])
    drawn = matrix(made.rows)
    (line,) = drawn.lines
    cells = dict(zip(drawn.heading, line, strict=True))
    assert cells["kernel log"] == f"{COMPLAINTS} new"
    found: Counter[str] = Counter()
    for name, cell in cells.items():
        for part in cell.split(", ") if "/" in name else ():
            word, _, number = part.partition(" ")
            found[word] += int(number or 1)
    assert {change: found[str(change)] for change in EXPECTED if change is not Change.SAME} == without(
        EXPECTED, Change.SAME
    )
    told = sweep_summary.sweep_json(made)["versions"][0]["changes"]
    assert Counter(told.values()) == without(EXPECTED, Change.SAME)
    (note,) = [text for _labels, text in drawn.notes if text.startswith("BROKEN")]
    assert f"and {EXPECTED[Change.BROKEN] - 1} more" in note
    # The page and the table of a sweep have the version's own headline.
    page = html.page(made, evidence.Evidence({}, ()))
    assert [numbers(each) for each in re.findall(r"<h2[^>]*class=\"verdict[^>]*>(.*?)</h2>", page)] == [EXPECTED]


def test_a_guest_that_was_started_again_is_told_everywhere(folder: Path) -> None:
    """With the place of its console, wherever a person reads."""
    hung = Attempt("try-1", Ended.HANG, "it printed nothing more")
    first, second = FOUND.runs
    found = rundirs.settle(folder, replace(FOUND, runs=(first, replace(second, attempts=(hung,)))))
    told = rundirs.version(folder, found)
    (line,) = words.retried(told)
    assert "(patched/try-1/console.log)" in line
    out = io.StringIO()
    table.show(told, Console(file=out, width=400))
    assert f"NOTE {line}" in out.getvalue()
    page = html.page(told, evidence.Evidence({}, ()))
    sent = mail.reply(mail.Answered(told, [rundirs.MAIL]))
    (check,) = b4.checks(told)
    plain = re.sub(r"\\(.)", r"\1", markdown.markdown(told))
    for text in (page, sent, check["details"], plain, junit(told)):
        assert line in " ".join(text.split())
    assert version_json(told)["retried"][0]["folder"] == "patched/try-1"
    row = Row(request(), found, None, Stage.DONE)
    assert ("v10", line) in matrix(sweep_run(sweep(found), [row]).rows).notes
