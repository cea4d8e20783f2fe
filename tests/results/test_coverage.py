"""What a verdict is about: the files of a series, and whether they are in the kernel."""

from __future__ import annotations

import json

import pytest

from series_ci.results.coverage import (
    ChangedFile,
    Coverage,
    FileKind,
    as_json,
    collection,
    documentation_only,
    from_json,
    kind,
    words,
)

IN, OUT = (
    ChangedFile("mm/rmap.c", FileKind.CODE, True),
    ChangedFile("net/ipv4/tcp.c", FileKind.CODE, False, "CONFIG_NET"),
)
RULE = ChangedFile("mm/Makefile", FileKind.RULE, False)
DOC = ChangedFile("Documentation/mm/x.rst", FileKind.DOC, False)
OURS = ChangedFile("tools/testing/selftests/mm/a.c", FileKind.SELFTEST, True)
THEIRS = ChangedFile("tools/testing/selftests/net/b.c", FileKind.SELFTEST, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mm/rmap.c", FileKind.CODE),
        ("include/linux/mm.h", FileKind.CODE),
        ("arch/x86/lib/x86-opcode-map.txt", FileKind.CODE),
        ("arch/x86/entry/syscalls/syscall_64.tbl", FileKind.CODE),
        ("arch/arm64/boot/dts/x.dts", FileKind.CODE),
        ("mm/Makefile", FileKind.RULE),
        ("Kbuild", FileKind.RULE),
        ("mm/Kconfig.debug", FileKind.RULE),
        ("arch/x86/configs/x86_64_defconfig", FileKind.RULE),
        ("scripts/Makefile.lib", FileKind.RULE),
        ("Documentation/mm/process.rst", FileKind.DOC),
        ("Documentation/conf.py", FileKind.DOC),
        ("MAINTAINERS", FileKind.DOC),
        ("mm/README", FileKind.DOC),
        ("mm/README.txt", FileKind.DOC),
        ("Documentation/x.c", FileKind.DOC),
        ("mm/README.c", FileKind.CODE),
        ("mm/Makefile_parser.c", FileKind.CODE),
        ("mm/Kconfig.h", FileKind.CODE),
        ("scripts/kconfig/Kconfig.c", FileKind.TOOL),
        (".gitignore", FileKind.DOC),
        ("tools/testing/selftests/mm/.gitignore", FileKind.DOC),
        ("tools/testing/selftests/mm/Makefile", FileKind.RULE),
        ("tools/testing/selftests/mm/config", FileKind.RULE),
        ("tools/testing/selftests/bpf/config.aarch64", FileKind.RULE),
        ("tools/testing/selftests/mm/good.c", FileKind.SELFTEST),
        ("tools/testing/selftests/mm/Makefile.c", FileKind.SELFTEST),
        ("tools/mm/page_owner_sort.c", FileKind.TOOL),
        ("scripts/mod/modpost.c", FileKind.TOOL),
    ],
)
def test_what_a_file_is_for(name: str, expected: FileKind) -> None:
    assert kind(name) is expected


@pytest.mark.parametrize(
    ("files", "same", "tested", "whole"),
    [
        ((IN,), False, True, True),
        ((IN,), True, False, False),  # a comment, say
        ((IN, OUT), False, True, False),
        ((OUT,), False, False, False),
        ((OUT,), True, False, False),
        ((RULE,), False, True, True),
        ((RULE,), True, False, False),
        ((OUT, RULE), False, True, False),
        ((OURS,), True, True, True),  # the test itself is what changed
        ((THEIRS,), True, False, False),
        ((THEIRS,), False, False, False),
        ((IN, THEIRS), False, True, False),
        ((IN, DOC), False, True, True),
        ((), True, False, False),
    ],
)
def test_whether_a_boot_says_anything(files: tuple[ChangedFile, ...], same: bool, tested: bool, whole: bool) -> None:
    found = Coverage(files, same)
    assert (found.tested, found.whole) == (tested, whole)


def test_in_words() -> None:
    assert words(Coverage((IN,), False)) == "1 of 1 file compiled"
    assert words(Coverage((IN, OUT, DOC, RULE), False)) == (
        "1 of 2 files compiled; not in this kernel: net/ipv4/tcp.c (CONFIG_NET)"
    )
    assert words(Coverage((THEIRS,), True)) == (
        "0 of 1 file compiled; not among the tests: tools/testing/selftests/net/b.c; "
        "the kernel is the same without it, bit for bit"
    )
    assert words(Coverage((RULE,), False)) == "no source file changes"
    many = tuple(ChangedFile(f"net/{number}.c", FileKind.CODE, False) for number in range(7))
    assert words(Coverage(many, False)).endswith("net/0.c, net/1.c, net/2.c, net/3.c, and 3 more")


def test_in_a_table() -> None:
    assert [Coverage(each, False).cell for each in ((IN, OUT), (OUT, DOC), (RULE, DOC))] == ["1 of 2", "0 of 1", "-"]


def test_documentation_only() -> None:
    assert documentation_only(["MAINTAINERS", "Documentation/a.rst"])
    assert not documentation_only(["Documentation/a.rst", "mm/Makefile"])
    assert not documentation_only([])


def test_json_gives_the_same_back() -> None:
    found = Coverage((IN, OUT, RULE, DOC, OURS), True)
    assert from_json(json.loads(json.dumps(as_json(found)))) == found
    assert as_json(None) is from_json(None) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mm/a.c", "mm"), ("net/forwarding/a.sh", "net/forwarding"), ("kselftest.h", ""), ("lib/sh/x.sh", "")],
)
def test_the_collection_of_a_selftest(name: str, expected: str) -> None:
    assert collection(f"tools/testing/selftests/{name}") == expected
