"""The project's own selftests are built as a tree builds them, all of them: what they share is changed for one and used
by the others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from series_ci.host import paths
from series_ci.kernel import selftests

COLLECTIONS = sorted(path.parent.name for path in paths.share("kselftest").glob("*/Makefile"))
THEIRS = Path(os.environ.get("SERIES_CI_KERNEL_TREE", "/nowhere")) / selftests.SELFTESTS

# What a newer tree offers to those outside of cgroup/, in miniature.
LIBRARY = """\
CFLAGS += -I$(selfdir)/cgroup
LIBCGROUP_O := $(OUTPUT)/cgroup_util.o
$(LIBCGROUP_O):
\t$(CC) $(CFLAGS) -c $(selfdir)/cgroup/cgroup_util.c -o $@
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A kernel tree's selftests, as far as ours need them."""
    if not (THEIRS / "cgroup/cgroup_util.c").is_file():
        pytest.skip("no kernel tree: tools/test unpacks one")
    folder = tmp_path / selftests.SELFTESTS
    folder.mkdir(parents=True)
    for name in ("kselftest.h", "kselftest_harness.h", "lib.mk"):
        shutil.copy(THEIRS / name, folder)
    for name in ("cgroup", "clone3"):
        shutil.copytree(THEIRS / name, folder / name)
    return tmp_path


@pytest.mark.parametrize("library", [False, True], ids=["cgroup_util.c", "libcgroup.mk"])
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_they_are_built_without_a_warning(tree: Path, collection: str, library: bool) -> None:
    if library:
        (tree / selftests.SELFTESTS / "cgroup/lib").mkdir()
        (tree / selftests.SELFTESTS / "cgroup/lib/libcgroup.mk").write_text(LIBRARY)
    folder = build(tree, collection)
    assert (folder / "cgroup_util.o").exists() == library


def test_a_collection_that_the_tree_has_is_built_by_its_makefile(tree: Path) -> None:
    folder = tree / selftests.SELFTESTS / "mm"
    folder.mkdir()
    (folder / "Makefile").write_text("CFLAGS = -Wall -O2\nLDLIBS = -lpthread\n\ninclude ../lib.mk\n")
    build(tree, "mm")


def build(tree: Path, collection: str) -> Path:
    """The folder of a collection in the tree, with all of its programs."""
    selftests.lay_over(tree, collection)
    folder = tree / selftests.SELFTESTS / collection
    argv = ["make", "-C", folder, f"OUTPUT={folder}", "USERCFLAGS=-Werror"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = selftests.programs((folder / "Makefile").read_text("utf-8"))
    assert wanted
    assert [name for name in wanted if not (folder / name).is_file()] == []
    return folder
