"""`series-ci reproduce` in a miniature world: figures from the list, and runs made again from their lock alone."""

from __future__ import annotations

import json
import shutil

import pytest

from fakes import lab
from series_ci import arch
from series_ci.cli import main
from series_ci.manifest.fields import parse_size
from series_ci.rundir import runlock

MORE = f"""
bench:
  - {{name: one, program: mm/good, samples: 2, machine: {{memory: 64M, cpus: 1}}}}
reported:
  - name: mine
    by: A Reviewer
    message-id: 20260204.figures@example.org
    version: v1
    scenario: one
    arch: {arch.host()}
    stated: [a guest of 64 MiB]
    unstated:
      - {{what: the host, chosen: this one}}
    figures:
      - {{metric: skips, value: 15, quote: "15"}}
      - {{metric: exit_ms, value: 50, quote: "50 ms"}}
      - {{metric: pswpout, value: 9000, quote: "9,000"}}
      - {{metric: folios, value: 1, quote: "1"}}
  - name: broken
    by: A Reviewer
    message-id: 20260205.figures@example.org
    version: v3
    scenario: one
    arch: {arch.host()}
    stated: [a guest of 64 MiB]
    figures: [{{metric: skips, value: 15, quote: "15"}}]
"""


def lines(*values):
    rows = (
        {"sample": n, "warmup": n == 0, "metrics": {"skips": value, "exit_ms": value, "pswpout": value}}
        for n, value in enumerate(values)
    )
    return ["# bench: " + json.dumps(each) for each in rows]


FIGURES = {"kernel": lab.PATCHED, "inner": {"mm/good": lines(99, 10, 20)}}
PASSES = ["ok 1 a", "ok 2 b"]
TESTED = ({"kernel": lab.BASE, "inner": {"mm/good": PASSES}}, {"kernel": lab.PATCHED, "inner": {"mm/good": PASSES}})
BROKEN = (TESTED[0], {"kernel": lab.PATCHED, "inner": {"mm/good": ["ok 1 a", "not ok 2 b"]}})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with lab.world(tmp_path_factory.mktemp("world")) as made:
        made.manifest.write_text(made.manifest.read_text() + MORE)
        yield made


@pytest.fixture
def run(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*words, rules=()):
        world.qemu.plan(*rules)
        status = main([*words, "--accel", "tcg"])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def tested(run, world, tmp_path):
    """The lock of a test that passed."""
    out = tmp_path / "tested"
    assert run("test", "v1", "--series", str(world.manifest), "--out", str(out), rules=TESTED)[0] == 0
    return out / "run.lock"


def changed(path, **parts):
    """The lock in another file, with some parts of it replaced."""
    data = json.loads(path.read_text())
    for name, value in parts.items():
        data[name] = {**data[name], **value} if isinstance(value, dict) and isinstance(data[name], dict) else value
    other = path.with_name("other.lock")
    other.write_text(json.dumps(data))
    return str(other)


def test_builds_after_each_patch_are_made_again(run, world, tmp_path):
    out, again = tmp_path / "each", tmp_path / "again"
    words = ("test", "v1", "--series", str(world.manifest), "--each-patch", "--out", str(out))
    assert run(*words, rules=TESTED)[0] == 0
    kept = json.loads((out / "run.lock").read_text())["patches"]
    assert [(each["name"][:3], each["builds"], each["new_warnings"]) for each in kept] == [
        ("1/2", True, []),
        ("2/2", True, []),
    ]
    assert run("reproduce", str(out), "--out", str(again), rules=TESTED)[0] == 0
    assert json.loads((again / "run.lock").read_text())["patches"] == kept
    kept[1] |= {"builds": False, "new_warnings": ["mm/rmap.c: warning: what?"]}
    other = changed(out / "run.lock", patches=kept)
    status, said, _err = run("reproduce", other, "--out", str(tmp_path / "other"), rules=TESTED)
    assert status == 1
    assert "build of 2/2 " in said
    (difference,) = json.loads((tmp_path / "other/reproduction.json").read_text())["results"]
    assert difference["what"].startswith("build of 2/2 mm/rmap: ")
    assert (difference["then"], difference["now"]) == ("does not build, mm/rmap.c: warning: what?", "builds")


