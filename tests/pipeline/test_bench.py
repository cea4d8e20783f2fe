"""Rounds of boots, by a fake QEMU: their order, what is kept of them, and what is never mixed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import fakeqemu
from series_ci import arch
from series_ci.errors import InfrastructureError, UsageError
from series_ci.guest.accel import Accelerator
from series_ci.kernel.cache import Build
from series_ci.kernel.kernel import BuildSetup, Kernel
from series_ci.kernel.selftests import Installed
from series_ci.kernel.toolchain import Toolchain
from series_ci.manifest.model import MachineSize, Scenario
from series_ci.pipeline import bench
from series_ci.pipeline.rig import BenchSetup, Plan
from series_ci.progress import Progress
from series_ci.results import stats

SCENARIO = Scenario(
    name="window", program="bench/window", machine=MachineSize(memory="64M", cpus=1), samples=2, warmup=1
)


class NoTree:
    """Stands in for a store: its tree has no selftests of its own."""

    def text(self, _commit, _path):
        return None


def lines(*values, first_is_warmup=True):
    """What the program prints: a sample of each value."""
    return [
        "# bench: " + json.dumps({"sample": n, "warmup": first_is_warmup and n == 0, "metrics": {"exit_ms": value}})
        for n, value in enumerate(values)
    ]


@pytest.fixture
def lab(tmp_path, monkeypatch, cache):
    qemu = fakeqemu.install(tmp_path, monkeypatch)
    pair = []
    for label in ("base", "v10"):
        folder = tmp_path / label
        (folder / "bench").mkdir(parents=True)
        fakeqemu.script(folder / "bench", "window", "#!/bin/sh\n")
        image, log = folder / "image", folder / "log"
        image.write_text(f"kernel of {label}")
        log.write_text("")
        built = Build(image, log, log, label, 1.0, 0, cached=True)
        pair.append(Kernel(label, label[0] * 40, built, Installed(folder, (), log, 1.0, cached=True)))
    tools = Toolchain(arch.get("x86_64"), (), "gcc 12", ccache=False)
    bench_setup = BenchSetup(BuildSetup(NoTree(), tools, (), ("bench",)), Accelerator("tcg", "no reason"), tuple(pair))
    return qemu, bench_setup, tmp_path / "out"


def good(qemu, base=(90.0, 10.0, 11.0), patched=(90.0, 20.0, 21.0)):
    qemu.plan(
        {"kernel": "kernel of base", "inner": {"bench/window": lines(*base)}},
        {"kernel": "kernel of v10", "inner": {"bench/window": lines(*patched)}},
    )


def booted(qemu):
    return [call["kernel"].removeprefix("kernel of ") for call in qemu.calls]


def run(lab, runs=1, *, scenarios=(SCENARIO,), **plan):
    _qemu, bench_setup, out = lab
    return bench.rounds(bench_setup, scenarios, Plan(runs, **{"most": 9, **plan}), out, Progress())


def test_rounds_are_a_b_b_a(lab):
    good(lab[0])
    found = run(lab, 3)
    assert booted(lab[0]) == ["base", "v10", "v10", "base", "base", "v10"]
    assert [(each.side, each.round, each.order) for each in found if each.warmup] == [
        ("base", 0, 0), ("patched", 0, 1), ("patched", 1, 2), ("base", 1, 3), ("base", 2, 4), ("patched", 2, 5),
    ]  # fmt: skip


def test_a_sample_has_its_environment(lab):
    good(lab[0])
    first = run(lab, seed=7)[1]
    assert (first.scenario, first.label, first.number, first.warmup, first.metrics) == (
        "window", "base", 1, False, {"exit_ms": 10.0},
    )  # fmt: skip
    assert first.environment.items() >= {"accelerator": "tcg", "seed": "7", "compiler": "gcc 12"}.items()
    assert {"load_before", "load_after", "started", "qemu"} <= first.environment.keys()


def test_both_kernels_of_a_round_have_the_same_seed_and_each_round_another(lab):
    good(lab[0])
    found = run(lab, 2, seed=5)
    assert {(each.round, each.environment["seed"]) for each in found} == {(0, "5"), (1, "6")}


def test_boots_that_are_there_are_not_made_again(lab):
    good(lab[0])
    first = run(lab, 2)
    assert run(lab, 2) == first
    assert len(booted(lab[0])) == 4
    run(lab, 3)
    assert len(booted(lab[0])) == 6


def test_a_boot_that_was_not_over_is_made_again(lab):
    good(lab[0])
    run(lab)
    (lab[2] / "boots/window/001-patched" / "samples.jsonl").unlink()
    run(lab)
    assert booted(lab[0]) == ["base", "v10", "v10"]


def test_samples_of_another_kernel_do_not_count(lab):
    good(lab[0])
    run(lab)
    lab[1].pair[1].build.image.write_text("kernel of v10, built again")
    run(lab)
    assert len(booted(lab[0])) == 3


def test_kvm_and_tcg_are_not_mixed(lab):
    good(lab[0])
    run(lab)
    qemu, bench_setup, out = lab
    with pytest.raises(UsageError, match="under tcg, and this would be kvm"):
        run((qemu, replace(bench_setup, accel=Accelerator("kvm")), out))


def test_a_boot_without_all_its_samples_is_made_once_more(lab):
    base = {"kernel": "kernel of base", "inner": {"bench/window": lines(1, 2, 3)}}
    cut = {"kernel": "kernel of v10", "boot": 1, "inner": {"bench/window": lines(1, 2)}}
    whole = {"kernel": "kernel of v10", "inner": {"bench/window": lines(1, 2, 3)}}
    lab[0].plan(base, cut, whole)
    assert len(run(lab)) == 6
    assert booted(lab[0]) == ["base", "v10", "v10"]
    # What the first one left is kept.
    boots = lab[2] / "boots/window"
    assert (boots / "001-patched" / "samples.jsonl").is_file()
    assert (boots / "001-patched.try-1/console.log").is_file()


def test_a_kernel_that_never_gives_them_is_an_error_with_the_reason(lab):
    lab[0].plan({"inner": {"bench/window": lines(1)}, "verdicts": {"bench/window": "not ok # exit=1"}})
    with pytest.raises(InfrastructureError, match="window on base gave 1 of 3 samples, 2 times: bench/window: FAIL"):
        run(lab)


def test_until_it_is_precise_or_the_limit_is_reached(lab):
    good(lab[0])
    run(lab, 1, precision=0.05)
    assert len(booted(lab[0])) == 2 * stats.LEAST


def test_what_never_gets_precise_ends_at_the_limit(lab):
    rules = [
        {"kernel": "kernel of base", "boot": n, "inner": {"bench/window": lines(1, 2.0**n, 2.0**n)}}
        for n in range(1, 9)
    ]
    lab[0].plan(*rules, {"inner": {"bench/window": lines(1, 1, 1)}})
    run(lab, 1, most=7, precision=0.05)
    assert len(booted(lab[0])) == 14
