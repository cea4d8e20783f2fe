"""QEMU's command line, option by option."""

from __future__ import annotations

from pathlib import Path

import pytest

from series_ci import arch
from series_ci.arch import Accel, Machine
from series_ci.guest import qemu
from series_ci.guest.qemu import Files

ROW = arch.get("x86_64")


def options(argv: list[str]) -> list[tuple[str, str]]:
    """The command line as pairs; a flag has an empty value."""
    pairs = []
    for index, word in enumerate(argv[1:], 1):
        if word.startswith("-"):
            value = argv[index + 1] if index + 1 < len(argv) else "-"
            pairs.append((word, "" if value.startswith("-") else value))
    return pairs


def argv(folder: Path = Path("/run"), *, initrd: bool = True, accel: Accel = "tcg", swap: int = 1 << 20) -> list[str]:
    size = Machine(ROW, 512 << 20, 3, swap)
    return qemu.command_line(size, accel, Path("/image"), Path("/initrd") if initrd else None, Files(folder))


def test_the_guest_is_the_same_on_every_host_and_never_starts_twice() -> None:
    found = options(argv())
    assert argv()[0] == ROW.qemu
    for pair in [
        ("-nodefaults", ""),
        ("-no-user-config", ""),
        ("-no-reboot", ""),
        ("-display", "none"),
        ("-machine", "q35"),
        ("-cpu", "max"),
        ("-m", "524288k"),
        ("-kernel", "/image"),
        ("-initrd", "/initrd"),
        ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny"),
        ("-serial", "file:/run/console.log"),
    ]:
        assert found.count(pair) == 1, pair
    assert [value.partition(",")[0] for option, value in found if option == "-smp"] == ["3"]


def test_results_and_status_travel_over_ports_of_their_own() -> None:
    found = options(argv())
    for name, file in (("results", "results.ktap"), ("status", "status.txt")):
        assert ("-chardev", f"file,id={name},path=/run/{file}") in found
        assert ("-device", f"virtserialport,chardev={name},name=series-ci.{name}") in found
    assert found.index(("-device", "virtio-serial")) < min(
        index for index, (_option, value) in enumerate(found) if value.startswith("virtserialport")
    )


def test_the_kernel_panics_into_a_reset_and_talks_to_the_console() -> None:
    (line,) = (value for option, value in options(argv()) if option == "-append")
    assert line.split()[:3] == [f"console={ROW.console}", "panic=-1", "oops=panic"]


@pytest.mark.parametrize(
    ("name", "value", "clock"),
    [("kvm", "kvm", []), ("tcg", "tcg,thread=multi", []), ("icount", "tcg,thread=single", ["shift=3"])],
)
def test_the_accelerator(name: Accel, value: str, clock: list[str]) -> None:
    found = options(argv(accel=name))
    assert [word for option, word in found if option == "-accel"] == [value]
    assert [word for option, word in found if option == "-icount"] == clock


def test_the_swap_disk_is_there_if_asked_for() -> None:
    drives = [value for option, value in options(argv()) if option == "-drive"]
    assert drives == ["if=none,id=swap,format=raw,cache=unsafe,discard=unmap,file=/run/swap.img"]
    assert ("-device", "virtio-blk,drive=swap,serial=swap") in options(argv())
    assert "swap" not in " ".join(argv(swap=0))


def test_a_probe_without_initramfs_has_no_ports_and_no_disk() -> None:
    words = " ".join(argv(initrd=False))
    for absent in ("-initrd", "virtio", "-chardev", "-drive"):
        assert absent not in words


def test_a_comma_in_a_path_is_part_of_the_path() -> None:
    """In a list of properties it is doubled, elsewhere not."""
    found = options(argv(Path("/run,1")))
    assert ("-chardev", "file,id=results,path=/run,,1/results.ktap") in found
    assert ("-chardev", "file,id=status,path=/run,,1/status.txt") in found
    assert any(option == "-drive" and value.endswith("file=/run,,1/swap.img") for option, value in found)
    assert ("-serial", "file:/run,1/console.log") in found


def test_all_files_of_a_guest_lie_in_its_folder() -> None:
    outputs = Files(Path("/run"))
    found = {outputs.console, outputs.results, outputs.status, outputs.swap}
    assert len(found) == 4
    assert {path.parent for path in found} == {Path("/run")}