# Figures from the list.


def test_every_verdict_on_a_figure(run, world, tmp_path):
    out = tmp_path / "out"
    status, said, _err = run("reproduce", "mine", "--series", str(world.manifest), "--out", str(out), rules=[FIGURES])
    assert status == 1
    summary = json.loads((out / "summary.json").read_text())
    assert {row["metric"]: (row["verdict"], row["median"], row["samples"]) for row in summary["figures"]} == {
        "skips": ("reproduced", 15, 6),
        "exit_ms": ("same order", 15, 6),
        "pswpout": ("not reproduced", 15, 6),
        "folios": ("cannot", None, 0),
    }
    assert "the scenario does not measure folios on this kernel" in said
    assert all(lab.PATCHED in call["kernel"] for call in world.qemu.calls[-3:])
    text = (out / "reproduction.md").read_text()
    assert all(len(line) <= 72 or " " not in line.strip() for line in text.splitlines()), text
    for part in ("A Reviewer", "20260204.figures@example.org", "a guest of 64 MiB", "the host: this one", "9,000"):
        assert part in text
    made = runlock.read(out)
    for part in (made.mails.message_ids[-1], made.mails.patch_ids[0], made.tree.base, made.config.digest):
        assert part in text
    assert str(out) not in made.tools.qemu_argv


def test_a_version_that_does_not_build_cannot_be_measured(run, world, tmp_path):
    out = tmp_path / "out"
    status, said, _err = run("reproduce", "broken", "--series", str(world.manifest), "--out", str(out), "--json")
    assert status == 1
    (figure,) = json.loads(said)["figures"]
    assert figure["verdict"] == "cannot"
    assert "does not build" in figure["why"]
    assert "Cannot: does not build" in (out / "reproduction.md").read_text()
    assert not (out / "run.lock").exists()


def test_what_was_measured_is_measured_again_from_the_lock(run, world, tmp_path):
    run("reproduce", "mine", "--series", str(world.manifest), "--out", str(tmp_path / "one"), rules=[FIGURES])
    status, said, _err = run("reproduce", str(tmp_path / "one"), rules=[FIGURES])
    assert (status, "the same 3 results" in said) == (0, True)
    again = tmp_path / "again"
    assert run("reproduce", str(tmp_path / "one"), "--out", str(again), rules=[FIGURES])[0] == 0
    one, two = (json.loads((path / "summary.json").read_text()) for path in (tmp_path / "one", again))
    assert one["figures"] == two["figures"]
    assert (again / "samples.jsonl").exists()
    assert run("reproduce", str(again), "--out", str(tmp_path / "third"), rules=[FIGURES])[0] == 0
    other = {"kernel": lab.PATCHED, "inner": {"mm/good": lines(99, 70, 80)}}
    status, said, _err = run("reproduce", str(tmp_path / "one"), "--json", rules=[other])
    assert status == 1
    assert [row["now"] for row in json.loads(said)["results"]] == ["75 [70, 80]"] * 3


def test_without_a_name_all_reports_are_measured(run, world, tmp_path):
    out = tmp_path / "out"
    words = ["--series", str(world.manifest), "--out", str(out)]
    status, said, _err = run("reproduce", *words, "--json", rules=[FIGURES])
    assert status == 1
    told = json.loads(said)
    assert [each["reported"] for each in told] == ["mine", "broken"]
    assert [json.loads((out / name / "summary.json").read_text()) for name in ("mine", "broken")] == told
    assert (out / "mine" / "run.lock").exists()


def test_what_could_not_be_measured_is_repeated_by_its_name(run, world, tmp_path):
    fragment = tmp_path / "my.config"
    fragment.write_text("CONFIG_KUNIT=y\n")
    words = ["--series", str(world.manifest), "--runs", "1", "--seed", "7", "--config", str(fragment), "--json"]
    _status, said, _err = run("reproduce", "broken", *words)
    first = json.loads(said)
    assert first["repeat"].startswith("series-ci reproduce broken --runs 1 --seed 7 ")
    assert f"--config {fragment}" in first["repeat"]
    _program, *repeat = first["repeat"].split()
    _status, said, _err = run(*repeat, "--json")
    assert json.loads(said) == first


