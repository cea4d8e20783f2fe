"""The evaluation of the unit tests: which mutants it makes, where it looks for who notices, and what it prints."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import unit_mutants
from fakes.here import ROOT
from series_ci import cli
from unit_mutants import Mutant, Verdict

SOURCE = """\
from __future__ import annotations


def far(n: int | None, *, most: int = 3) -> bool:
    return n > most
"""


class Changed(Mutant):
    """Stands in for one of cosmic-ray: the operator is what it puts in the place of `>`."""

    def text(self, source: str) -> str:
        """The module with that change."""
        return source.replace(*self.operator.split(" to "))


def mutant(change: str) -> Mutant:
    return Changed("results/quota.py", change, 0, 5)


@pytest.mark.parametrize(
    ("change", "counts"),
    [("n > to n <", True), ("int | None to int ^ None", False), ("*, to &,", False), ("= 3 to = 4", True)],
)
def test_one_without_an_effect_is_none(change: str, counts: bool) -> None:
    assert unit_mutants.has_effect(mutant(change), SOURCE) is counts


def test_what_is_mutated_is_there() -> None:
    found = unit_mutants.modules(ROOT)
    assert {"results/compare.py", "results/splat/find.py", "guest/status.py"} <= set(found)
    assert all(name.startswith("results/") or name == "guest/status.py" for name in found)


def test_who_is_nearest_is_asked_first() -> None:
    assert unit_mutants.tests(ROOT, "results/quota.py") == ["tests/results/test_quota.py", "tests/results"]
    assert unit_mutants.tests(ROOT, "results/ktap/stream.py") == [
        "tests/results/ktap/test_stream.py",
        "tests/results/ktap",
        "tests/results",
    ]
    assert unit_mutants.tests(ROOT, "guest/status.py") == ["tests/guest/test_status.py"]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one module and its test, which looks at one of its two lines."""
    module = tmp_path / "ours/ci/series_ci/results/quota.py"
    test = tmp_path / "ours/tests/results/test_quota.py"
    for folder in unit_mutants.COPIED:
        (tmp_path / "ours" / folder).mkdir(parents=True)
    for path, text in (
        (module, "A = 1 > 0\nB = 1 < 2\n"),
        (test, "from series_ci.results.quota import A\n\n\ndef test_it() -> None:\n    assert A\n"),
        (module.parent / "__init__.py", ""),
        (module.parent.parent / "__init__.py", ""),
        (tmp_path / "ours/pyproject.toml", '[tool.pytest.ini_options]\nmarkers = ["boot"]\n'),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setattr(unit_mutants, "ROOT", tmp_path / "ours")
    monkeypatch.setattr(unit_mutants, "sample", lambda _root, _most, _seed: [mutant("> to <"), mutant("< to >")])
    return tmp_path / "ours"


def test_a_line_that_a_test_looks_at_is_noticed_and_another_is_not(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(unit_mutants.main, ["--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["noticed"], first["change"]) == (True, ["-A = 1 > 0", "+A = 1 < 0"])
    assert (second["noticed"], second["change"]) == (False, ["-B = 1 < 2", "+B = 1 > 2"])
    assert (checkout / "ci/series_ci/results/quota.py").read_text("utf-8") == "A = 1 > 0\nB = 1 < 2\n"


def test_tests_that_fail_anyway_tell_nothing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "ci/series_ci/results/quota.py").write_text("A = 1 > 1\n", "utf-8")
    assert cli.run(unit_mutants.main, []) == 5
    assert "tests/results: not all tests pass as it is" in capsys.readouterr().err


def test_survivors_are_shown_with_what_they_change() -> None:
    out = io.StringIO()
    seen = Verdict(mutant("> to <"), noticed=True, change=())
    unit_mutants.show(
        [seen, Verdict(mutant("> to >="), False, ("-n > most", "+n >= most"))], Console(file=out, width=80)
    )
    table, _, survivors = out.getvalue().partition("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["module", "mutants", "noticed", "share"],
        ["results/quota.py", "2", "1", "50%"],
        ["all", "2", "1", "50%"],
    ]
    assert survivors == "results/quota.py:5: not noticed  (> to >=)\n-n > most\n+n >= most\n"
