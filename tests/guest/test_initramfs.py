"""What is packed for the guest, and what its /init makes of the list of tests."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series_ci import arch
from series_ci.errors import InfrastructureError
from series_ci.guest import initramfs
from series_ci.host import paths, process
from series_ci.kernel import selftests
from series_ci.results.ktap import stream

HERE = arch.get(arch.host())

NASTY = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "a;b",
    "*",
    "\\",
    "-n",
    "é",
    "a\nrun b",
    "\n",
    "'\n'",
    "run 1 x\n",
]


def one(*args: str, name: str = "mm/one") -> initramfs.GuestTest:
    return initramfs.GuestTest(name, "mm", "one", args, 10)


def in_bash(text: str) -> list[list[str]]:
    """The words of each call of `run`, as the shell of the guest splits them."""
    code = "run() { printf '%s\\0' \"$@\"; printf '\\1'; }\n" + text
    done = subprocess.run(["bash", "-c", code], stdout=subprocess.PIPE, check=True)
    calls = done.stdout.decode().split("\x01")
    return [call.split("\0")[:-1] for call in calls[:-1]]


def planned(text: str) -> int:
    """How many tests /init announces."""
    done = subprocess.run(["grep", "-c", "^run "], input=text.encode(), stdout=subprocess.PIPE, check=False)
    return int(done.stdout)


def test_a_test_is_a_call_of_run() -> None:
    text = initramfs.script([one(), initramfs.GuestTest("mm/vm-mmap", "mm", "run_vmtests.sh", ("-t", "mmap"), 900)])
    assert in_bash(text) == [
        ["1", "mm: one", "mm", "10", "./one"],
        ["2", "mm: vm-mmap", "mm", "900", "./run_vmtests.sh", "-t", "mmap"],
    ]


@pytest.mark.parametrize("argument", NASTY)
def test_arguments_arrive_as_they_are_and_the_plan_is_right(argument: str) -> None:
    text = initramfs.script([one(argument, "last"), one("next")])
    assert [call[5:] for call in in_bash(text)] == [[argument, "last"], ["next"]]
    assert planned(text) == 2


arguments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\1"), max_size=8)


@settings(max_examples=40)
@given(st.lists(st.lists(st.one_of(arguments, st.sampled_from(NASTY)), max_size=3), max_size=4))
def test_any_arguments_arrive_as_they_are(tests: list[list[str]]) -> None:
    text = initramfs.script([one(*args) for args in tests])
    assert [call[5:] for call in in_bash(text)] == tests
    assert planned(text) == len(tests)


def test_init_counts_the_tests_as_this_file_does() -> None:
    assert "grep -c '^run ' /tests.sh" in paths.data("guest", "init.sh").read_text("utf-8")


@pytest.mark.parametrize("name", ["mm/one", "mm/vmtests-mmap", "a/b/c", "mm/x.sh"])
def test_the_title_leads_back_to_the_name(name: str) -> None:
    title = one(name=name).title
    log = [
        "TAP version 13\n",
        "1..1\n",
        f"# {title}\n",
        "# TAP version 13\n",
        "# 1..1\n",
        "# ok 1 case\n",
        f"ok 1 {title}\n",
    ]
    assert [result.name for result in stream.parse(log)] == [f"{name}:case", name]


def test_init_is_a_shell_script_without_mistakes() -> None:
    init = str(paths.data("guest", "init.sh"))
    assert subprocess.run(["bash", "-n", init], check=False).returncode == 0
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", init], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize(
    ("clock", "found"), [("0.950000", 950000), ("0.012345", 12345), ("1795803111.000001", 1795803111000001)]
)
def test_init_knows_the_time_of_a_machine_that_has_no_clock(clock: str, found: int) -> None:
    [function] = re.findall(
        r"^microseconds\(\) \{\n.*?^\}\n", paths.data("guest", "init.sh").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    # Bash sets this variable itself, unless somebody has taken it away.
    text = f"unset EPOCHREALTIME; EPOCHREALTIME={clock}\n{function}microseconds"
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert int(done.stdout) == found


def test_init_says_what_the_watching_host_listens_for() -> None:
    """The words of series_ci.vm, on a port of their own, and no other ending than a reset."""
    text = paths.data("guest", "init.sh").read_text("utf-8")
    for word in ("init", "start", "done", "end"):
        assert re.search(rf'^\s*echo "{word} .*" >&4$', text, re.MULTILINE), word
    assert text.splitlines()[-1] == "reboot -f"
    assert text.startswith("#!/bin/bash\n")


# The archive, read back.


@dataclass(frozen=True)
class Member:
    mode: int
    data: bytes


def unpack(archive: bytes) -> dict[str, Member]:
    """The members of a newc archive, in its order."""
    members: dict[str, Member] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110 : at + 110 + fields[11] - 1].decode()
        start = at + -(-(110 + fields[11]) // 4) * 4
        if name == "TRAILER!!!":
            return members
        assert name not in members, f"{name} is there twice"
        members[name] = Member(fields[1], archive[start : start + fields[6]])
        at = start + -(-fields[6] // 4) * 4


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two collections: a program that needs the mathematics library, a script, a text, a folder below."""
    folder = tmp_path_factory.mktemp("install")
    (folder / "mm/sub").mkdir(parents=True)
    (folder / "net").mkdir()
    source = folder / "one.c"
    source.write_text("#include <math.h>\nint main(int c, char **v) { (void)v; return sin(c) > 2; }\n")
    subprocess.run(["gcc", "-O0", "-fno-builtin", "-o", folder / "mm/one", source, "-lm"], check=True)
    (folder / "mm/run.sh").write_text("#!/bin/sh\nexit 0\n")
    (folder / "mm/run.sh").chmod(0o700)
    (folder / "mm/settings").write_text("timeout=10\n")
    (folder / "mm/sub/data").write_bytes(bytes(range(7)))
    (folder / "net/other").write_text("not wanted")
    return folder