def test_a_fragment_is_part_of_what_is_measured_and_in_the_lock(run, world, tmp_path):
    fragment = tmp_path / "my.config"
    fragment.write_text("# CONFIG_KUNIT is not set\n")
    out = tmp_path / "out"
    words = ["--series", str(world.manifest), "--out", str(out), "--config", str(fragment)]
    run("reproduce", "mine", *words, rules=[FIGURES])
    assert "# CONFIG_KUNIT is not set" in runlock.read(out).config.options


# Runs from their lock.


def test_a_test_is_the_same_from_its_lock_alone(run, world, tested, tmp_path):
    alone = tmp_path / "elsewhere" / "my.lock"
    alone.parent.mkdir()
    shutil.move(tested, alone)
    out = tmp_path / "again"
    status, said, _err = run("reproduce", str(alone), "--out", str(out), rules=TESTED)
    assert status == 0
    assert "the same 8 results" in said
    assert "tools" not in said
    assert runlock.read(out).tested == runlock.read(alone).tested
    assert main(["verify", str(out)]) == 0
    (out / "run.lock").write_text((tmp_path / "elsewhere/my.lock").read_text().replace('"SAME"', '"FIXED"'))
    assert main(["verify", str(out)]) == 2
    assert "all 8 results are the same" in " ".join((out / "reproduction.md").read_text().split())


def test_results_that_differ_are_named(run, tested, tmp_path):
    status, said, _err = run("reproduce", str(tested), "--out", str(tmp_path / "again"), rules=BROKEN)
    assert status == 1
    assert "PASS -> PASS" in said
    assert "PASS -> FAIL" in said
    told = json.loads((tmp_path / "again/reproduction.json").read_text())
    assert {row["what"] for row in told["results"]} == {"mm/good:b", "verdict"}


def test_other_tools_are_named_and_no_hindrance(run, tested):
    other = changed(tested, tools={"compiler": "gcc 1.0", "selftests": "0" * 16})
    status, said, _err = run("reproduce", other, "--json", rules=TESTED)
    assert status == 0
    tools = {row["what"]: row["then"] for row in json.loads(said)["tools"]}
    assert tools == {"compiler": "gcc 1.0", "own selftests": "0" * 16}


def test_a_lock_has_what_was_on_one_machine_only(run, world, tmp_path):
    """A fragment and a patch of the base, which are gone when it is repeated."""
    fragment, patch = tmp_path / "my.config", tmp_path / "my.patch"
    fragment.write_text("CONFIG_KUNIT=y\n")
    patch.write_bytes(
        b"--- /dev/null\n+++ b/caf\xc3\xa9\n@@ -0,0 +1 @@\n+caf\xe9\n",
    )
    words = ["--tree", str(world.linux), "--base-patch", str(patch), "--config", str(fragment)]
    out = tmp_path / "out"
    assert run("test", "v1", "--series", str(world.manifest), *words, "--out", str(out), rules=TESTED)[0] == 0
    fragment.unlink()
    patch.unlink()
    status, said, _err = run("reproduce", str(out), rules=TESTED)
    assert (status, "tools" in said) == (0, False), said


@pytest.mark.parametrize(
    ("part", "value", "what"),
    [
        ("mails", {"digest": "0"}, "the mails"),
        ("mails", {"patch_ids": ["0"]}, "the patch-ids"),
        ("tree", {"base": "0"}, "the base"),
        ("tree", {"patched": "0"}, "the base with the series"),
    ],
)
def test_other_inputs_are_another_run(run, world, tested, part, value, what):
    before = len(world.qemu.calls)
    status, _said, err = run("reproduce", changed(tested, **{part: value}), rules=TESTED)
    assert status == 5
    assert f"error: {what} from" in err
    assert "expected 0" in err
    assert len(world.qemu.calls) == before


