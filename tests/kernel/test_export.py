"""The selftest as a patch: each edit by itself, the whole of it on two ages of trees, and on the real one."""

from __future__ import annotations

import email
import email.policy
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from fakes import fakelinux, mmtests
from fakes.fakelinux import SELFTESTS
from series_ci.errors import UsageError
from series_ci.host import paths
from series_ci.kernel import export, sources
from series_ci.kernel.apply import with_base_patches
from series_ci.kernel.export import NoPlaceError, Ours
from series_ci.kernel.repo import Author
from series_ci.kernel.store import Store

KERNEL = Path(os.environ.get("SERIES_CI_KERNEL_TREE") or "/nonexistent")

ME = Author("Robin Välé", "robin.vale@example.org", "1767603600 +0100")
NAME = "0001-selftests-mm-add-a-test-for-reclaim-of-exiting-proce.patch"

OURS = Ours(
    sources={"exit_skip.c": "int main(void) { return 0; }\n", "exit_skip.h": "#define X 1\n"},
    programs=["exit_skip"],
    rules="$(OUTPUT)/exit_skip: exit_skip_more.c\n",
    config="CONFIG_AIO=y\nCONFIG_SWAP=y\n",
    message="selftests/$collection: add a test\n\nWords.\n\nSigned-off-by: $author\n",
)


def added(old: str, new: str) -> list[tuple[str, str]]:
    """The added lines, each with the line in front of it; nothing else may have changed."""
    before, after = old.splitlines(), new.splitlines()
    found = []
    for number, line in enumerate(after):
        if before and before[0] == line:
            del before[0]
        else:
            found.append((after[number - 1], line))
    assert not before
    assert new.endswith("\n")
    return found


class TestPrograms:
    @pytest.mark.parametrize("makefile", [mmtests.MAKEFILE, mmtests.OLD_MAKEFILE])
    def test_stands_where_the_list_is_alphabetical(self, makefile: str) -> None:
        assert added(makefile, export.add_programs(makefile, ["exit_skip"])) == [
            (
                "TEST_GEN_FILES += compaction_test" if "cow" in makefile else "TEST_GEN_FILES = compaction_test",
                "TEST_GEN_FILES += exit_skip",
            )
        ]

    @pytest.mark.parametrize(
        "name",
        [
            "a_test",  # never before the line that begins the list: `=` would throw it away
            "bulk",  # never in a condition, though it sorts between before_all and memfd_secret
            "zzz",
        ],
    )
    def test_stands_at_the_end_of_what_is_always_built_else(self, name: str) -> None:
        makefile = mmtests.MAKEFILE.replace("= cow\n", "= soft-dirty\n")
        made = export.add_programs(makefile, [name])
        assert added(makefile, made) == [("TEST_GEN_FILES += droppable", f"TEST_GEN_FILES += {name}")]

    def test_two_programs(self) -> None:
        made = export.add_programs(mmtests.MAKEFILE, ["exit_skip", "exit_wait"])
        assert added(mmtests.MAKEFILE, made) == [
            ("TEST_GEN_FILES += compaction_test", "TEST_GEN_FILES += exit_skip"),
            ("TEST_GEN_FILES += exit_skip", "TEST_GEN_FILES += exit_wait"),
        ]

    @pytest.mark.parametrize(
        "makefile",
        [
            "TEST_GEN_PROGS := cow\n\ninclude ../lib.mk\n",
            "ifeq ($(ARCH),x86)\nTEST_GEN_FILES += cow\nendif\n\ninclude ../lib.mk\n",
            "include ../lib.mk\nTEST_GEN_FILES += cow\n",
            "TEST_GEN_FILES += $(BINARIES)\n",
        ],
    )
    def test_no_place(self, makefile: str) -> None:
        with pytest.raises(NoPlaceError, match=r"no line 'TEST_GEN_FILES \+= PROGRAM' outside of conditions"):
            export.add_programs(makefile, ["exit_skip"])