@pytest.fixture(scope="module")
def members(installed: Path) -> dict[str, Member]:
    return unpack(initramfs.initramfs([one("it's", "a b")], installed, HERE))


def test_init_and_its_list_are_packed(members: dict[str, Member]) -> None:
    assert members["init"].data == paths.data("guest", "init.sh").read_bytes()
    assert in_bash(members["tests.sh"].data.decode()) == [["1", "mm: one", "mm", "10", "./one", "it's", "a b"]]
    for name in ("init", "bin/busybox", "bin/bash", "bin/relay", "lib/linewise.so"):
        assert members[name].mode == stat.S_IFREG | 0o755
    assert (stat.S_ISLNK(members["bin/sh"].mode), members["bin/sh"].data) == (True, b"bash")
    assert stat.S_ISCHR(members["dev/console"].mode)
    assert members["etc/passwd"].data.startswith(b"root:x:0:0:")


def test_the_tests_are_packed_with_what_lies_beside_them(members: dict[str, Member], installed: Path) -> None:
    assert members["kselftest/mm/one"].data == (installed / "mm/one").read_bytes()
    assert members["kselftest/mm/run.sh"].mode == stat.S_IFREG | 0o755
    assert members["kselftest/mm/settings"] == Member(stat.S_IFREG | 0o644, b"timeout=10\n")
    assert members["kselftest/mm/sub/data"].data == bytes(range(7))


def test_other_collections_stay_outside(members: dict[str, Member]) -> None:
    assert not [name for name in members if name.startswith("kselftest/net")]


def test_every_folder_comes_before_what_is_in_it(members: dict[str, Member]) -> None:
    seen: set[str] = set()
    for name, member in members.items():
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen, name
        if stat.S_ISDIR(member.mode):
            seen.add(name)
    assert {"dev", "proc", "sys", "tmp", "lib"} <= seen


def test_the_libraries_of_a_program_are_packed_with_theirs(members: dict[str, Member], installed: Path) -> None:
    """By the host's own loader, which the code does not ask: every file that it would map is there."""
    done = process.run(["ldd", str(installed / "mm/one")])
    wanted = [line.split() for line in done.out.splitlines() if "/" in line]
    assert any("libm.so" in words[0] for words in wanted)
    for words in wanted:
        soname, path = (words[0], words[2]) if "=>" in words else (Path(words[0]).name, words[0])
        assert members[f"lib/{soname}"].data == Path(path).read_bytes(), soname


