"""What of a series is in its kernel, from its mails to every report, on a kernel in miniature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import lab, mails
from fakes.fakelinux import BROKEN_C, SELFTESTS
from fakes.lab import Lab
from fakes.mails import GOOD, HELPER, Change
from fakes.world import Ran, World
from series_ci.cli import main
from series_ci.post import patchwork, posting

NET = {
    "Kbuild": "obj-y += init/ mm/\nobj-$(CONFIG_NET) += net/\n",
    "net/Makefile": "obj-$(CONFIG_INET) += ipv4/\n",
    "net/ipv4/Makefile": "obj-y := tcp.o\n",
    "net/ipv4/tcp.c": "int tcp;\n",
    "arch/arm64/mm/fault.c": "int fault;\n",
    "Documentation/mm/rmap.rst": "Rmap\n====\n",
    f"{SELFTESTS}/net/Makefile": "TEST_GEN_PROGS := tcp\ninclude ../lib.mk\n",
    f"{SELFTESTS}/net/tcp.c": "int main(void) { return 0; }\n",
}
"""What is in the tree and in none of its kernels."""


def added(name: str, text: str = "x\n", title: str = "") -> Change:
    """A patch that adds a file."""
    signed = "Signed-off-by: Robin Välé <robin.vale@example.org>"
    return Change(f"{title or f'add {name}'}\n\n{signed}", ((name, "", text),))


SYNTAX_ERROR = added("net/ipv4/tcp_new.c", "this is no C\n", "net: a syntax error")
DOC = added("Documentation/mm/exit.rst", "Exit\n====\n", "doc: say it")
ARM = added("arch/arm64/mm/exit.c", "int x;\n", "arm64: say it")
COMMENT = Change(
    "mm: say more\n\nSigned-off-by: Robin Välé <robin.vale@example.org>",
    (("mm/rmap.c", "/* Who maps a folio. */", "/* Who maps a folio, and how often. */"),),
)
TEST = Change(
    "selftests/mm: say it\n\nSigned-off-by: Robin Välé <robin.vale@example.org>",
    ((f"{SELFTESTS}/mm/good.c", "int main(void)\n{", "int main(void)\n{\n\tsetvbuf(stdout, NULL, _IONBF, 0);"),),
)
TEST_OF_NOTHING = Change(
    "selftests/mm: say why\n\nSigned-off-by: Robin Välé <robin.vale@example.org>",
    ((f"{SELFTESTS}/mm/broken.c", (_FIRST := BROKEN_C.splitlines()[0]), f"{_FIRST}\n/* Broken. */"),),
)
"""The test does not compile, with the series as little as without it."""
TEST_OF_NET = added(f"{SELFTESTS}/net/new.c", "int main(void) { return 1; }\n", "selftests/net: a test")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("world"), NET) as found:
        yield found


NUMBERS: dict[tuple[Change, ...], int] = {}
"""A Message-ID stands for one content: each series gets a version of its own."""


def taken(world: World, *changes: Change, more: tuple[str, ...] = ()) -> Ran:
    """`series-ci test` of a series of these patches."""
    version = NUMBERS.setdefault(changes, 5 + len(NUMBERS))
    sent = mails.series(changes, version=version, cover="" if len(changes) == 1 else mails.COVER)
    folder = mails.folder(world.folder / f"mail{version}", sent)
    name = mails.message_id(version, 1 if len(changes) == 1 else 0)
    return world.test(name, "--archive", str(folder), "--tree", str(world.lab.linux), *more)


def shown(ran: Ran) -> dict[str, str]:
    """The run in each format that text is made of."""
    formats = {}
    for name in ("markdown", "html", "junit", "json", "kcidb", "mail", "b4"):
        target = ran.out.parent / f"{ran.out.name}.{name}"
        assert main(["report", str(ran.out), "--format", name, "-o", str(target)]) == 0, name
        formats[name] = target.read_text("utf-8")
    return {**formats, "terminal": ran.stdout}


def test_code_that_was_never_compiled_is_not_taken(world: World) -> None:
    ran = taken(world, SYNTAX_ERROR)
    assert (ran.status, ran.summary["verdict"], ran.summary["status"]) == (6, "not tested", 6)
    assert ran.summary["coverage"] == {
        "words": "0 of 1 file compiled; not in this kernel: net/ipv4/tcp_new.c; the kernel is the same without it, "
        "bit for bit",
        "tested": False,
        "same_kernel": True,
        "files": [{"name": "net/ipv4/tcp_new.c", "kind": "code", "compiled": False, "why": ""}],
    }
    assert "error: not tested: nothing of the series is in this kernel\n" in ran.stderr
    assert "compiled: 0 of 1 file compiled; not in this kernel: net/ipv4/tcp_new.c" in ran.stdout
    assert world.lab.qemu.calls == []
    assert ran.junit == (0, 1)


def test_the_option_that_would_compile_it_is_named(world: World) -> None:
    edit = Change(SYNTAX_ERROR.message, (("net/ipv4/tcp.c", "int tcp;", "int tcp = ;"),))
    sent = mails.series((edit,), version=26, cover="", changes=NET)
    folder = mails.folder(world.folder / "mail", sent)
    ran = world.test(mails.message_id(26, 1), "--archive", str(folder), "--tree", str(world.lab.linux))
    assert ran.status == 6
    assert "not in this kernel: net/ipv4/tcp.c (CONFIG_NET, CONFIG_INET)" in ran.stdout
    assert "config fragment for --config: CONFIG_INET=y CONFIG_NET=y" in ran.stderr


def test_every_format_says_so_and_none_vouches(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = taken(world, SYNTAX_ERROR)
    said = shown(ran)
    for name, text in said.items():
        assert "not tested" in text, name
        assert "net/ipv4/tcp_new.c" in text, name
        assert "no regression" not in text, name
    assert json.loads(said["b4"])[0]["status"] == "warn"
    assert '<property name="compiled" value="0 of 1 file compiled; not in this kernel' in said["junit"]
    assert 'name="coverage"' in said["junit"]
    assert "<error" in said["junit"]
    assert json.loads(said["kcidb"])["builds"] == []
    assert main(["report", str(ran.out), "--format", "mail", "--tested-by", "Tess <tess@example.org>"]) == 2
    assert "not everything passed: not tested" in capsys.readouterr().err


def test_github_is_neutral_and_patchwork_warns(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = taken(world, SYNTAX_ERROR)
    target = ["--repo", "kim/linux", "--sha", "12" * 20, "--url", "http://127.0.0.1:9", "--dry-run"]
    assert main(["post", str(ran.out), "--to", "github", *target]) == 0
    said = capsys.readouterr().out
    assert '"conclusion": "neutral"' in said
    assert not [each for each in ('"failure"', '"success"') if each in said]
    assert patchwork.STATES[posting.read(ran.out).state] == "warning"


def test_there_is_nothing_to_reproduce(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = taken(world, SYNTAX_ERROR)
    capsys.readouterr()
    assert main(["reproduce", str(ran.out)]) == 6
    assert "nothing was tested in this run: not tested\nhint: to test again: series-ci test" in capsys.readouterr().err


def test_a_run_that_was_not_tested_is_verified_and_merged(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = taken(world, SYNTAX_ERROR)
    assert main(["verify", str(ran.out)]) == 0
    path = ran.out / "summary.json"
    found = json.loads(path.read_text("utf-8"))
    for change in ({"verdict": "no regression", "status": 0, "error": None}, {"coverage": None}):
        path.write_text(json.dumps({**found, **change}), "utf-8")
        assert main(["verify", str(ran.out)]) == 2, change
    found["coverage"] |= {"words": "1 of 1 file compiled", "tested": True, "same_kernel": False}
    found["coverage"]["files"][0]["compiled"] = True
    path.write_text(json.dumps(found), "utf-8")
    assert main(["verify", str(ran.out)]) == 2
    assert "does not say what was compiled as a run with the verdict 'not tested' does" in capsys.readouterr().err


def test_code_is_not_taken_for_documentation(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = taken(world, *GOOD)
    path = ran.out / "summary.json"
    found = ran.summary
    found["coverage"]["files"].append({"name": "net/x.c", "kind": "documentation", "compiled": False, "why": ""})
    path.write_text(json.dumps(found), "utf-8")
    assert main(["verify", str(ran.out)]) == 2
    assert "has 'net/x.c' for documentation" in capsys.readouterr().err


def test_part_of_it_is_the_verdict_and_what_is_not_is_named(world: World) -> None:
    ran = taken(world, *GOOD, ARM, DOC)
    assert (ran.status, ran.summary["verdict"]) == (0, "no regression")
    for name, text in shown(ran).items():
        assert "2 of 3 files compiled" in text, name
        assert "arch/arm64/mm/exit.c" in text, name
    assert "not in this kernel: arch/arm64/mm/exit.c (arm64)" in ran.stdout


def test_documentation_is_nothing_to_test_and_nothing_is_built(world: World) -> None:
    ran = taken(world, DOC)
    assert (ran.status, ran.summary["verdict"], ran.summary["coverage"]) == (6, "nothing to test", None)
    assert "documentation only: Documentation/mm/exit.rst" in ran.stderr
    assert "build base" not in ran.stderr
    assert main(["verify", str(ran.out)]) == 0


def test_equal_kernels_are_not_booted(world: World) -> None:
    ran = taken(world, COMMENT)
    assert (ran.status, ran.summary["verdict"]) == (6, "not tested")
    assert "1 of 1 file compiled; the kernel is the same without it, bit for bit" in ran.stdout
    assert world.lab.qemu.calls == []


def test_a_selftest_of_the_series_is_tested_on_equal_kernels(world: World) -> None:
    ran = taken(world, TEST, more=("--test", "mm/good"))
    assert (ran.status, ran.summary["verdict"]) == (0, "no regression")
    assert ran.summary["coverage"]["same_kernel"] is True
    assert main(["verify", str(ran.out)]) == 0


@pytest.mark.parametrize(
    "change",
    [
        added(f"{SELFTESTS}/mm/in_no_makefile.c", "int main(void) { return 1; }\n", "selftests/mm: forgotten"),
        Change(TEST.message, ((f"{SELFTESTS}/mm/good.c", "#include <stdio.h>", "/* Good. */\n#include <stdio.h>"),)),
    ],
)
def test_selftests_that_are_installed_as_before_are_not_tested(world: World, change: Change) -> None:
    ran = taken(world, change, more=("--test", "mm/good"))
    assert (ran.status, ran.summary["verdict"]) == (6, "not tested")
    assert "(its collection is the same without it)" in ran.stdout


def test_a_selftest_that_nobody_runs_is_not(world: World) -> None:
    ran = taken(world, TEST_OF_NET, more=("--test", "mm/good"))
    assert (ran.status, ran.summary["verdict"]) == (6, "not tested")
    assert f"not among the tests: {SELFTESTS}/net/new.c" in ran.stdout


def test_nor_is_a_selftest_that_does_not_compile(world: World) -> None:
    ran = taken(world, TEST_OF_NOTHING, more=("--test", "mm/good"))
    assert (ran.status, ran.summary["verdict"]) == (6, "not tested")
    assert f"0 of 1 file compiled; not among the tests: {SELFTESTS}/mm/broken.c (does not compile)" in ran.stdout


SIGNED = "Signed-off-by: Robin Välé <robin.vale@example.org>"
OF_ANOTHER_TEST = {
    "new": added(f"{SELFTESTS}/mm/new.c", "int main(void) { return 1; }\n", "selftests/mm: no rule makes it"),
    "broken": Change(f"selftests/mm: another\n\n{SIGNED}", ((f"{SELFTESTS}/mm/broken.c", "/* The", "/* This"),)),
    "overlaid": added(f"{SELFTESTS}/mm/exit_skip.c", "int main(void) { return 1; }\n", "selftests/mm: ours is taken"),
    "built": Change(
        f"selftests/mm: built, and not run\n\n{SIGNED}",
        (
            (f"{SELFTESTS}/mm/new.c", "", "int main(void) { return 1; }\n"),
            (f"{SELFTESTS}/mm/Makefile", "good broken", "good broken new"),
        ),
    ),
    "lib": added(f"{SELFTESTS}/kselftest_odd.h", "int x;\n", "selftests: nobody includes it"),
}


@pytest.mark.parametrize("name", OF_ANOTHER_TEST)
def test_a_selftest_in_a_collection_of_which_another_one_runs_is_not(world: World, name: str) -> None:
    ran = taken(world, OF_ANOTHER_TEST[name], more=("--test", "mm/good"))
    assert (ran.status, ran.summary["verdict"]) == (6, "not tested")
    assert "0 of 1 file compiled; not among the tests: " in ran.stdout


USED = Change(
    f"selftests/mm: a header that a test includes\n\n{SIGNED}",
    (
        (f"{SELFTESTS}/mm/number.h", "", "#define NUMBER 8\n"),
        (f"{SELFTESTS}/mm/good.c", "#include <linux/mman.h>", '#include "number.h"'),
        (f"{SELFTESTS}/mm/good.c", "MADV_MINI", "NUMBER"),
    ),
)


def test_what_a_test_that_runs_is_made_of_is_tested(world: World) -> None:
    ran = taken(world, USED, more=("--test", "mm/good"))
    assert ran.status == 0
    assert "2 of 2 files compiled" in ran.stdout


def test_without_a_test_it_is_only_booted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = world.folder / "bare.yaml"
    text = world.lab.manifest.read_text("utf-8").replace("name: mini", "name: bare").partition("tests:")[0]
    manifest.write_text(
        text.replace("archive: mail", f"archive: {world.lab.mail}")
        .replace("spec: linux", f"spec: {world.lab.linux}")
        .replace("mini.config", str(world.lab.folder / "mini.config")),
        "utf-8",
    )
    out = world.folder / "bare"
    assert main(["test", "v1", "--series", str(manifest), "--accel", "tcg", "--out", str(out)]) == 0
    assert "bare v1: only booted" in capsys.readouterr().out
    assert json.loads((out / "summary.json").read_text("utf-8"))["verdict"] == "only booted"
    assert main(["report", str(out), "--format", "mail", "--tested-by", "Tess <tess@example.org>"]) == 2
    assert "not all of it was tested: bare v1: only booted" in capsys.readouterr().err
    assert main(["verify", str(out)]) == 0


def test_what_the_base_has_already_is_not_tested_again(world: World, tmp_path: Path) -> None:
    from fakes import fakelinux

    linux = fakelinux.repository(tmp_path / "merged", {"Kconfig": lab.kconfig()})
    for change in GOOD:
        for name, old, new in change.edits:
            path = linux / name
            path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    fakelinux.commit(linux, "merged")
    ran = world.test("v1", "--tree", str(linux))
    assert (ran.status, ran.summary["verdict"]) == (6, "already in the base")
    assert "has the code of" in ran.stderr
    assert main(["verify", str(ran.out)]) == 0
    # What is another series' code there is a conflict as before.
    assert world.test("v2", "--tree", str(linux)).status == 3


def test_each_patch_says_it_of_itself(world: World) -> None:
    ran = taken(world, *GOOD, ARM, more=("--each-patch",))
    covered = [each["coverage"] for each in ran.summary["steps"]]
    assert [(each["tested"], len(each["files"])) for each in covered] == [(False, 1), (True, 1), (False, 1)]
    assert "3/3 arm64: say it\n    0 of 1 file compiled; not in this kernel: arch/arm64/mm/exit.c (arm64)" in ran.stdout
    assert main(["verify", str(ran.out)]) == 0


def test_the_sweep_has_a_column(world: World) -> None:
    out = world.folder / "sweep"
    ran = world.test("v1", "v3", out=out)
    assert ran.status == 4
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["version", "apply", "build", "compiled", "boot"]
    assert lines[1].split()[:5] == ["v1", "ok", "ok", "2", "of"]


def test_a_sweep_knows_the_status(world: World) -> None:
    sent = [*mails.series((HELPER, GOOD[1]), version=1), *mails.series((COMMENT,), version=27, cover="")]
    folder = mails.folder(world.folder / "mail", sent)
    manifest = world.folder / "mini.yaml"
    text = (
        world.lab.manifest.read_text("utf-8").partition("versions:")[0].replace("archive: mail", f"archive: {folder}")
    )
    rest = "trees:" + world.lab.manifest.read_text("utf-8").partition("trees:")[2]
    rest = rest.replace("spec: linux", f"spec: {world.lab.linux}").replace(
        "mini.config", str(world.lab.folder / "mini.config")
    )
    versions = (
        "versions:\n  v1: {message-id: 20260203.v1-0@example.org}\n  v5: {message-id: 20260203.v27-1@example.org}\n"
    )
    manifest.write_text(text + versions + rest, "utf-8")
    out = world.folder / "sweep"
    status = main(["test", "--all", "--series", str(manifest), "--accel", "tcg", "--out", str(out)])
    said = world.capsys.readouterr().out
    assert status == 6
    assert "mini: no regression; some versions were not tested" in said
    assert "not tested: the series changes nothing in this kernel" in said
    assert main(["verify", str(out)]) == 0
    merged = world.folder / "merged"
    argv = ["merge", str(out), "--series", str(manifest), "--out", str(merged)]
    assert main(argv) == 6
    assert main(["report", str(merged), "--format", "html", "-o", str(world.folder / "x.html")]) == 0