class TestHeaders:
    def test_stands_after_the_makefile_s_own(self) -> None:
        assert added(mmtests.MAKEFILE, export.add_headers(mmtests.MAKEFILE, "mm", ["a.h", "b.h"])) == [
            ("LOCAL_HDRS += $(selfdir)/mm/helpers.h", "LOCAL_HDRS += $(selfdir)/mm/a.h"),
            ("LOCAL_HDRS += $(selfdir)/mm/a.h", "LOCAL_HDRS += $(selfdir)/mm/b.h"),
        ]

    def test_is_left_out_where_the_makefile_names_none_of_its_own(self) -> None:
        assert export.add_headers(mmtests.OLD_MAKEFILE, "vm", ["a.h"]) == mmtests.OLD_MAKEFILE
        assert export.add_headers(mmtests.MAKEFILE, "vm", ["a.h"]) == mmtests.MAKEFILE


class TestRules:
    def test_each_age_has_its_half_of_our_makefile(self) -> None:
        makefile = (
            "ifneq ($(wildcard x/libcgroup.mk),)\ninclude x/libcgroup.mk\na: b.c\nelse ifneq (x,)\na: c.c\nendif\n"
        )
        assert export.rules(makefile, library=True) == "include x/libcgroup.mk\na: b.c\n"
        assert export.rules(makefile, library=False) == "a: c.c\n"
        assert export.rules("include ../lib.mk\n", library=True) == ""

    @pytest.mark.parametrize(
        ("makefile", "last"),
        [
            (mmtests.MAKEFILE, "$(OUTPUT)/droppable: cow-common.c\n"),
            (mmtests.OLD_MAKEFILE, "$(OUTPUT)/userfaultfd: helpers.c\n"),
        ],
    )
    def test_stand_behind_those_of_the_makefile(self, makefile: str, last: str) -> None:
        made = export.add_rules(makefile, OURS.rules)
        assert made == makefile.replace(last, f"{last}\n$(OUTPUT)/exit_skip: exit_skip_more.c\n")

    def test_no_place(self) -> None:
        with pytest.raises(NoPlaceError, match=re.escape("no line '$(OUTPUT)/PROGRAM: SOURCE.c'")):
            export.add_rules("include ../lib.mk\n\n$(OUTPUT)/migration: LDLIBS += -lnuma\n", OURS.rules)


class TestWrapper:
    def test_stands_where_the_list_is_alphabetical(self) -> None:
        made = export.add_wrapper(mmtests.LATEST_MAKEFILE)
        assert added(mmtests.LATEST_MAKEFILE, made) == [
            ("TEST_PROGS += ksft_cow.sh", "TEST_PROGS += ksft_exit_skip.sh")
        ]

    @pytest.mark.parametrize("makefile", [mmtests.MAKEFILE, mmtests.OLD_MAKEFILE])
    def test_is_left_out_where_no_category_has_one(self, makefile: str) -> None:
        assert export.add_wrapper(makefile) == makefile


class TestIgnored:
    def test_stands_where_the_list_is_alphabetical(self) -> None:
        made = export.add_ignored(mmtests.GITIGNORE, ["exit_skip"])
        assert added(mmtests.GITIGNORE, made) == [("cow", "exit_skip")]

    def test_stands_at_the_end_else(self) -> None:
        made = export.add_ignored("# words\nzeta\nbeta\nalpha\n", ["exit_skip"])
        assert made == "# words\nzeta\nbeta\nalpha\nexit_skip\n"

    def test_last_line_without_its_end(self) -> None:
        assert export.add_ignored("cow", ["exit_skip"]) == "cow\nexit_skip\n"

    def test_nothing_is_added_where_all_is_ignored_but_what_is_named(self) -> None:
        assert export.add_ignored(mmtests.LATEST_GITIGNORE, ["exit_skip"]) == mmtests.LATEST_GITIGNORE

    @pytest.mark.parametrize("gitignore", ["", "# SPDX-License-Identifier: GPL-2.0-only\n", "*.tmp*\n"])
    def test_no_place(self, gitignore: str) -> None:
        with pytest.raises(NoPlaceError, match="no line with the name of a program"):
            export.add_ignored(gitignore, ["exit_skip"])


