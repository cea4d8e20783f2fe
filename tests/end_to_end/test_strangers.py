"""Hostile series through the command line: what they are refused for, and that no byte from outside gets anywhere."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes import fakelinux, mails, strangers
from fakes.lab import Lab
from fakes.strangers import added, edited, link, misfit, removed
from fakes.world import Ran
from series_ci.cli import main

CANARY = "of the host alone, and of no tree"

MM = "tools/testing/selftests/mm"


CHANGE = edited("mm/rmap.c", fakelinux.RMAP_C, fakelinux.RMAP_C.replace("referenced++", "referenced += 2"))
"""What is compiled, and makes another kernel."""


@dataclass
class Host:
    """A machine with a file that nobody should see, and the program on it."""

    lab: Lab
    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def canary(self) -> Path:
        return self.lab.folder / "secret/canary.txt"

    def test(self, name: str, diffs: Sequence[str], permits: Sequence[str] = (), *more: str) -> Ran:
        """Send a series, and test it by a manifest that permits these kinds."""
        self.canary.parent.mkdir(exist_ok=True)
        self.canary.write_text(f"{CANARY}\n" * 40)
        archive = mails.folder(self.folder / f"mail-{name}", strangers.series(name, *diffs))
        manifest = self.lab.folder / f"{name}.yaml"
        text = self.lab.manifest.read_text().partition("versions:")
        rest = "trees:" + text[2].partition("trees:")[2]
        permit = "".join(f"  - {{kind: {kind}, reason: it is a test}}\n" for kind in permits)
        manifest.write_text(
            f"name: {name}\ntitle: x\narchive: {archive}\nversions:\n  v1: {{message-id: {name}-1@example.org}}\n{rest}"
            + (f"permit:\n{permit}" if permit else "")
        )
        out = self.folder / f"out-{name}"
        self.capsys.readouterr()
        status = main(["test", "v1", "--series", str(manifest), "--accel", "tcg", "--out", str(out), *more])
        said = self.capsys.readouterr()
        ran = Ran(status, out, said.out, said.err)
        self.assert_kept(ran)
        return ran

    def assert_kept(self, ran: Ran) -> None:
        """The canary is as it was, and nowhere else."""
        assert self.canary.read_text() == f"{CANARY}\n" * 40
        assert CANARY not in ran.stdout + ran.stderr
        for top in (ran.out, Path(os.environ["SERIES_CI_CACHE"])):
            for path in top.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    assert CANARY.encode() not in unpacked(path), path


def unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    try:
        return zlib.decompress(raw) if path.parent.parent.name == "objects" else raw
    except zlib.error:
        return raw


@pytest.fixture
def host(shared: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    shared.qemu.plan()
    return Host(shared, tmp_path, capsys)


class TestLinks:
    def test_a_link_out_of_the_tree_is_refused_by_name(self, host: Host) -> None:
        ran = host.test("leak", [link("mm/leak", str(host.canary)), misfit("mm/leak", "120000")])
        assert ran.status == 3
        said = (
            f"patch [1/2] mm: leak is refused: mm/leak is a symbolic link that leads out of the tree, to {host.canary}"
        )
        assert said in ran.stderr
        assert 'permit: [{kind: symlink, path: "mm/leak", reason: WHY}]' in ran.stderr
        assert ran.summary["verdict"] == "does not apply"

    def test_a_permitted_one_is_not_followed_when_the_next_patch_does_not_fit(self, host: Host) -> None:
        diffs = [link("mm/leak", str(host.canary)), misfit("mm/leak", "120000")]
        ran = host.test("permitted-leak", diffs, ["symlink"])
        assert ran.status == 3
        assert "mm/leak: not in the tree" in ran.stderr

    @pytest.mark.parametrize("target", ["/dev/zero", "/proc/self/environ", "../../../../../../../../../dev/zero"])
    def test_a_device_behind_a_link_is_not_read(self, host: Host, target: str) -> None:
        name = f"device-{len(target)}"
        assert host.test(name, [link("mm/leak", target), misfit("mm/leak", "120000")], ["symlink"]).status == 3

    def test_a_file_that_becomes_a_link(self, host: Host) -> None:
        turned = removed("mm/rmap.c", fakelinux.RMAP_C) + link("mm/rmap.c", str(host.canary))
        assert "mm/rmap.c is a symbolic link" in host.test("turned", [turned]).stderr
        assert host.test("turned-permitted", [turned, misfit("mm/rmap.c", "120000")], ["symlink"]).status == 3

    def test_links_that_lead_out_one_after_the_other(self, host: Host) -> None:
        chain = [link("mm/deep/up", "../.."), link("mm/deep/out", f"up/../{host.canary.parent.name}/canary.txt")]
        ran = host.test("chain", chain)
        assert ran.status == 3
        assert "patch [2/2] mm: chain is refused: mm/deep/out is a symbolic link" in ran.stderr

    def test_links_within_the_tree_are_fine(self, host: Host) -> None:
        inner = [
            link("mm/walk.c", "rmap.c"),
            link("mm/again.c", "walk.c"),
            link("mm/up", ".."),
            link("mm/loop", "loop"),
        ]
        ran = host.test("within", [*inner, CHANGE])
        assert (ran.status, ran.summary["verdict"]) == (0, "no regression")
        assert "permitted" not in ran.summary

    def test_a_link_where_the_rejected_hunk_would_go(self, host: Host) -> None:
        diffs = [link("mm/rmap.c.rej", str(host.canary)), misfit("mm/rmap.c")]
        ran = host.test("rej", diffs, ["symlink"])
        assert ran.status == 3
        assert "-neither this" in ran.stderr
        assert "the tree has at mm/rmap.c:1:" in ran.stderr

    @pytest.mark.parametrize("name", ["Makefile", "exit_skip.c"])
    def test_a_link_where_the_selftests_go(self, host: Host, name: str) -> None:
        diff = link(f"{MM}/{name}", str(host.canary))
        if f"{MM}/{name}" in fakelinux.FILES:
            diff = removed(f"{MM}/{name}", fakelinux.FILES[f"{MM}/{name}"]) + diff
        ran = host.test(f"self-{len(name)}", [diff, CHANGE], ["symlink"])
        assert ran.status == (5 if name == "Makefile" else 0)
        assert ("Makefile: is a link or no regular file" in ran.stderr) == (name == "Makefile")


def after(rule: str, *more: str, name: str = "Makefile") -> str:
    """The diff that adds rules behind one of a makefile of the tree."""
    text = fakelinux.FILES[name]
    assert f"\t{rule}\n" in text
    return edited(name, text, text.replace(f"\t{rule}\n", "".join(f"\t{each}\n" for each in (rule, *more))))


def relinked(*rules: str) -> str:
    """The diff that adds rules to those of the image, and has it made anew."""
    return after(READY, *rules) + edited("mm/rmap.c", fakelinux.RMAP_C, f"{fakelinux.RMAP_C}/* {rules} */\n")


READY = "@echo 'Kernel: $(image) is ready  (#1)'"
LIB_MK = "tools/testing/selftests/lib.mk"
INSTALLED = "@mkdir -p $(INSTALL_PATH)"


class TestBuilds:
    """What the make rules of a series leave in the build folder."""

    @pytest.mark.parametrize("name", ["arch/x86/boot/bzImage", ".config"])
    def test_a_link_in_place_of_the_image_or_the_configuration(self, host: Host, name: str) -> None:
        ran = host.test(f"linked-{len(name)}", [relinked(f"@ln -sf {host.canary} $(out)/{name}")])
        assert ran.status == 4
        assert f"{name}: is a link or no regular file" in ran.stderr

    def test_a_folder_on_the_way_that_is_a_link(self, host: Host) -> None:
        rules = [f"@rm -rf $(out)/arch/x86/boot; ln -s {host.canary.parent} $(out)/arch/x86/boot"]
        ran = host.test("linked-folder", [relinked(*rules, "@cp $(src)/Makefile $(out)/$(image)")])
        assert ran.status == 4
        assert "arch/x86/boot: is a link or no regular file, or lies behind one" in ran.stderr

    def test_a_configuration_that_is_a_link_when_ours_is_put_into_it(self, host: Host) -> None:
        rule = "@echo '# CONFIG_MODULES is not set' > $(out)/.config"
        ran = host.test("config-first", [after(rule, f"@ln -sf {host.canary} $(out)/.config")])
        assert ran.status == 4
        assert ".config: is a link or no regular file" in ran.stderr

    @pytest.mark.parametrize("make", ["mkfifo", "ln -s /dev/zero", "truncate -s 4T"])
    def test_what_has_no_end(self, host: Host, make: str) -> None:
        ran = host.test(f"endless-{len(make)}", [relinked(f"@rm $(out)/$(image); {make} $(out)/$(image)")])
        assert ran.status == 4
        assert "bzImage: " in ran.stderr

    def test_links_and_pipes_among_the_installed_tests(self, host: Host) -> None:
        rules = [
            f"@ln -sf {host.canary} $(INSTALL_PATH)/canary",
            f"@ln -sfn {host.canary.parent} $(INSTALL_PATH)/folder",
            "@mkfifo $(INSTALL_PATH)/pipe",
        ]
        assert host.test("installed", [after(INSTALLED, *rules, name=LIB_MK), CHANGE]).status == 0

    def test_a_link_in_place_of_the_installed_tests(self, host: Host) -> None:
        rule = f"@rmdir $(INSTALL_PATH); mkdir {host.folder}/elsewhere; ln -s {host.folder}/elsewhere $(INSTALL_PATH)"
        ran = host.test("installed-link", [after(INSTALLED, rule, name=LIB_MK)])
        assert ran.status == 5
        assert "the selftests of mm could not be installed" in ran.stderr


REFUSED = {
    "git-hooks": (added(".git/hooks/post-checkout", "#!/bin/sh\n"), ".git/hooks/post-checkout is git's own folder"),
    "git-upper": (added("mm/.GIT/config", "x\n"), "mm/.GIT/config is git's own folder, or looks like it"),
    "git-short": (added("git~1/config", "x\n"), "git~1/config is git's own folder, or looks like it"),
    "dots": (added("mm/../../x", "x\n"), "mm/../../x leads out of the tree"),
    "absolute": (added("/etc/x", "x\n"), "/etc/x is an absolute path"),
    "renamed": (
        "diff --git a/../secret/canary.txt b/mm/x\nsimilarity index 100%\nrename from ../secret/canary.txt\n"
        "rename to mm/x\n",
        "../secret/canary.txt leads out of the tree",
    ),
    "copied": (
        "diff --git a/../secret/canary.txt b/mm/x\nsimilarity index 100%\ncopy from ../secret/canary.txt\n"
        "copy to mm/x\n",
        "../secret/canary.txt leads out of the tree",
    ),
    "submodule": (
        added("mm/sub", f"Subproject commit {'1' * 40}\n", "160000"),
        "mm/sub is a submodule: what it holds is in another repository",
    ),
    "modules": (added(".gitmodules", "[submodule]\n"), ".gitmodules tells git which other repositories to fetch"),
    "attributes": (
        added("mm/.gitAttributes", "* x\n"),
        "mm/.gitAttributes tells git how to read and write other files",
    ),
    "bidi": (added("mm/a\u202ec.txt", "x\n"), '"mm/a\\u202ec.txt" has U+202E (RIGHT-TO-LEFT OVERRIDE) in its name'),
    "escape": (added("mm/a\x1b]0;x\x07.c", "x\n"), '"mm/a\\u001b]0;x\\u0007.c" has U+001B in its name'),
    "cyrillic": (added("mm/rm\u0430p.c", "x\n"), '"mm/rm\\u0430p.c" has U+0430 (CYRILLIC SMALL LETTER A) in its name'),
    "blank": (added("mm/Makefile\u00a0", "x\n"), "has U+00A0 (NO-BREAK SPACE) in its name"),
    "bomb": (
        "diff --git a/mm/big.bin b/mm/big.bin\nnew file mode 100644\nindex 0000000..1234567\nGIT binary patch\n"
        "literal 4294967296\nHcmV?d00001\n\nliteral 0\nHcmV?d00001\n\n",
        "mm/big.bin is binary",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_name_and_next_step(host: Host, name: str) -> None:
    diff, why = REFUSED[name]
    ran = host.test(f"refused-{name}", [diff])
    assert ran.status == 3
    assert f"patch [1/1] mm: refused-{name} is refused: " in ran.stderr
    assert why in ran.stderr
    assert "hint: " in ran.stderr
    assert ran.summary["verdict"] == "does not apply"


def test_names_of_other_alphabets_are_fine_and_a_hunk_of_them_is_rejected(host: Host) -> None:
    names = ["mm/ü.c", "mm/größe.txt", "mm/漢字.c", 'mm/a "b" c.c', "mm/it's.c"]
    ran = host.test("names", ["".join(added(name, "one\ntwo\n") for name in names), CHANGE])
    assert ran.status == 0
    text = "".join(added(name, "one\ntwo\n") for name in names)
    ran = host.test("names-misfit", [text, "".join(misfit(name) for name in names)])
    assert ran.status == 3
    assert "bug in series-ci" not in ran.stderr
    for name in names:
        assert f"the tree has at {name}:1:\n" in ran.stderr.replace("    ", "")
    assert "-neither this" in ran.stderr


def test_names_that_make_takes_for_something_else_are_no_targets(host: Host) -> None:
    odd = added("CC=evil.c", "x\n") + added("--eval=$(info evil).c", "x\n")
    ran = host.test("targets", [odd, CHANGE], (), "--each-patch")
    assert ran.status == 0
    logs = [path.read_text() for path in (host.lab.folder / "cache/warnings").glob("*.log")]
    assert any(" mm/rmap.o\n" in text for text in logs)
    assert not [text for text in logs if "evil" in text]


class TestAttributes:
    """.gitattributes that make git write another text than the commit has."""

    POISON = "mm/rmap.c working-tree-encoding=UTF-16\n[attr]odd text eol=crlf ident\nmm/vmscan.c odd\n"

    def poison(self) -> list[str]:
        one, two = fakelinux.RMAP_C, fakelinux.RMAP_C.replace("#include", "/* $Id$ */\n#include")
        return [
            added(".gitattributes", self.POISON),
            edited("mm/rmap.c", one, two),
            edited("mm/rmap.c", two, one),
            CHANGE,
        ]

    def test_a_permitted_one_is_without_effect(self, host: Host) -> None:
        ran = host.test("poison", self.poison(), ["attributes"])
        assert ran.status == 0
        assert ran.summary["permitted"] == [
            {
                "kind": "attributes",
                "path": ".gitattributes",
                "patch": "1/4 mm: poison",
                "why": "tells git how to read and write other files",
                "reason": "it is a test",
            }
        ]
        assert "PERMITTED attributes: .gitattributes tells git" in ran.stdout

    def test_a_later_series_is_what_its_mails_say(self, host: Host) -> None:
        host.test("poison-first", self.poison(), ["attributes"])
        text = fakelinux.VMSCAN_C
        ran = host.test("innocent", [edited("mm/vmscan.c", text, text.replace("== 0", "<= 0"))])
        assert (ran.status, ran.summary["verdict"]) == (0, "no regression")
