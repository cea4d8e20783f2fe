"""The table of architectures: whole rows, and a fragment of kernel options for each."""

from __future__ import annotations

import platform

import pytest

from series_ci import arch
from series_ci.errors import ExitStatus, UsageError
from series_ci.host import paths


@pytest.mark.parametrize("name", arch.ARCHES)
def test_a_row_is_whole(name: str) -> None:
    row = arch.get(name)
    assert row.name == name
    for key in ("make", "cross", "target", "image", "qemu", "qemu_package", "console"):
        assert getattr(row, key)
    assert row.image.endswith(row.target)
    assert row.cross.endswith("-")
    assert all(option.startswith("-") and value and reason for option, value, reason in row.options)
    assert "CONFIG_64BIT=y" in paths.data("kernel", f"guest-{name}.config").read_text("utf-8").splitlines()


def test_each_fragment_has_a_row() -> None:
    fragments = paths.data("kernel", "").glob("guest-*.config")
    assert {path.stem.removeprefix("guest-") for path in fragments} == set(arch.ARCHES)


def test_an_architecture_without_a_row_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match="no such architecture: vax") as caught:
        arch.get("vax")
    assert "x86_64" in caught.value.hint
    assert caught.value.status is ExitStatus.USAGE


def test_the_host_is_named_as_the_kernel_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert arch.host() == "vax"