class TestOptions:
    def test_only_what_the_tree_says_nothing_about(self) -> None:
        wanted = "CONFIG_AIO=y\nCONFIG_KSM=y\n# CONFIG_STRICT_DEVMEM is not set\nCONFIG_SWAP=y\nCONFIG_TEST_HMM=y\n"
        made = export.add_options(mmtests.CONFIG, wanted)
        assert made == mmtests.CONFIG + "CONFIG_AIO=y\n# CONFIG_STRICT_DEVMEM is not set\n"

    def test_an_option_that_only_begins_with_the_same_name_is_another(self) -> None:
        assert export.add_options("CONFIG_MEMCG_V1=y\n", "CONFIG_MEMCG=y\n") == "CONFIG_MEMCG_V1=y\nCONFIG_MEMCG=y\n"

    def test_last_line_without_its_end(self) -> None:
        assert export.add_options("CONFIG_A=y", "CONFIG_B=y\n") == "CONFIG_A=y\nCONFIG_B=y\n"
        assert export.add_options("", "CONFIG_B=y\n") == "CONFIG_B=y\n"


class TestCategory:
    def test_script_with_categories(self) -> None:
        made = export.add_category(mmtests.SCRIPT, ["exit_skip"])
        run = 'CATEGORY="exit_skip" run_test ./exit_skip'
        assert added(mmtests.SCRIPT, made) == [
            ("\tpaths in the kernel", "- exit_skip"),
            ("- exit_skip", f"\ttest {export.ABOUT}"),
            ("", run),
            (run, ""),
        ]
        assert f'fi\n\n{run}\n\necho "SUMMARY: ' in made

    def test_script_without_categories(self) -> None:
        made = export.add_category(mmtests.OLD_SCRIPT, ["exit_skip"])
        end = "exit $exitcode\n"
        assert made == mmtests.OLD_SCRIPT.removesuffix(end) + f"# {export.ABOUT}\nrun_test ./exit_skip\n\n{end}"

    @pytest.mark.parametrize(
        ("argv", "expected"),
        [([], ["./cow", "./exit_skip"]), (["-t", "exit_skip"], ["./exit_skip"]), (["-t", "cow"], ["./cow"])],
    )
    def test_a_shell_runs_it(self, tmp_path: Path, argv: list[str], expected: list[str]) -> None:
        for name in ("cow", "exit_skip"):
            (tmp_path / name).write_text("#!/bin/sh\necho $0\n")
            (tmp_path / name).chmod(0o755)
        done = shell(tmp_path, export.add_category(mmtests.SCRIPT, ["exit_skip"]), *argv)
        assert [line for line in done.splitlines() if line.startswith("./")] == expected

    def test_a_shell_shows_it(self, tmp_path: Path) -> None:
        done = shell(tmp_path, export.add_category(mmtests.SCRIPT, ["exit_skip"]), "-h")
        assert f"paths in the kernel\n- exit_skip\n\ttest {export.ABOUT}\n\nexample:" in done

    @pytest.mark.parametrize(
        ("old", "new", "looked_for"),
        [("run_test ./", "start ./", "run_test ./PROGRAM"), ("exit $exitcode", "exit 0", "exit $exitcode")],
    )
    def test_no_place(self, old: str, new: str, looked_for: str) -> None:
        with pytest.raises(NoPlaceError, match=re.escape(looked_for)):
            export.add_category(mmtests.OLD_SCRIPT.replace(old, new), ["exit_skip"])

    def test_no_place_in_the_usage_text(self) -> None:
        script = mmtests.SCRIPT.replace("- cow", "cow:").replace("- migration", "migration:")
        with pytest.raises(NoPlaceError, match=r"'- CATEGORY'.* in the usage text"):
            export.add_category(script, ["exit_skip"])


def shell(folder: Path, script: str, *argv: str) -> str:
    """What a run of the script prints."""
    (folder / "run_vmtests.sh").write_text(script)
    command = ["bash", "run_vmtests.sh", *argv]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


# The whole patch.

LAYOUTS = pytest.mark.parametrize(("collection", "texts"), [("mm", mmtests.NEW), ("vm", mmtests.OLD)])

