from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import strangers
from series_ci.kernel import hazards
from series_ci.kernel.hazards import Hazard, HazardKind
from series_ci.mail import difftext
from series_ci.manifest.permit import Permit


def of(diff: str, size: int = 1000) -> list[tuple[str, str]]:
    return [(each.kind.value, each.path) for each in hazards.of_mail(difftext.parse(diff), size)]


class TestMail:
    def test_what_series_usually_have(self) -> None:
        diff = "".join(
            [
                strangers.edited("mm/rmap.c", "one\n", "two\n"),
                strangers.added("tools/testing/selftests/mm/.gitignore", "x\n"),
                strangers.added("scripts/run.sh", "x\n", "100755"),
                strangers.link("tools/testing/selftests/net/lib.sh", "../../kselftest/lib.sh"),
                strangers.removed("drivers/old.c", "x\n"),
                "diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n",
                "diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n",
                "diff --git a/logo.gif b/logo.gif\ndeleted file mode 100644\nindex 1234567..0000000\n"
                "GIT binary patch\nliteral 0\nHcmV?d00001\n\nliteral 99\nHcmV?d00001\n\n",
                strangers.edited("Documentation/userspace-api/ünïcode-ß-ñ-漢字-かな.rst", "one\n", "two\n"),
            ]
        )
        assert of(diff) == []

    def test_a_large_mail(self) -> None:
        assert of("", hazards.PATCH_BYTES) == []
        assert of("", hazards.PATCH_BYTES + 1) == [("size", "")]

    def test_a_file_that_becomes_a_link_or_a_submodule_by_its_mode(self) -> None:
        diff = strangers.edited("x", "one\n", "/etc/passwd\n").replace(
            "index", "old mode 100644\nnew mode 120000\nindex"
        )
        assert of(diff.replace(" 100644\n---", "\n---")) == [("symlink", "x")]
        assert of(diff.replace("120000", "160000")) == [("submodule", "x")]

    @pytest.mark.parametrize("size", [hazards.FILE_BYTES + 1, 10**17])
    def test_a_binary_patch_that_grows(self, size: int) -> None:
        diff = f"diff --git a/x b/x\nindex 1111111..2222222 100644\nGIT binary patch\nliteral {size}\nHcmV?d00001\n"
        assert of(diff) == [("binary", "x"), ("size", "x")]

    def test_both_names_of_a_rename_are_looked_at(self) -> None:
        diff = "diff --git a/../x b/.gitattributes\nsimilarity index 100%\nrename from ../x\nrename to .gitattributes\n"
        assert of(diff) == [("path", "../x"), ("attributes", ".gitattributes")]


PLAIN = [
    "mm/rmap.c",
    "Documentation/translations/zh_CN/页.rst",
    "größe.txt",
    "mm/Ünïcödé-łetters.c",
    "a b c",
    "x+y=z,@:~!#%^&()[]{};'",
    "tools/testing/selftests/net/.gitignore",
    ".git-blame-ignore-revs",
    "mm/git",
    "việt.txt",
]
PATHS = ["/x", "a/../b", "..", "a//b", "./a", "a/", ".git/x", "a/.gIt/x", ".git ", ".git.", "GIT~1/x", ".git::$INDEX/x"]
NAMES = {
    "a\tb": "U+0009",
    "a\nb": "U+000A",
    "a\x7fb": "U+007F",
    "a\x85b": "U+0085",
    "a\u200bb": "ZERO WIDTH SPACE",
    "a\u2066b": "LEFT-TO-RIGHT ISOLATE",
    "a\ufeffb": "ZERO WIDTH NO-BREAK SPACE",
    "a\u00adb": "SOFT HYPHEN",
    "a\u2003b": "EM SPACE",
    "a\u3000b": "IDEOGRAPHIC SPACE",
    "a\u3164b": "HANGUL FILLER",
    "a\u115fb": "HANGUL CHOSEONG FILLER",
    "a\u2028b": "LINE SEPARATOR",
    "a\u2010b": "HYPHEN",
    "a\u2215b": "DIVISION SLASH",
    "a\u03bfb": "GREEK SMALL LETTER OMICRON",
    "\uff4dm": "FULLWIDTH LATIN SMALL LETTER M",
    "\u0261.c": "LATIN SMALL LETTER SCRIPT G",
    "\u0131.c": "LATIN SMALL LETTER DOTLESS I",
    "\ufffd": "REPLACEMENT CHARACTER",
    "u\u0308.c": "COMBINING DIAERESIS",
    "a\\b": "a backslash",
    "Makefile ": "a space at an end",
    "mm /x.c": "a space at an end",
}


