"""KVM or emulation: every reason against KVM, and what is remembered of the answer."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from fakes import fakeqemu
from fakes.fakeqemu import Qemu, alive
from series_ci import arch
from series_ci.errors import ExitStatus, InfrastructureError
from series_ci.guest import accel

ROW = dataclasses.replace(arch.get("x86_64"), name=arch.host())
FOREIGN = dataclasses.replace(ROW, name="vax")


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Qemu:
    """A host on which nothing but the probe can speak against KVM."""
    monkeypatch.setattr(accel, "_refusal", lambda _arch: "")
    return fakeqemu.install(tmp_path, monkeypatch)


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_text("a kernel")
    return path


def silence(_text: str) -> None:
    pass


@pytest.fixture
def told() -> list[str]:
    return []


def test_a_guest_of_another_architecture_is_emulated(tmp_path: Path) -> None:
    why = accel._refusal(FOREIGN, tmp_path)
    assert "vax" in why
    assert arch.host() in why


def test_a_host_without_the_device(tmp_path: Path) -> None:
    assert accel._refusal(ROW, tmp_path / "kvm") == f"there is no {tmp_path}/kvm"


def test_a_device_for_others_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "kvm"
    device.touch()
    assert accel._refusal(ROW, device) == ""
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (device, os.R_OK | os.W_OK))
    assert "group kvm" in accel._refusal(ROW, device)


@pytest.mark.parametrize("wanted", ["auto", "kvm"])
def test_a_kernel_that_starts_under_kvm_decides_for_it(qemu: Qemu, kernel: Path, wanted: str) -> None:
    assert accel.choose(wanted, ROW, kernel, silence) == accel.Accelerator("kvm", "")
    (call,) = qemu.calls
    assert call["argv"][call["argv"].index("-accel") + 1] == "kvm"
    assert call["kernel"] == "a kernel"
    assert not call["initrd"]
    assert not alive(call["pid"])


def test_a_refusal_leads_to_emulation_and_says_why(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    qemu = fakeqemu.install(tmp_path, monkeypatch)
    chosen = accel.choose("auto", FOREIGN, kernel, silence)
    assert (chosen.name, chosen.why) == ("tcg", f"the guest is vax, the host {arch.host()}")
    assert qemu.calls == []


def test_asked_for_emulation_nothing_is_probed_and_there_is_no_reason(qemu: Qemu, kernel: Path) -> None:
    assert accel.choose("tcg", ROW, kernel, silence) == accel.Accelerator("tcg", "")
    assert accel.choose("icount", ROW, kernel, silence) == accel.Accelerator("icount", "")
    assert qemu.calls == []


def test_kvm_that_qemu_cannot_use(qemu: Qemu, kernel: Path) -> None:
    qemu.plan(probe="refused")
    chosen = accel.choose("auto", ROW, kernel, silence)
    assert chosen == accel.Accelerator("tcg", "QEMU: qemu-system-x86_64: failed to initialize kvm: No such device")


def test_kvm_that_never_runs_a_kernel(qemu: Qemu, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU is ended then, and what it says to that is not the reason."""
    monkeypatch.setattr(accel, "PROBE_SECONDS", 1.0)
    qemu.plan(probe="silent")
    chosen = accel.choose("auto", ROW, kernel, silence)
    assert chosen == accel.Accelerator("tcg", "a kernel under KVM printed nothing within 1 s")
    assert not any(alive(call["pid"]) for call in qemu.calls)


def test_asking_for_kvm_where_it_does_not_run_is_an_error(qemu: Qemu, kernel: Path) -> None:
    qemu.plan(probe="refused")
    with pytest.raises(InfrastructureError, match=r"KVM does not work here: QEMU: .*No such device") as caught:
        accel.choose("kvm", ROW, kernel, silence)
    assert "--accel tcg" in caught.value.hint
    assert caught.value.status is ExitStatus.INFRASTRUCTURE


@pytest.mark.parametrize("how", ["ok", "refused"])
def test_the_answer_is_kept(qemu: Qemu, kernel: Path, how: str, told: list[str]) -> None:
    qemu.plan(probe=how)
    first = accel.choose("auto", ROW, kernel, told.append)
    assert accel.choose("auto", ROW, kernel, told.append) == first
    assert len(qemu.calls) == 1
    assert len(told) == 1


def test_the_answer_holds_until_the_host_boots_again(qemu: Qemu, kernel: Path, cache: Path) -> None:
    accel.choose("auto", ROW, kernel, silence)
    record = cache / "kvm.json"
    kept = json.loads(record.read_text("utf-8"))
    assert kept["key"]["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    kept["key"]["boot_id"] = "an earlier one"
    kept["why"] = "it did not work then"
    record.write_text(json.dumps(kept))
    assert accel.choose("auto", ROW, kernel, silence).name == "kvm"
    assert len(qemu.calls) == 2


def test_another_qemu_is_probed_again(qemu: Qemu, kernel: Path) -> None:
    accel.choose("auto", ROW, kernel, silence)
    qemu.plan(version="QEMU emulator version 10.0.0 (fake)", probe="refused")
    assert accel.choose("auto", ROW, kernel, silence).name == "tcg"


@pytest.mark.parametrize("damage", ["", "{", "[1]", "7", "null", '"text"', "no why", "why is a number"])
def test_a_damaged_record_is_made_again(qemu: Qemu, kernel: Path, cache: Path, damage: str) -> None:
    accel.choose("auto", ROW, kernel, silence)
    record = cache / "kvm.json"
    kept = json.loads(record.read_text("utf-8"))
    if damage == "no why":
        del kept["why"]
    elif damage == "why is a number":
        kept["why"] = 0
    record.write_text(json.dumps(kept) if damage.count("why") else damage)
    qemu.plan(probe="refused")
    assert accel.choose("auto", ROW, kernel, silence).name == "tcg"
    assert len(qemu.calls) == 2
    assert "No such device" in json.loads(record.read_text("utf-8"))["why"]


def test_a_probe_leaves_nothing_behind(qemu: Qemu, kernel: Path, scratch: Path) -> None:
    accel.choose("auto", ROW, kernel, silence)
    assert list(scratch.iterdir()) == []


def test_an_interrupted_probe_ends_its_guest_and_keeps_no_answer(
    qemu: Qemu, kernel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qemu.plan(probe="silent")
    real = time.sleep

    def interrupt(seconds: float) -> None:
        real(seconds)
        if qemu.calls:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        accel.choose("auto", ROW, kernel, silence)
    monkeypatch.undo()
    assert not any(alive(call["pid"]) for call in qemu.calls)
    assert not (cache / "kvm.json").exists()