RULES = f"""
ifneq ($(wildcard ../cgroup/lib/libcgroup.mk),)
include ../cgroup/lib/libcgroup.mk
$(OUTPUT)/exit_skip: $(LIBCGROUP_O)
else ifneq ($(wildcard ../cgroup/cgroup_util.c),)
{OURS.rules}endif
"""


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own mm selftest in this test, with files beside it that are none of a tree's business."""
    folder = tmp_path / "kselftest"
    (folder / "mm").mkdir(parents=True)
    for name, text in {
        **OURS.sources,
        "Makefile": f"TEST_GEN_PROGS := exit_skip\n\ninclude ../lib.mk\n{RULES}",
        "config": OURS.config,
        "settings": "timeout=180\n",
        "README.md": "For readers.\n",
        "export.txt": OURS.message,
    }.items():
        (folder / "mm" / name).write_text(text)
    real = paths.share
    monkeypatch.setattr(paths, "share", lambda name: folder if name == "kselftest" else real(name))
    return folder


def patch(checkout: Path) -> tuple[str, bytes]:
    return export.patch(sources.resolve(str(checkout), print), ME)


def apply(checkout: Path, content: bytes) -> None:
    """Apply the patch by git am."""
    name = checkout.parent / "a.patch"
    name.write_bytes(content)
    fakelinux.git(checkout, "am", "-q", str(name))


