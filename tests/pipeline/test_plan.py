"""Which versions go together into one job, in which order the jobs start, and the matrix that GitHub reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import lab, rundirs
from fakes.lab import Lab
from fakes.outcomes import outcome, run
from series_ci import arch
from series_ci.cli import main
from series_ci.pipeline import plan
from series_ci.pipeline.plan import Plan, Shard
from series_ci.results.model import Result, Status

HOST = arch.host()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world")) as found:
        yield found


def planned(world: Lab, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, str]]:
    assert main(["plan", "--series", str(world.manifest), "--github-matrix", "-q", *words]) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["include"]
    return found


def ran(folder: Path, label: str, message_id: str, seconds: float) -> None:
    """A finished run of one version whose two boots took so long together."""
    boots = [replace(run(each, Result("boot", Status.PASS)), seconds=seconds / 2) for each in ("base", label)]
    found = outcome(*boots, series="mini", label=label)
    rundirs.version(folder / label, replace(found, request=replace(found.request, message_id=message_id)))


def test_equal_patches_are_one_job(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(world, capsys) == [
        {"id": f"v1-{HOST}", "versions": "v1 v4", "arch": HOST},
        {"id": f"v2-{HOST}", "versions": "v2", "arch": HOST},
        {"id": f"v3-{HOST}", "versions": "v3", "arch": HOST},
    ]


def test_some_versions_in_the_order_they_were_named(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert [each["versions"] for each in planned(world, capsys, "v3", "v1", "v3")] == ["v3", "v1"]


def test_equal_patches_on_other_trees_are_two_jobs(
    world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lab.MANIFEST.replace("archive: mail", f"archive: {world.mail}").replace("config: [mini.config]\n", "")
    text = text.replace("v4-0@example.org\n", "v4-0@example.org\n    trees: [{spec: other}]\n")
    (tmp_path / "mini.yaml").write_text(text, "utf-8")
    assert main(["plan", "--series", str(tmp_path / "mini.yaml"), "--github-matrix", "-q"]) == 0
    jobs = json.loads(capsys.readouterr().out)["include"]
    assert [each["versions"] for each in jobs] == ["v1", "v2", "v3", "v4"]


def test_what_took_long_comes_first(world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran(tmp_path, "v2", "20260203.v2-0@example.org", 90.0)
    ran(tmp_path, "v1", "20260203.v1-0@example.org", 30.0)
    (tmp_path / "old").mkdir()
    (tmp_path / "old/summary.json").write_text('{"series": "mini"}')
    jobs = planned(world, capsys, "--times", str(tmp_path))
    assert [each["versions"] for each in jobs] == ["v2", "v3", "v1 v4"]


@given(st.lists(st.one_of(st.none(), st.integers(0, 5).map(float))))
def test_the_order(seconds: list[float | None]) -> None:
    """No shard is lost; known ones fall; unknown ones stand where the median does."""
    shards = [Shard((f"v{number}",), HOST, each) for number, each in enumerate(seconds)]
    found = plan.longest_first(shards)
    assert sorted(found, key=str) == sorted(shards, key=str)
    known = [each.seconds for each in found if each.seconds is not None]
    assert known == sorted(known, reverse=True)


def test_a_job_for_each_architecture(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    names = list(arch.ARCHES)
    options = [word for name in names for word in ("--arch", name)]
    jobs = planned(world, capsys, "v2", *options)
    assert [(each["id"], each["arch"]) for each in jobs] == [(f"v2-{name}", name) for name in names]


def test_an_unknown_architecture(world: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--series", str(world.manifest), "--arch", "vax"]) == 2
    assert "no such architecture: vax" in capsys.readouterr().err


def test_a_mail_that_is_not_to_be_had_is_a_job_that_will_say_so(
    world: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lab.MANIFEST.replace("archive: mail", f"archive: {world.mail}").replace("config: [mini.config]\n", "")
    (tmp_path / "mini.yaml").write_text(text.replace("20260203.v3-0@", "gone@"), "utf-8")
    assert main(["plan", "--series", str(tmp_path / "mini.yaml"), "-q"]) == 0
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["v1", "v2", "v3"]
    assert "gone@example.org" in said.err


def test_more_jobs_than_a_matrix_has(world: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST", 2)
    assert main(["plan", "--series", str(world.manifest), "--github-matrix"]) == 2


def test_the_names_may_stand_in_file_names() -> None:
    found = plan.matrix(Plan("demo", (Shard(("v6.1", "v7"), "x86_64", None),)))
    assert found == {"include": [{"id": "v6.1-x86_64", "versions": "v6.1 v7", "arch": "x86_64"}]}
