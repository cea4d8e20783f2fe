"""`series-ci bench` in a miniature world: from the command line to the page, interrupted and gone on with."""

from __future__ import annotations

import json

import pytest

from fakes import lab
from series_ci.cli import main
from series_ci.rundir import layout

BENCH = """
bench:
  - {name: one, program: mm/good, samples: 2, machine: {memory: 64M, cpus: 1}, note: first}
  - {name: two, program: mm/good, samples: 2, machine: {memory: 64M, cpus: 2}, args: [--more]}
"""


def lines(*values):
    metrics = ({"sample": n, "warmup": n == 0, "metrics": {"exit_ms": value}} for n, value in enumerate(values))
    return ["# bench: " + json.dumps(each) for each in metrics]


SLOWER = (
    {"kernel": lab.BASE, "inner": {"mm/good": lines(99, 10, 10.1)}},
    {"kernel": lab.PATCHED, "inner": {"mm/good": lines(99, 20, 20.2)}},
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with lab.world(tmp_path_factory.mktemp("world")) as made:
        made.manifest.write_text(made.manifest.read_text() + BENCH)
        yield made


@pytest.fixture
def run(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*words, rules=SLOWER):
        world.qemu.plan(*rules)
        status = main(["bench", "v1", "--series", str(world.manifest), "--accel", "tcg", *words])
        return status, *capsys.readouterr()

    return call


def test_from_the_mails_to_the_table_and_the_page(run, tmp_path):
    out = tmp_path / "out"
    status, said, _err = run("--runs", "6", "--out", str(out))
    assert status == 1
    rows = [line for line in said.splitlines() if line.startswith("exit_ms")]
    assert len(rows) == 2
    assert all("+100.00%" in row and row.rstrip().endswith("worse") for row in rows)
    summary = json.loads((out / "summary.json").read_text())
    assert {row["verdict"] for row in summary["findings"]} == {"worse"}
    assert "--runs 6" in summary["repeat"]
    taken = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert len(taken) == 2 * 2 * 6 * 3
    assert "<svg" in (out / "bench.html").read_text()


def test_too_few_runs_are_no_regression(run, tmp_path):
    status, said, _err = run("--runs", "1", "--scenario", "two", "--json", "--out", str(tmp_path / "out"))
    found = json.loads(said)["findings"]
    assert (status, [(row["scenario"], row["verdict"]) for row in found]) == (0, [("two", "not enough runs")])


def test_an_interrupted_bench_is_gone_on_with(run, world):
    status, _out, err = run("--runs", "2", "--scenario", "one", rules=({"kernel": lab.PATCHED, "end": "lost"}, *SLOWER))
    assert status == 5, err
    before = len(world.qemu.calls)
    status, _out, err = run("--runs", "2", "--scenario", "one", "--resume")
    assert (status, "goes on with the interrupted bench" in err) == (0, True)
    assert len(world.qemu.calls) == before + 3


def test_the_samples_of_others_are_not_gone_on_with(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / layout.STATE).write_text(json.dumps({"repeat": "something else"}))
    assert run("--out", str(out))[0] == 2
    assert run("--out", str(out), "--resume")[0] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "three"], ["three", "one, two"]),
        (["--until", "much"], ["much", "5%"]),
        (["--until", "0%"], ["0%"]),
        (["--resume"], ["no interrupted bench"]),
    ],
)
def test_a_mistake_is_named(run, words, said):
    status, _out, err = run(*words)
    assert status == 2
    assert all(each in err for each in said)


def test_a_manifest_without_scenarios_says_so(run, world, capsys):
    assert main(["bench", "v10", "--series", "demo"]) == 2
    assert "no scenarios" in capsys.readouterr().err
