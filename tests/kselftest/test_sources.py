"""The project's own selftests compile, all of them: what they share is changed for one and used by the others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from series_ci.host import paths

SOURCES = sorted(paths.share("kselftest").glob("*/*.c"))
SELFTESTS = Path(os.environ.get("SERIES_CI_KERNEL_TREE", "/nowhere")) / "tools/testing/selftests"


@pytest.mark.skipif(not (SELFTESTS / "kselftest_harness.h").is_file(), reason="no kernel tree: tools/test unpacks one")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_compiles_without_a_warning(source: Path, tmp_path: Path) -> None:
    for header in ("kselftest.h", "kselftest_harness.h"):
        shutil.copy(SELFTESTS / header, tmp_path)
    shutil.copytree(source.parent, tmp_path / source.parent.name)
    flags = ["-std=gnu11", "-Wall", "-Werror", "-Wno-unused-function", "-O2", "-fsyntax-only"]
    done = subprocess.run(
        ["gcc", *flags, source.name], cwd=tmp_path / source.parent.name, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