def test_the_loader_lies_where_the_program_asks_for_it(members: dict[str, Member], installed: Path) -> None:
    done = process.run(["readelf", "-lW", str(installed / "mm/one")], env={"LC_ALL": "C"})
    loader = done.out.split("program interpreter: ")[1].split("]")[0]
    assert members[loader.lstrip("/")].data == Path(loader).read_bytes()


def test_the_same_tests_give_the_same_archive(installed: Path) -> None:
    assert initramfs.initramfs([one()], installed, HERE) == initramfs.initramfs([one()], installed, HERE)


def test_a_library_that_nobody_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    for name, text, flags in [("libmine.so", "int mine(void) { return 0; }", ["-shared", "-fPIC"]), ("one", "", [])]:
        source = tmp_path / f"{name}.c"
        source.write_text(text or "int mine(void); int main(void) { return mine(); }")
        out = tmp_path / name if flags else tmp_path / "mm/one"
        link = [] if flags else ["-L", str(tmp_path), "-lmine"]
        subprocess.run(["gcc", *flags, "-o", out, source, *link], check=True)
    with pytest.raises(InfrastructureError, match=r"libmine\.so"):
        initramfs.initramfs([one()], tmp_path, HERE)


def test_links_are_packed_as_links_and_pipes_not_at_all(tmp_path: Path) -> None:
    folder, secret = tmp_path / "install", tmp_path / "secret"
    (folder / "mm/real").mkdir(parents=True)
    secret.mkdir()
    (secret / "canary").write_text("a canary, 61c8")
    (folder / "mm/real/data").write_text("data")
    links = {
        "canary": str(secret / "canary"),
        "folder": str(secret),
        "near": "real/./data",
        "zero": "/dev/zero",
        "loop": "loop",
        "odd": "/\udcff",
    }
    for name, target in links.items():
        (folder / "mm" / name).symlink_to(target)
    os.mkfifo(folder / "mm/pipe")
    (folder / "mm" / "new\nline").write_text("x")
    archive = initramfs.initramfs([one()], folder, HERE)
    assert b"a canary, 61c8" not in archive
    found = unpack(archive)
    for name, target in links.items():
        member = found[f"kselftest/mm/{name}"]
        assert (stat.S_ISLNK(member.mode), member.data) == (True, os.fsencode(target))
    assert found["kselftest/mm/real/data"].data == b"data"
    assert found["kselftest/mm/new\nline"].data == b"x"
    assert "kselftest/mm/pipe" not in found
    assert not [name for name in found if name.startswith("kselftest/mm/folder/")]


def test_a_collection_that_is_a_link_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "secret/mm").mkdir(parents=True)
    (tmp_path / "secret/mm/canary").write_text("a canary, 61c8")
    folder = tmp_path / "install"
    folder.mkdir()
    (folder / "mm").symlink_to(tmp_path / "secret/mm")
    assert b"a canary, 61c8" not in initramfs.initramfs([one()], folder, HERE)
    assert list(selftests.installed(folder, "mm")) == []


def test_tests_without_an_end_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm/hole").touch()
    os.truncate(tmp_path / "mm/hole", 1 << 42)
    with pytest.raises(InfrastructureError, match="hole: has more than 1024 MiB, and is not read"):
        initramfs.initramfs([one()], tmp_path, HERE)


def test_all_tests_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "MOST", 2 << 20)
    (tmp_path / "mm").mkdir()
    for name in "abc":
        (tmp_path / "mm" / name).write_bytes(b"x" * (1 << 20))
    with pytest.raises(InfrastructureError, match="c: has more than 0 MiB, and is not read"):
        initramfs.initramfs([one()], tmp_path, HERE)


@pytest.mark.parametrize("absent", [{"busybox"}, {"bash", "bash-static"}])
def test_a_missing_shell_names_the_packages(absent: set[str], installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = process.which
    monkeypatch.setattr(process, "which", lambda name: None if name in absent else real(name))
    with pytest.raises(InfrastructureError) as caught:
        initramfs.initramfs([one()], installed, HERE)
    assert "busybox-static" in caught.value.hint
    assert "bash-static" in caught.value.hint


def test_without_tests_there_is_still_a_guest(installed: Path) -> None:
    found = unpack(initramfs.initramfs([], installed, HERE))
    assert "init" in found
    assert planned(found["tests.sh"].data.decode()) == 0
    assert not [name for name in found if name.startswith("kselftest")]