def test_a_bench_is_the_same_from_its_lock_alone(run, world, tmp_path):
    rules = ({"kernel": lab.BASE, "inner": {"mm/good": lines(99, 30, 31)}}, FIGURES)
    out = tmp_path / "out"
    words = ["bench", "v1", "--series", str(world.manifest), "--runs", "2", "--out", str(out)]
    assert run(*words, rules=rules)[0] == 0
    made = runlock.read(out)
    assert made.measure is not None
    assert made.measure.scenarios[0].machine.memory == parse_size("64M")
    status, said, _err = run("reproduce", str(out), rules=rules)
    assert (status, "the same 6 results" in said) == (0, True)
    assert made.accel == "tcg"


def test_a_complaint_that_was_allowed_is_no_regression_the_second_time_either(run, world, tmp_path):
    manifest = tmp_path / "mini.yaml"
    text = world.manifest.read_text().replace("archive: mail", f"archive: {world.mail}")
    text = text.replace("spec: linux\n", f"spec: {world.linux}\n").replace(
        "[mini.config]", f"[{world.folder}/mini.config]"
    )
    known = "{pattern: WARNING, reason: known, link: 'https://example.org/1', expires: 2999-01-01}"
    manifest.write_text(f"{text}allow: [{known}]\n")
    rules = (TESTED[0], {**TESTED[1], "console": lab.WARNING})
    out = tmp_path / "out"
    assert run("test", "v1", "--series", str(manifest), "--out", str(out), rules=rules)[0] == 0
    manifest.unlink()
    status, said, _err = run("reproduce", str(out), "--out", str(tmp_path / "again"), rules=rules)
    assert status == 0, said
    told = json.loads((tmp_path / "again/summary.json").read_text())
    assert [row["change"] for row in told["splats"]] == ["ALLOWED"]


def test_the_summary_is_the_last_file(run, tested, tmp_path):
    out = tmp_path / "again"
    assert run("reproduce", str(tested), "--out", str(out), rules=TESTED)[0] == 0
    dates = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}
    assert {"run.lock", "reproduction.md", "reproduction.json"} <= dates.keys()
    assert max(dates, key=dates.__getitem__) == "summary.json"


@pytest.mark.parametrize(
    ("option", "value"), [("--series", "mini"), ("--base-patch", "my.patch"), ("--config", "my.config")]
)
def test_what_a_lock_says_itself_cannot_be_asked_for(run, tested, option, value):
    status, _out, err = run("reproduce", str(tested), option, value)
    assert (status, f"{option}: a lock says itself" in err) == (2, True)


# What is no lock.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no lock of a run"),
        ("{}", "is no lock of a run"),
        ("[" * 5000, "is no lock of a run"),
        ("\udcff", "is no lock of a run"),
    ],
)
def test_what_is_no_lock_is_refused(run, tmp_path, content, said):
    path = tmp_path / "some.lock"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    status, _out, err = run("reproduce", str(path))
    assert status == 2
    assert said in err


@pytest.mark.parametrize(
    "parts", [{"lock": 2}, {"more": 1}, {"verb": "bench"}, {"guest": None}, {"tested": None}, {"mails": {"more": 1}}]
)
def test_a_lock_that_is_not_whole_is_refused(run, tested, parts):
    data = json.loads(tested.read_text())
    for name, value in parts.items():
        data[name] = {**data[name], **value} if isinstance(value, dict) else value
    tested.write_text(json.dumps(data))
    status, _out, err = run("reproduce", str(tested))
    assert status == 2
    assert "is no lock of a run" in err


def test_a_lock_of_an_architecture_that_nobody_knows(run, tested):
    status, _out, err = run("reproduce", changed(tested, arch="vax"))
    assert (status, "no such architecture: vax" in err) == (2, True)


def test_a_run_without_a_lock(run, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _out, err = run("reproduce", str(tmp_path / "empty"))
    assert status == 2
    assert "run.lock: No such file or directory" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["his"], ["his: no report of that name", "mine, broken"]),
        (["./his"], ["./his: no such file or folder"]),
        (["mine", "--runs", "0"], ["--runs"]),
        (["x" * 300], ["no report of that name"]),
    ],
)
def test_a_mistake_is_named(run, world, words, said):
    status, _out, err = run("reproduce", *words, "--series", str(world.manifest))
    assert status == 2
    assert all(each in err for each in said)
