"""`run.lock`: written and read it is the same; what is no lock, or not a harmless one, is refused with a reason."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.locks import OPTIONS, of_test
from series_ci.errors import UsageError
from series_ci.kernel import kconfig
from series_ci.manifest.allow import Allowed
from series_ci.manifest.permit import Permit
from series_ci.pipeline import reproduce
from series_ci.rundir import runlock

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SIZES = st.integers(32 << 20, 1 << 40)
MAILS = st.lists(st.from_regex(r"[a-z0-9.-]{1,9}@[a-z]{1,9}", fullmatch=True), min_size=1, max_size=3).map(tuple)
PATCHES = st.lists(
    st.builds(runlock.BasePatch, name=st.from_regex(r"[a-z]{1,9}\.patch", fullmatch=True), text=TEXT), max_size=2
)
PROGRAMS = st.builds(
    runlock.Program,
    program=st.sampled_from(["mm/exit_skip", "bench/one"]),
    name=st.sampled_from(["a", "b/c"]),
    args=st.lists(TEXT, max_size=3).map(tuple),
    timeout=st.none() | st.integers(1, 9999),
)


def asked(made, folder):
    """The request that a lock stands for, with files by what is in them."""
    with reproduce.request_of(made, reproduce.Again(), folder, "repeat") as request:
        (tree,) = request.trees
        return (
            request.message_ids,
            request.archive,
            [(path.name, path.read_bytes()) for path in tree.base_patches],
            [path.read_bytes() for path in request.config],
            (request.machine, request.accel, request.toolchain, request.allow),
            [(each.program, each.name, each.args, each.timeout) for each in request.tests],
        )


@given(ids=MAILS, own=PATCHES, tests=st.lists(PROGRAMS, max_size=2), memory=SIZES, swap=st.integers(0, 1 << 40))
def test_a_lock_that_is_read_stands_for_the_same_request(tmp_path_factory, ids, own, tests, memory, swap):
    folder = tmp_path_factory.mktemp("lock")
    made = of_test(
        mails=runlock.Mails(message_ids=ids, archive="mail", digest="1", patch_ids=()),
        tree=runlock.Tree(spec="linux", base_patches=tuple(own), base="3", patched="4"),
        guest=runlock.Guest(memory=memory, cpus=3, swap=swap, accel="kvm"),
        tests=tuple(tests),
    )
    runlock.write(folder, made)
    again = runlock.read(folder)
    assert again == made
    assert asked(again, folder) == asked(made, folder)
    assert asked(again, folder)[2] == [(each.name, each.text.encode()) for each in own]


def test_a_patch_that_is_no_utf8_is_kept_byte_for_byte(tmp_path):
    path = tmp_path / "a.patch"
    path.write_bytes(bytes(range(256)))
    runlock.write(
        tmp_path, of_test(tree=runlock.Tree(spec="x", base_patches=(runlock.BasePatch.of(path),), base="", patched=""))
    )
    assert runlock.read(tmp_path).tree.base_patches[0].content == bytes(range(256))


def test_a_file_whose_name_is_no_utf8_has_a_lock(tmp_path):
    path = tmp_path / "caf\udce9.patch"
    path.write_bytes(b"x")
    assert runlock.BasePatch.of(path).name == "caf\ufffd.patch"


def test_complaints_that_were_allowed_are_allowed_again(tmp_path):
    """Their last day may be over: the run is made again as it was."""
    known = Allowed(pattern="WARNING", reason="known", link="https://example.org/1", expires=date(2020, 1, 1))
    runlock.write(tmp_path, of_test(allow=(known,)))
    assert asked(runlock.read(tmp_path), tmp_path)[4][3] == (known,)


def test_what_was_permitted_is_permitted_again(tmp_path):
    permit = Permit(kind="binary", path="logo.gif", reason="a logo")
    runlock.write(tmp_path, of_test(permit=(permit,)))
    with reproduce.request_of(runlock.read(tmp_path), reproduce.Again(), tmp_path, "repeat") as request:
        assert request.permit == (permit,)


@pytest.mark.parametrize(
    ("was", "wanted", "used"),
    [
        ("tcg", "auto", "tcg"),
        ("icount", "auto", "icount"),
        ("kvm", "auto", "auto"),
        ("tcg", "kvm", "kvm"),
        ("kvm", "tcg", "tcg"),
    ],
)
def test_what_ran_without_kvm_does_so_again_unless_asked_otherwise(tmp_path, was, wanted, used):
    guest = runlock.Guest(memory=64 << 20, cpus=1, swap=0, accel=was)
    with reproduce.request_of(of_test(guest=guest), reproduce.Again(accel=wanted), tmp_path, "") as request:
        assert request.accel == used


HARMFUL = [
    (("tree", "base_patches", 0, "name"), ".."),
    (("tree", "base_patches", 0, "name"), "."),
    (("tree", "base_patches", 0, "name"), "a/b"),
    (("tests", 0, "program"), "mm/../../../etc/passwd"),
    (("tests", 0, "program"), "../x"),
    (("tests", 0, "program"), "/etc/passwd"),
    (("tests", 0, "program"), "mm"),
    (("tests", 0, "timeout"), 0),
    (("guest", "memory"), -1),
    (("guest", "cpus"), 0),
    (("guest", "swap"), -1),
    (("guest", "accel"), "xen"),
    (("label",), "../v1"),
    (("mails", "message_ids", 0), "--option"),
    (("mails", "message_ids"), []),
    (("lock",), 2),
    (("more",), 1),
]


@pytest.mark.parametrize(("place", "value"), HARMFUL)
def test_a_harmful_or_unknown_value_is_refused_with_its_place(tmp_path, place, value):
    own = (runlock.BasePatch(name="a.patch", text="x"),)
    runlock.write(tmp_path, of_test(tree=runlock.Tree(spec="linux", base_patches=own, base="3", patched="4")))
    runlock.read(tmp_path)
    data = json.loads((tmp_path / "run.lock").read_text())
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (tmp_path / "run.lock").write_text(json.dumps(data))
    with pytest.raises(UsageError, match="is no lock of a run") as caught:
        runlock.read(tmp_path)
    assert ".".join(str(each) for each in place) in caught.value.message


def test_other_options_than_those_of_the_digest_are_refused(tmp_path):
    runlock.write(tmp_path, of_test())
    path = tmp_path / "run.lock"
    path.write_text(path.read_text().replace("CONFIG_KUNIT=y", "CONFIG_KUNIT=m"))
    with pytest.raises(UsageError) as caught:
        runlock.read(path)
    found, expected = kconfig.digest("CONFIG_KUNIT=m\n"), kconfig.digest(OPTIONS)
    assert f"config: Value error, the options have the digest {found}, expected {expected}" in caught.value.message


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "run.lock"
    with path.open("wb") as out:
        out.truncate(runlock.MAX_BYTES + 1)
    with pytest.raises(UsageError, match=r"is larger than any lock of a run \(32 MB\)"):
        runlock.read(path)


def test_a_folder_without_a_lock_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file") as caught:
        runlock.read(tmp_path)
    assert "compared nothing" in caught.value.hint
    with pytest.raises(UsageError, match="No such file") as caught:
        runlock.read(tmp_path / "my.lock")
    assert not caught.value.hint