class TestNames:
    @pytest.mark.parametrize("path", PLAIN)
    def test_plain(self, path: str) -> None:
        assert list(hazards.of_name(path)) == []

    @pytest.mark.parametrize("path", PATHS)
    def test_out_of_the_tree_or_gits_own(self, path: str) -> None:
        assert HazardKind.PATH in [each.kind for each in hazards.of_name(path)]

    @pytest.mark.parametrize("path", NAMES)
    def test_not_what_it_looks_like(self, path: str) -> None:
        found = list(hazards.of_name(path))
        assert [each.kind for each in found] == [HazardKind.NAME]
        assert NAMES[path] in found[0].words
        assert found[0].words.isprintable()
        assert found[0].words.isascii()

    def test_git_with_something_invisible_in_it(self) -> None:
        assert {each.kind for each in hazards.of_name(".g\u200cit/config")} == {HazardKind.PATH, HazardKind.NAME}

    @given(st.text())
    def test_any_text_is_shown_on_one_line(self, path: str) -> None:
        assert all(each.words.isprintable() for each in hazards.of_name(path))
        assert hazards.quoted(path).isascii()


class TestLeadsOut:
    @pytest.mark.parametrize(
        ("target", "out"),
        [
            ("rmap.c", False),
            ("../rmap.c", False),
            ("../../rmap.c", False),
            ("../../../rmap.c", True),
            ("./.././../x", False),
            ("/etc/passwd", True),
            ("//x", True),
            ("x/../../../../x", True),
            ("../../.git/config", True),
            ("", False),
        ],
    )
    def test_by_itself(self, target: str, out: bool) -> None:
        assert hazards.leads_out("mm/a/link", {"mm/a/link": target}) is out

    def test_through_others(self) -> None:
        links = {"mm/a/up": "../..", "mm/a/out": "up/..", "mm/a/in": "up/mm", "far": "mm/a", "back": "far/../.."}
        assert hazards.leads_out("mm/a/out", links)
        assert not hazards.leads_out("mm/a/in", links)
        # far is mm/a: two steps up from there is the top.
        assert not hazards.leads_out("back", links)
        assert hazards.leads_out("x", {"x": "y/z", "y": "/etc"})

    def test_in_circles(self) -> None:
        assert not hazards.leads_out("a", {"a": "b", "b": "a"})
        assert not hazards.leads_out("a", {"a": "a/../a"})
        assert not hazards.leads_out("a", {"a": "b/" * 50 + "b", "b": "."})

    def test_for_longer_than_anybody_follows(self) -> None:
        links = {f"l{number}": "x/../" * 400 + f"l{number + 1}" for number in range(1000)}
        assert hazards.leads_out("l0", links)


class TestPermit:
    HAZARD = Hazard(HazardKind.BINARY, "drivers/video/logo.gif", "is binary")

    @pytest.mark.parametrize("path", ["", "drivers/video/logo.gif", "drivers/", "drivers/video/"])
    def test_covers(self, path: str) -> None:
        entry = Permit(kind="binary", path=path, reason="a logo")
        assert hazards.permit(self.HAZARD, [Permit(kind="name", reason="x"), entry]) is entry

    @pytest.mark.parametrize("path", ["drivers", "drivers/video", "drivers/video/logo.gif/", "logo.gif", "video/"])
    def test_does_not_cover(self, path: str) -> None:
        assert hazards.permit(self.HAZARD, [Permit(kind="binary", path=path, reason="a logo")]) is None

    def test_nothing_permits_a_path_that_git_refuses_too(self) -> None:
        kinds = Permit.model_json_schema()["properties"]["kind"]["enum"]
        assert sorted(kinds) == sorted(kind.value for kind in HazardKind if kind is not HazardKind.PATH)
