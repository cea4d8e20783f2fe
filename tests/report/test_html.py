"""The page: what it says, and what a reader meets in a real browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import npm, rundirs
from fakes.here import DATA
from fakes.outcomes import outcome, request, run
from series_ci.errors import ApplyError, BuildError
from series_ci.host import process
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row
from series_ci.report import evidence, html
from series_ci.report.evidence import Evidence
from series_ci.report.html import page
from series_ci.results.model import Result, Splat, Status
from series_ci.rundir import read
from series_ci.rundir.run import Stage

LOOK = DATA / "look.mjs"
NOTHING = Evidence({}, ())
SPLAT = Splat("WARNING", "WARNING: at mm/rmap.c:13 f", "ab" * 16, ("WARNING: CPU: 0 PID: 9", " f (mm/rmap.c:13)"), "f")


def kernel(label: str, *statuses: Status, splats: tuple[Splat, ...] = ()) -> Any:
    results = [
        Result(f"mm/exit_skip:case_{number}.of_some_length", status, log=(f"a.c:1:x: line {number}",))
        for number, status in enumerate(statuses)
    ]
    return run(label, Result("boot", Status.PASS), *results, splats=splats)


def broken() -> Outcome:
    return outcome(
        kernel("base", Status.PASS, Status.FAIL, Status.PASS),
        kernel("v10", Status.FAIL, Status.PASS, Status.PASS, splats=(SPLAT,)),
    )


def written(folder: Path) -> str:
    found = read.read(folder)
    return page(found, evidence.gather(folder, found))


@pytest.fixture
def version(tmp_path: Path) -> Path:
    rundirs.version(tmp_path / "version", broken())
    return tmp_path / "version"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Versions that do not apply, do not build, break something, and are good."""
    label = "v4"
    rows = [
        Row(request(label="v1"), outcome(error=ApplyError("no"), label="v1"), ApplyError("no"), Stage.APPLY),
        Row(
            request(label="v2"),
            outcome(error=BuildError("a.c:1: error", details="a.c:1\n <x>"), label="v2"),
            BuildError("a.c:1: error"),
            Stage.BUILD,
        ),
        Row(request(label="v3"), replace(broken(), request=request(label="v3")), None, Stage.DONE),
        Row(
            request(label=label),
            outcome(kernel("base", Status.FAIL, Status.PASS), kernel(label, Status.PASS, Status.PASS), label=label),
            None,
            Stage.DONE,
        ),
    ]
    rundirs.sweep(tmp_path / "sweep", rows)
    return tmp_path / "sweep"


class Shape(HTMLParser):
    """The elements that are open at the end, the ids, and where links inside the page lead."""

    VOID = frozenset({"meta", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "action"):
                (self.links if (value or "").startswith("#") else self.outside).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        # The parser wants optional end tags to be written, and so do we.
        assert self.open.pop() == tag


@pytest.mark.parametrize("where", ["version", "sweep"])
def test_the_page_is_whole_and_needs_nothing_else(where: str, request: pytest.FixtureRequest) -> None:
    shape = Shape(written(request.getfixturevalue(where)))
    assert shape.open == []
    assert shape.outside == []
    assert len(set(shape.ids)) == len(shape.ids)
    assert {link[1:] for link in shape.links} <= set(shape.ids)


def test_the_verdict_comes_first(version: Path) -> None:
    found = written(version)
    body = found[found.index("<body>") :]
    assert re.search("<h1[^>]*>(.*)</h1>", body)[1].startswith("demo v10: regression, 1 BROKEN, 1 new kernel")  # type: ignore[index]
    order = [body.index(f'<h2 id="v-v10-{name}">') for name in ("complaints", "changes", "all", "environment")]
    assert order == sorted(order)
    assert "series-ci test v10 --series demo</code>" in body


def test_a_complaint_leads_to_its_place_in_the_console(version: Path) -> None:
    found = written(version)
    (link,) = set(re.findall(r'href="#(patched-L\d+)"', found))
    assert f'<span id="{link}" data-n="31">WARNING: CPU: 0 PID: 9</span>' in found


def test_a_page_of_very_many_results_leaves_out_what_did_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page(version_run(broken()), NOTHING).count("mm/exit_skip:case_2") == 1
    monkeypatch.setattr(html, "MOST_ROWS", 3)
    found = page(version_run(broken()), NOTHING)
    assert "mm/exit_skip:case_2" not in found
    assert "mm/exit_skip:case_1" in found
    assert "1 result that is the same" in found


TEXT = st.text(st.characters(), max_size=20)


@settings(max_examples=60)
@given(TEXT)
def test_whatever_is_in_a_log_stays_text(text: str) -> None:
    bad = Result(f"mm/{text}", Status.FAIL, text, (f"</pre><script>{text}",), notes=(text,))
    found = version_run(
        outcome(
            run("base", Result(f"mm/{text}", Status.PASS)),
            run("v10", bad, splats=(Splat(text, text, text, (text, "<b>")),)),
        )
    )
    made = page(found, NOTHING)
    assert Shape(made).open == []
    assert made.count("<script>") == 1
    made.encode("utf-8")


def look(file: Path, folder: Path, *more: str) -> dict[str, Any]:
    """What a browser makes of the page."""
    argv = [npm.node("playwright-core", "axe-core"), str(LOOK), str(npm.MODULES), npm.browser(), str(file), str(folder)]
    done = process.run([*argv, *more], timeout=300)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.mark.parametrize("where", ["version", "sweep"])
def test_in_a_browser(where: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(written(request.getfixturevalue(where)), "utf-8")
    found = look(file, tmp_path)
    assert (found["requests"], found["errors"], found["axe"]) == ([], [], [])
    # At no width does the page itself have to be scrolled sideways, with everything open or closed.
    assert set(found["wide"].values()) == {0}
    assert len(list(tmp_path.glob("*.png"))) == 8
    assert found["broken"] == 1
    assert found["again"] == found["rows"]
    assert (found["first"], found["anchor"]) == ("Skip to the results", True)
    assert found["without"]["text"] > 500
    assert not found["without"]["form"]


def test_fifty_thousand_results_in_a_browser(tmp_path: Path) -> None:
    names = [f"mm/program{number % 40}:case_{number}.with_a_variant" for number in range(50_000)]
    base = [Result(name, Status.PASS) for name in names]
    patched = [Result(name, Status.FAIL if number % 500 == 0 else Status.PASS) for number, name in enumerate(names)]
    file = tmp_path / "page.html"
    file.write_text(page(version_run(outcome(run("base", *base), run("v10", *patched))), NOTHING), "utf-8")
    found = look(file, tmp_path, "without-axe")
    # A browser that hangs ends in a time-out of the script; the figures are for who looks.
    assert (found["errors"], found["rows"], found["broken"], found["again"]) == ([], 50_000, 100, 50_000)
