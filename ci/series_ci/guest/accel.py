"""Choose KVM or TCG by booting a kernel: on some hosts /dev/kvm opens and creates a machine, but never runs it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from series_ci.arch import Accel, Arch, Machine, host
from series_ci.errors import InfrastructureError
from series_ci.guest.qemu import Files, command_line, qemu_version
from series_ci.host import files, paths, process, scratch
from series_ci.progress import Tell

PROBE_SECONDS = 10.0
"""Seconds in which a kernel has to print its first line under KVM; where KVM works it takes less than one."""


@dataclass(frozen=True)
class Accelerator:
    """How guests are run: `name` is kvm, tcg or icount; `why` says why KVM fails, "" if it does not or is not tried."""

    name: Accel
    why: str = ""


def choose(wanted: str, arch: Arch, kernel: Path, tell: Tell) -> Accelerator:
    """Return the accelerator for `wanted`: kvm, tcg, icount or auto.

    Raises InfrastructureError if `wanted` is kvm and KVM does not run.
    """
    if wanted == "tcg":
        return Accelerator("tcg")
    if wanted == "icount":
        return Accelerator("icount")
    why = _refusal(arch) or _probe(arch, kernel, tell)
    if not why:
        return Accelerator("kvm")
    if wanted == "kvm":
        raise InfrastructureError(f"KVM does not work here: {why}", hint="--accel tcg emulates, some ten times slower")
    return Accelerator("tcg", why)


def _refusal(arch: Arch, device: Path = Path("/dev/kvm")) -> str:
    """Return why KVM cannot be tried; "" if it can."""
    if arch.foreign:
        return f"the guest is {arch.name}, the host {host()}"
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} is not readable and writable for this user (group kvm?)"
    return ""


def _probe(arch: Arch, kernel: Path, tell: Tell) -> str:
    """Boot `kernel` under KVM, without an initramfs, until its first line; return why that failed, "" if it did not.

    The answer is kept in the cache until the host boots again: where KVM hangs, it takes PROBE_SECONDS.
    """
    record = paths.cache() / "kvm.json"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    key = {"boot_id": boot_id, "qemu": qemu_version(arch), "arch": arch.name}
    kept = files.read_json(record)
    if kept and kept.get("key") == key and isinstance(kept.get("why"), str):
        return str(kept["why"])
    tell("probing KVM with a real kernel")
    why = _run_probe(arch, kernel)
    files.write_json(record, {"key": key, "why": why})
    return why


def _run_probe(arch: Arch, kernel: Path) -> str:
    with scratch.folder("kvm") as folder:
        outputs = Files(folder)
        outputs.console.write_bytes(b"")
        argv = command_line(Machine(arch, 256 << 20, 1, 0), "kvm", kernel, None, outputs)
        deadline = time.monotonic() + PROBE_SECONDS
        with (
            outputs.log.open("wb") as errors,
            process.started(argv, stdout=errors.fileno(), stderr=errors.fileno()) as qemu,
        ):
            while time.monotonic() < deadline:
                if b"Linux version" in outputs.console.read_bytes():
                    return ""
                if qemu.poll() is not None:
                    break
                time.sleep(0.05)
            ended_itself = qemu.poll() is not None
        messages = outputs.log.read_text("utf-8", "replace").strip().splitlines()
        if b"Linux version" in outputs.console.read_bytes():
            return ""
    if ended_itself and messages:
        return f"QEMU: {messages[0]}"
    return f"a kernel under KVM printed nothing within {PROBE_SECONDS:.0f} s"
