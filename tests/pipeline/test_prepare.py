"""What versions share is in the cache afterwards, and nothing of the series was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import lab
from fakes.lab import Lab
from fakes.world import fresh, notes
from series_ci.cli import main


def test_a_test_finds_everything_in_the_cache(shared: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = fresh(shared, tmp_path, capsys)
    assert main(["prepare", "--series", str(shared.manifest)]) == 0
    said = capsys.readouterr()
    assert "build base" in said.err
    assert "build v" not in said.err
    assert shared.qemu.calls == []
    made = notes(world.test("v1"))
    for step in ("fetch", "tree", "build base", "selftests base"):
        assert "cached" in made[step], step
    assert "cached" not in made["build v1"]


def test_a_mail_that_is_not_to_be_had(shared: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lab.MANIFEST.replace("20260203.v3-0@", "gone@").replace("archive: mail", f"archive: {shared.mail}")
    (tmp_path / "mini.yaml").write_text(text.replace("config: [mini.config]\n", ""), "utf-8")
    assert main(["prepare", "--series", str(tmp_path / "mini.yaml")]) == 2
    assert "gone@example.org" in capsys.readouterr().err