def state(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Everything below a folder, git's own files too."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("brought", "cache")
class TestPatch:
    @LAYOUTS
    def test_git_am_gives_the_tree_that_was_meant(self, tmp_path: Path, collection: str, texts: dict[str, str]) -> None:
        checkout = mmtests.repository(tmp_path / "linux", collection, texts)
        before = state(checkout)
        name, content = patch(checkout)
        assert state(checkout) == before
        assert name == f"0001-selftests-{collection}-add-a-test.patch"
        apply(checkout, content)
        folder = checkout / SELFTESTS / collection
        for name, text in texts.items():
            assert (folder / name).read_text() == export.edit(name, text, collection, OURS) != text
        for name, text in OURS.sources.items():
            assert (folder / name).read_text() == text
        changed = fakelinux.git(checkout, "diff", "--name-only", "HEAD~1").splitlines()
        assert {Path(each).name for each in changed} == {*texts, *OURS.sources}

    def test_newer_tree_gets_a_wrapper_and_its_own_library(self, tmp_path: Path) -> None:
        checkout = mmtests.repository(tmp_path / "linux", "mm", mmtests.LATEST)
        (checkout / export.LIBRARY).parent.mkdir(parents=True)
        (checkout / export.LIBRARY).write_text("LIBCGROUP_O := x.o\n")
        fakelinux.commit(checkout)
        apply(checkout, patch(checkout)[1])
        folder = checkout / SELFTESTS / "mm"
        assert "$(OUTPUT)/exit_skip: $(LIBCGROUP_O)\n" in (folder / "Makefile").read_text()
        assert (folder / "ksft_exit_skip.sh").read_text().endswith("./run_vmtests.sh -t exit_skip\n")
        assert (folder / "ksft_exit_skip.sh").stat().st_mode & stat.S_IXUSR
        changed = fakelinux.git(checkout, "diff", "--name-only", "HEAD~1").splitlines()
        assert {Path(each).name for each in changed} == {
            *(set(mmtests.LATEST) - {".gitignore"}),
            *OURS.sources,
            "ksft_exit_skip.sh",
        }

    def test_modes(self, linux_mm: Path) -> None:
        apply(linux_mm, patch(linux_mm)[1])
        assert (linux_mm / SELFTESTS / "mm/run_vmtests.sh").stat().st_mode & stat.S_IXUSR
        assert not (linux_mm / SELFTESTS / "mm/exit_skip.c").stat().st_mode & stat.S_IXUSR

    def test_author_date_and_message(self, linux_mm: Path) -> None:
        apply(linux_mm, patch(linux_mm)[1])
        assert fakelinux.git(linux_mm, "log", "-1", "--format=%an|%ae|%ad|%B", "--date=raw") == (
            "Robin Välé|robin.vale@example.org|1767603600 +0100|selftests/mm: add a test\n\nWords.\n\n"
            "Signed-off-by: Robin Välé <robin.vale@example.org>"
        )

    def test_base_patches_are_not_in_it(self, linux_mm: Path, tmp_path: Path) -> None:
        (linux_mm / SELFTESTS / "mm/Makefile").write_text(mmtests.MAKEFILE.replace("compaction_test", "coward"))
        (tmp_path / "base.patch").write_text(fakelinux.git(linux_mm, "diff") + "\n")
        fakelinux.git(linux_mm, "checkout", "-q", ".")
        base = with_base_patches(sources.resolve(str(linux_mm), print), [tmp_path / "base.patch"])
        _name, content = export.patch(base, ME)
        assert b" TEST_GEN_FILES += coward\n+TEST_GEN_FILES += exit_skip\n" in content
        assert b"\n-TEST_GEN_FILES" not in content

    def test_a_byte_that_is_no_utf8_stays(self, linux_mm: Path) -> None:
        config = linux_mm / SELFTESTS / "mm/config"
        config.write_bytes(b"# caf\xe9\n" + config.read_bytes())
        fakelinux.commit(linux_mm)
        apply(linux_mm, patch(linux_mm)[1])
        assert config.read_bytes() == b"# caf\xe9\n" + mmtests.CONFIG.encode() + b"CONFIG_AIO=y\n"

    def test_settings_of_the_user_are_left_out(self, linux_mm: Path, home: Path) -> None:
        before = patch(linux_mm)
        (home / ".gitconfig").write_text(
            "[format]\n\tsubjectPrefix = RFC\n\tsignOff = true\n[diff]\n\tnoprefix = true\n"
        )
        assert patch(linux_mm) == before

    def test_nothing_stays_in_the_store_or_elsewhere(self, linux_mm: Path, scratch: Path) -> None:
        base = sources.resolve(str(linux_mm), print)
        Store(base.store)
        before = state(base.store)
        export.patch(base, ME)
        assert state(base.store) == before
        assert list(scratch.iterdir()) == []


@pytest.fixture
def linux_mm(tmp_path: Path) -> Path:
    return mmtests.repository(tmp_path / "linux", "mm", mmtests.NEW)


@pytest.mark.usefixtures("brought", "cache")
class TestTreeThatDoesNotFit:
    @pytest.fixture
    def refused(self, tmp_path: Path):
        """What is said of a tree, without its name."""

        def said(collection: str, texts: dict[str, str]) -> str:
            checkout = mmtests.repository(tmp_path / "linux", collection, texts)
            with pytest.raises(UsageError) as caught:
                patch(checkout)
            assert caught.value.message.startswith(f"{checkout}: ")
            return caught.value.message.removeprefix(f"{checkout}: ")

        return said

    @pytest.mark.parametrize("name", ["exit_skip.c", "exit_skip.h"])
    def test_has_the_source_already(self, refused, name: str) -> None:
        said = refused("mm", {**mmtests.NEW, name: ""})
        assert said == f"{SELFTESTS}/mm/{name}: the tree has exit_skip already"

    @LAYOUTS
    @pytest.mark.parametrize("name", ["Makefile", ".gitignore", "run_vmtests.sh"])
    def test_names_the_program_already(self, refused, collection: str, texts: dict[str, str], name: str) -> None:
        said = refused(collection, {**texts, name: export.edit(name, texts[name], collection, OURS)})
        assert said == f"{SELFTESTS}/{collection}/{name}: the tree has exit_skip already"

    def test_a_longer_name_is_another_program(self, tmp_path: Path) -> None:
        texts = {**mmtests.NEW, ".gitignore": mmtests.GITIGNORE + "exit_skip_more\nan-exit_skip\n"}
        assert patch(mmtests.repository(tmp_path / "linux", "mm", texts))

    @pytest.mark.parametrize("name", export.EDITED[1:])
    def test_lacks_a_file(self, linux_mm: Path, name: str) -> None:
        (linux_mm / SELFTESTS / "mm" / name).unlink()
        fakelinux.commit(linux_mm)
        with pytest.raises(UsageError, match=re.escape(f"{SELFTESTS}/mm/{name}: no such file in the tree")):
            patch(linux_mm)

    @pytest.mark.parametrize(
        ("name", "words"),
        [("Makefile", "TEST_GEN_FILES"), (".gitignore", "name of a program"), ("run_vmtests.sh", "run_test")],
    )
    def test_looks_different(self, refused, name: str, words: str) -> None:
        said = refused("mm", {**mmtests.NEW, name: "# nothing\n"})
        assert said.startswith(f"{SELFTESTS}/mm/{name}: no line ")
        assert words in said

    def test_has_no_mm_selftests(self, refused) -> None:
        said = refused("other", {})
        assert said == f"no Makefile in {SELFTESTS}/mm or {SELFTESTS}/vm: the tree has no mm selftests"


# What the project really brings.


def test_message_is_as_kernel_developers_want_it() -> None:
    text = export.message(export.ours(library=True).message, "mm", ME)
    subject, empty, *body = text.splitlines()
    assert subject.startswith("selftests/mm: ")
    assert len(subject) < 75
    assert empty == ""
    assert [line for line in body if len(line) > 75 and not line.startswith("Link: ")] == []
    assert body[-1] == "Signed-off-by: Robin Välé <robin.vale@example.org>"
    assert text.endswith(">\n")


def test_all_sources_are_brought_and_nothing_else() -> None:
    mine = export.ours(library=True)
    folder = paths.share("kselftest") / "mm"
    assert set(mine.sources) == {path.name for path in folder.iterdir() if path.suffix in {".c", ".h"}}
    assert mine.programs == ["exit_skip"]
    assert "CONFIG_AIO=y\n" in mine.config
    made = "exit_skip_util.c exit_skip_window.c"
    library = f"include ../cgroup/lib/libcgroup.mk\n$(OUTPUT)/exit_skip: {made} $(LIBCGROUP_O)\n"
    assert mine.rules == library
    assert f"$(OUTPUT)/exit_skip: {made} $(selfdir)/cgroup/cgroup_util.c\n" in export.ours(library=False).rules


@pytest.fixture
def real(tmp_path: Path, cache: Path) -> tuple[Path, Path]:
    """A checkout with the files of a real Linux 6.12, and the patch for it."""
    folder = KERNEL / SELFTESTS / "mm"
    if not (folder / "run_vmtests.sh").exists():
        pytest.skip("SERIES_CI_KERNEL_TREE does not lead to the files of a kernel")
    texts = {name: (folder / name).read_text("utf-8") for name in export.EDITED}
    checkout = mmtests.repository(tmp_path / "linux", "mm", texts)
    name, content = patch(checkout)
    assert name == NAME
    (tmp_path / name).write_bytes(content)
    return checkout, tmp_path / name


def test_real_tree_takes_it(real: tuple[Path, Path]) -> None:
    checkout, mail = real
    fakelinux.git(checkout, "am", "-q", str(mail))
    folder = checkout / SELFTESTS / "mm"
    for name, text in export.ours(library=False).sources.items():
        assert (folder / name).read_text("utf-8") == text
    assert fakelinux.git(checkout, "check-ignore", f"{SELFTESTS}/mm/exit_skip")
    subprocess.run(["bash", "-n", folder / "run_vmtests.sh"], check=True)
    usage = shell(folder, (folder / "run_vmtests.sh").read_text("utf-8"), "-h")
    assert f"\n- exit_skip\n\ttest {export.ABOUT}\n\nexample: " in usage
    content = mail.read_bytes()
    assert b" TEST_GEN_FILES += compaction_test\n+TEST_GEN_FILES += exit_skip\n" in content
    headers = email.message_from_bytes(content, policy=email.policy.default)
    assert headers["From"] == "Robin Välé <robin.vale@example.org>"
    assert headers["Subject"].startswith("[PATCH] selftests/mm: ")


def test_real_checkpatch_finds_nothing(real: tuple[Path, Path]) -> None:
    argv = ["perl", KERNEL / "scripts/checkpatch.pl", "--no-tree", "--strict", "--terse", "--show-types", real[1]]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if re.search(r"(ERROR|WARNING|CHECK):", line)]
    # A new file in a folder that has its maintainers: MAINTAINERS needs no change, which checkpatch cannot know.
    assert [line for line in found if "FILE_PATH_CHANGES" not in line] == []
    assert len(found) == 1, done.stdout + done.stderr
