"""Manifests: what a good one becomes, and what a bad one is told."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from fakes.here import SERIES
from series_ci.errors import UsageError
from series_ci.manifest.find import entries, find
from series_ci.manifest.model import MachineSize, json_schema, load, parse_size

SHIPPED = [SERIES / "exit-skip.yaml", SERIES / "demo" / "demo.yaml"]

GOOD = """\
name: small
title: "mm: a small change"
archive: https://example.org/all
versions:
  v1: {message-id: <one@example.org>}
  v2.1: {message-id: two@example.org, note: "smaller"}
  v2.2: {message-id: three@example.org}
trees:
  - spec: debian:linux-source-6.12
    base-patches: [base.patch]
  - spec: ../linux@v6.12
config: [small.config]
machine: {memory: 1G, cpus: 4, swap: 64M}
tests:
  - program: mm/exit_skip
  - {program: mm/run_vmtests.sh, args: [-t, mmap], name: mm/mmap, timeout: 90}
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("base.patch", "small.config"):
        (tmp_path / name).touch()
    return tmp_path


def write(folder, text=GOOD, name="small.yaml"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused(call, *args):
    with pytest.raises(UsageError) as caught:
        call(*args)
    return caught.value


class TestLoad:
    def test_values(self, folder):
        manifest = load(write(folder))
        assert (manifest.name, manifest.title, manifest.default) == ("small", "mm: a small change", False)
        assert manifest.archive == "https://example.org/all/"
        assert manifest.machine == MachineSize(memory=1 << 30, cpus=4, swap=64 << 20)
        assert [(v.label, v.message_id, v.note) for v in manifest.versions.values()] == [
            ("v1", "one@example.org", ""),
            ("v2.1", "two@example.org", "smaller"),
            ("v2.2", "three@example.org", ""),
        ]
        assert [(t.program, t.args, t.name, t.timeout) for t in manifest.tests] == [
            ("mm/exit_skip", (), "mm/exit_skip", None),
            ("mm/run_vmtests.sh", ("-t", "mmap"), "mm/mmap", 90),
        ]

    def test_paths_are_absolute_and_start_beside_the_manifest(self, folder, monkeypatch):
        write(folder)
        (folder / "below").mkdir()
        monkeypatch.chdir(folder / "below")
        manifest = load(Path("../small.yaml"))
        assert (manifest.path, manifest.folder) == (folder / "small.yaml", folder)
        assert manifest.config == (folder / "small.config",)
        assert [(tree.spec, tree.base_patches) for tree in manifest.trees] == [
            ("debian:linux-source-6.12", (folder / "base.patch",)),
            (str(folder.parent / "linux@v6.12"), ()),
        ]

    @pytest.mark.parametrize("archive", ["mails", "all.mbx"])
    def test_archive_on_disk(self, folder, archive):
        (folder / "mails").mkdir()
        (folder / "all.mbx").touch()
        assert load(write(folder, GOOD.replace("https://example.org/all", archive))).archive == folder / archive

    def test_what_may_be_left_out(self, folder):
        text = re.sub(r"(?m)^(config|machine):.*\n", "", GOOD)
        manifest = load(write(folder, text))
        assert (manifest.config, manifest.machine) == ((), MachineSize(memory=512 << 20, cpus=2, swap=0))

    def test_a_version_may_have_trees_of_its_own(self, folder):
        own = "message-id: two@example.org, trees: [{spec: linux@v6.9, base-patches: [base.patch]}]"
        manifest = load(write(folder, GOOD.replace("message-id: two@example.org", own)))
        assert manifest.trees_for("v1") == manifest.trees
        assert [(tree.spec, tree.base_patches) for tree in manifest.trees_for("v2.1")] == [
            (str(folder / "linux@v6.9"), (folder / "base.patch",))
        ]

    def test_a_version_may_take_the_rest_of_its_patches_from_one_before(self, folder):
        text = GOOD.replace("message-id: two@example.org", "message-id: two@example.org, rest-of: v1")
        text = text.replace("message-id: three@example.org", "message-id: three@example.org, rest-of: v2.1")
        manifest = load(write(folder, text))
        assert manifest.message_ids("v1") == ("one@example.org",)
        assert manifest.message_ids("v2.2") == ("one@example.org", "two@example.org", "three@example.org")

    @pytest.mark.parametrize("rest", ["v2.2", "v2.1", "v9"])
    def test_the_rest_is_never_that_of_a_later_version(self, folder, rest):
        text = GOOD.replace("message-id: two@example.org", f"message-id: two@example.org, rest-of: {rest}")
        error = refused(load, write(folder, text))
        assert f'versions.v2.1.rest-of: found "{rest}", expected a version before it: one of v1' in error.message

    def test_without_tests_it_is_only_booted(self, folder):
        assert load(write(folder, GOOD[: GOOD.index("tests:")])).tests == ()

    REPORTED = """bench: [{name: one, program: bench/one}]
reported:
  - {name: his, by: He, message-id: a@example.org, version: v1, scenario: one, arch: arm64, stated: [x],
     figures: [FIGURE]}
"""
    FIGURE = '{metric: skips, value: 6114, quote: "6114"}'

    def test_what_was_reported(self, folder):
        text = GOOD + self.REPORTED.replace("FIGURE", self.FIGURE)
        (entry,) = load(write(folder, text)).reported
        assert (entry.by, entry.figures[0].value, entry.unstated) == ("He", 6114, ())

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("version: v1", "version: v3", "reported[0].version"),
            ("scenario: one", "scenario: two", "expected one of one"),
            ("bench: [{name: one, program: bench/one}]", "", "expected one below bench:, and there is none"),
            ("arch: arm64", "arch: vax", "expected one of x86_64, arm64"),
            ("value: 6114", "value: .inf", "reported[0].figures[0].value"),
            ("metric: skips", "metric: a b", "reported[0].figures[0].metric"),
            ("stated: [x]", "stated: []", "reported[0].stated"),
        ],
    )
    def test_what_was_reported_of_something_else(self, folder, old, new, said):
        text = GOOD + self.REPORTED.replace("FIGURE", self.FIGURE).replace(old, new)
        assert said in refused(load, write(folder, text)).message

    def test_frozen(self, folder):
        with pytest.raises(ValidationError, match="frozen"):
            load(write(folder)).name = "other"

    def test_byte_order_mark(self, folder):
        assert load(write(folder, "\ufeff" + GOOD)).name == "small"


# (what, to replace, by what, the line, the key, what was found and what was expected)
BAD = [
    ("unknown key", "title:", "titel:", 2, "titel", "found an unknown key, expected title"),
    ("unknown key, near none", "config: [", "zzz: [", 12, "zzz", "found an unknown key, expected one of name, title, "),
    ("Python's spelling", "base-patches:", "base_patches:", 10, "trees[0].base_patches", "expected base-patches"),
    ("deep unknown key", "note:", "notes:", 6, "versions.v2.1.notes", "found an unknown key, expected note"),
    ("unknown key of the machine", "cpus:", "cpu:", 13, "machine.cpu", "found an unknown key, expected cpus"),
    (
        "missing key",
        "name: small\n",
        "",
        1,
        "name",
        "found no such key, expected what the command line calls the series",
    ),
    ("missing deep key", "program: mm/exit_skip", "args: []", 15, "tests[0].program", "expected COLLECTION/PROGRAM"),
    ("no text", "name: small", "name: 10", 1, "name", "found 10, expected text, in quotes"),
    ("nothing", "name: small", "name:", 1, "name", "found nothing, expected text"),
    ("bad name", "name: small", "name: Small_1", 1, "name", 'found "Small_1", expected small letters, digits'),
    ("name with a newline", "name: small", 'name: "small\\n"', 1, "name", 'found "small\\n", expected small letters'),
    ("two lines", '"mm: a', '"mm: a\\n', 2, "title", "expected one line of text"),
    ("no boolean", "title:", 'default: "yes"\ntitle:', 2, "default", 'found "yes", expected true or false'),
    ("ftp", "https:", "ftp:", 3, "archive", 'found "ftp://example.org/all", expected an http or https URL'),
    ("no host", "https://example.org/all", "https:///all", 3, "archive", "expected an http or https URL"),
    ("no archive", "https://example.org/all", "mails", 3, "archive", 'found "mails", expected a URL, or an mbox file'),
    ("empty archive", "https://example.org/all", '""', 3, "archive", 'found "", expected a URL'),
    ("archive list", "https://example.org/all", "[a]", 3, "archive", 'found ["a"], expected the URL of a public-inbox'),
    ("number as label", "v2.1:", "10:", 6, "versions", 'found the key 10 (int), expected text: "10" in quotes'),
    ("float as label", "v2.1:", "1.0:", 6, "versions", 'found the key 1.0 (float), expected text: "1.0" in quotes'),
    ("yes as label", "v2.1:", "yes:", 6, "versions", 'found the key yes (bool), expected text: "yes" in quotes'),
    ("list as label", "v2.1:", "[v2]:", 6, "versions", "found a list as a key, expected text"),
    ("merge key", "v2.1:", "<<:", 6, "versions", "found the key << (merge), expected text"),
    ("bad label", "v2.1:", "v2/1:", 6, "versions.v2/1", 'found "v2/1", expected letters, digits'),
    ("label twice", "v2.1:", "v1:", 6, "versions.v1", "found it twice, expected it once: it is on line 5 too"),
    ("key twice", "config: [", "name: [", 12, "name", "found it twice, expected it once: it is on line 1 too"),
    ("deep key twice", "swap: 64M", "cpus: 2", 13, "machine.cpus", "found it twice, expected it once"),
    ("no Message-ID", "two@example.org", "two", 6, "versions.v2.1.message-id", 'found "two", expected a Message-ID'),
    ("half brackets", "two@", "<two@", 6, "versions.v2.1.message-id", "expected a Message-ID, such as"),
    (
        "mail twice",
        "two@",
        "one@",
        6,
        "versions.v2.1.message-id",
        'found "one@example.org", expected one of its own: line 5',
    ),
    (
        "version without keys",
        "{message-id: three@example.org}",
        "v2",
        7,
        "versions.v2.2",
        'found "v2", expected keys and',
    ),
    ("no keys", "machine: {memory: 1G, cpus: 4, swap: 64M}", "machine:", 13, "machine", "found nothing, expected keys"),
    ("spec of two words", "debian:linux", "debian linux", 9, "trees[0].spec", "expected one word, such as debian:"),
    ("number as program", "mm/exit_skip", "10", 15, "tests[0].program", "found 10, expected text, in quotes"),
    ("no patch", "[base.patch]", "[gone.patch]", 10, "trees[0].base-patches[0]", 'found "gone.patch", expected a file'),
    (
        "text for a list",
        "[base.patch]",
        "base.patch",
        10,
        "trees[0].base-patches",
        'found "base.patch", expected a list',
    ),
    (
        "no fragment",
        "[small.config]",
        "[x.config]",
        12,
        "config[0]",
        'found "x.config", expected a file beside the manifest',
    ),
    ("a folder as a file", "[small.config]", "[.]", 12, "config[0]", 'found ".", expected a file beside the manifest'),
    ("endless file name", "[small.config]", f"[{'x' * 300}]", 12, "config[0]", "expected a file beside the manifest"),
    ("no size", "1G", "1 GB", 13, "machine.memory", 'found "1 GB", expected a number with K, M or G, such as 512M'),
    (
        "bare memory",
        "1G",
        "512",
        13,
        "machine.memory",
        "found 512, expected 32M or more: is there a K, M or G missing?",
    ),
    ("bare swap", "64M", "64", 13, "machine.swap", "found 64, expected 0 for none, or 1M and more"),
    ("negative size", "1G", "-1", 13, "machine.memory", "found -1, expected a size such as 512M"),
    ("true memory", "1G", "true", 13, "machine.memory", "found true, expected a size such as 512M"),
    ("no CPU", "cpus: 4", "cpus: 0", 13, "machine.cpus", "found 0, expected 1 or more"),
    ("many CPUs", "cpus: 4", "cpus: 1000", 13, "machine.cpus", "found 1000, expected 256 or less"),
    ("text for a number", "cpus: 4", 'cpus: "4"', 13, "machine.cpus", 'found "4", expected a whole number'),
    ("half a CPU", "cpus: 4", "cpus: 0.5", 13, "machine.cpus", "found 0.5, expected a whole number"),
    ("program without collection", "mm/exit_skip", "exit_skip", 15, "tests[0].program", "expected COLLECTION/PROGRAM"),
    (
        "program outside",
        "mm/exit_skip",
        "mm/../../x",
        15,
        "tests[0].program",
        'found "mm/../../x", expected COLLECTION',
    ),
    ("number as argument", "[-t, mmap]", "[-t, 5]", 16, "tests[1].args[1]", "found 5, expected text, in quotes"),
    ("bad test name", "mm/mmap", '"mm: mmap"', 16, "tests[1].name", "expected a name such as mm/exit_skip"),
    ("test twice", "mm/mmap", "mm/exit_skip", 16, "tests[1].name", "expected one of its own: line 15 has the same"),
    ("no time", "timeout: 90", "timeout: 0", 16, "tests[1].timeout", "found 0, expected 1 or more"),
    ("time with a unit", "timeout: 90", "timeout: 90s", 16, "tests[1].timeout", 'found "90s", expected a whole number'),
    ("no date", '"smaller"', "2024-13-45", 6, "versions.v2.1.note", "found 2024-13-45, expected text in quotes"),
    ("a date", '"smaller"', "2024-12-24", 6, "versions.v2.1.note", 'found "2024-12-24", expected text, in quotes'),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "text"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_mistake(folder, old, new, line, key, text):
    assert old in GOOD
    path = write(folder, GOOD.replace(old, new, 1))
    error = refused(load, path)
    assert error.message.startswith(f"{path}:{line}: {key}: found ")
    assert text in error.message
    assert "expected" in error.message


@pytest.mark.parametrize("key", ["trees", "versions"])
def test_empty_part(folder, key):
    data = yaml.safe_load(GOOD)
    data[key] = {} if key == "versions" else []
    error = refused(load, write(folder, yaml.safe_dump(data, sort_keys=False)))
    assert re.search(rf"small.yaml:\d+: {key}: found (\[\]|{{}}), expected at least one entry$", error.message)


# (what, the whole file, the line, what was found)
NO_MANIFEST = [
    ("empty", b"", 1, "found an empty file, expected keys and values"),
    ("only a comment", b"# soon\n", 1, "found an empty file, expected keys and values"),
    ("list", b"- a\n", 1, "found a list, expected keys and values"),
    ("text", b"hello\n", 1, "found a single value, expected keys and values"),
    ("bad syntax", b"name: small\ntitle: [a\n", 3, "expected plain YAML"),
    (
        "colon in text",
        b"name: small\ntitle: mm: x\n",
        2,
        "found a second ': ' on the line (text that has one needs",
    ),
    ("tab", b"name: small\n\ttitle: x\n", 2, "expected plain YAML"),
    ("two documents", b"name: a\n---\nname: b\n", 2, "expected plain YAML"),
    ("alias", b"name: &n small\ntitle: *n\n", 2, "found the alias *n; expected plain YAML"),
    ("unknown anchor", b"name: small\ntitle: *n\n", 2, "found the alias *n; expected plain YAML"),
    (
        "tag",
        b"name: small\ntitle: !!timestamp x\n",
        2,
        "found the tag tag:yaml.org,2002:timestamp; expected plain YAML",
    ),
    ("not UTF-8", b"name: small\ntitle: caf\xe9\n", 2, "found the byte 0xe9, expected text in UTF-8"),
    ("UTF-16", "name: small\n".encode("utf-16"), 1, "found the byte 0xff, expected text in UTF-8"),
    ("control character", b"name: small\ntitle: a\x07\n", 2, "found a control character, expected printable text"),
    ("control character in quotes", b'name: small\ntitle: "\x00"\n', 2, "found a control character"),
    ("deep", b"name: " + b"[" * 5000, 1, "found lists nested hundreds deep, expected a few levels"),
    ("lone value sign", b"name: =\n", 1, "expected plain YAML"),
    ("endless number", b"name: " + b"9" * 5000, 1, "expected text in quotes"),
]


@pytest.mark.parametrize(
    ("data", "line", "text"), [row[1:] for row in NO_MANIFEST], ids=[row[0] for row in NO_MANIFEST]
)
def test_no_manifest(folder, data, line, text):
    path = folder / "bad.yaml"
    path.write_bytes(data)
    error = refused(load, path)
    assert error.message.startswith(f"{path}:{line}: ")
    assert text in error.message


def test_tag_runs_nothing(folder):
    mark = folder / "ran"
    error = refused(load, write(folder, f"name: !!python/object/apply:os.mkdir ['{mark}']\n"))
    assert "the tag tag:yaml.org,2002:python/object/apply:os.mkdir" in error.message
    assert not mark.exists()


def test_unreadable_file(folder):
    assert (
        refused(load, folder / "gone.yaml").message == f"{folder}/gone.yaml: cannot be read: No such file or directory"
    )
    assert refused(load, folder).message == f"{folder}: cannot be read: Is a directory"


def test_all_mistakes_at_once_and_unknown_keys_first(folder):
    text = (
        GOOD.replace("name: small", "name: Small")
        .replace("message-id: two", "messageid: two")
        .replace("cpus: 4", "cpus: x")
    )
    error = refused(load, write(folder, text))
    found = [re.sub(r"^.*?small.yaml:", "", line) for line in [error.message, *error.details.splitlines()]]
    assert [line.split(": ")[:2] for line in found] == [
        ["6", "versions.v2.1.messageid"],
        ["1", "name"],
        ["6", "versions.v2.1.message-id"],
        ["13", "machine.cpus"],
    ]


def test_long_values_are_cut(folder):
    error = refused(load, write(folder, GOOD.replace("name: small", f"name: {'Long' * 100}")))
    assert len(error.message) < len(str(folder)) + 200


class TestVersion:
    def test_found(self, folder):
        assert load(write(folder)).version("v2.1").message_id == "two@example.org"

    @pytest.mark.parametrize(
        ("label", "hint"),
        [("v2", "did you mean v2.1 or v2.2?"), ("1", "did you mean v1?"), ("V2.2", "did you mean v2."), ("zzz", "")],
    )
    def test_unknown(self, folder, label, hint):
        error = refused(load(write(folder)).version, label)
        assert error.message == f"found no version {label!r} in small, expected one of v1, v2.1, v2.2"
        assert error.hint.startswith(hint)
        assert bool(error.hint) == bool(hint)


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 << 20), ("1g", 1 << 30), ("64K", 65536), ("0", 0), ("4096", 4096)]
)
def test_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1.5G", "-1M", "512 M", "512MB", "1T", "\u0663M", "1M\n", "9" * 40])
def test_no_size(text):
    assert refused(parse_size, text).message.endswith("expected a number with K, M or G, such as 512M")


def named(name, default=False):
    return GOOD.replace("name: small", f"name: {name}" + ("\ndefault: true" if default else ""))


class TestFind:
    def test_by_name_at_the_top_and_one_folder_below(self, folder):
        write(folder, named("first"), "a.yaml")
        for name in ("base.patch", "small.config"):
            (folder / "sub").mkdir(exist_ok=True)
            (folder / "sub" / name).touch()
        write(folder, named("second"), "sub/b.yaml")
        assert find("first", [folder]).path == folder / "a.yaml"
        assert find("second", [folder]).path == folder / "sub" / "b.yaml"

    def test_by_path(self, folder, monkeypatch):
        path = write(folder)
        assert find(str(path), []).name == "small"
        monkeypatch.chdir(folder)
        assert find("small.yaml", []).name == "small"
        assert "./small: cannot be read" in "./" + refused(find, "./small", []).message

    def test_the_first_folder_with_the_name_wins(self, folder, tmp_path_factory):
        other = tmp_path_factory.mktemp("other")
        for name in ("base.patch", "small.config"):
            (other / name).touch()
        write(other)
        write(folder)
        assert find("small", [other, folder]).folder == other
        assert find("small", [tmp_path_factory.mktemp("none"), folder / "gone", folder]).folder == folder

    def test_default(self, folder):
        write(folder, named("first"), "a.yaml")
        write(folder, named("second", default=True), "b.yaml")
        assert find(None, [folder]).name == "second"

    def test_two_defaults(self, folder):
        write(folder, named("first", default=True), "a.yaml")
        write(folder, named("second", default=True), "b.yaml")
        error = refused(find, None, [folder])
        assert error.message == (
            f"found 2 series marked 'default: true', expected one: {folder}/a.yaml, {folder}/b.yaml"
        )

    def test_no_default(self, folder):
        write(folder)
        error = refused(find, None, [folder])
        assert error.message == "found no series marked 'default: true', expected one of small"

    def test_two_of_one_name(self, folder):
        write(folder, GOOD, "a.yaml")
        write(folder, GOOD, "b.yaml")
        assert refused(find, "small", [folder]).message == (
            f"found 2 series named 'small', expected one: {folder}/a.yaml, {folder}/b.yaml"
        )

    def test_unknown(self, folder):
        write(folder)
        error = refused(find, "smal", [folder])
        assert error.message == "found no series 'smal', expected one of small"
        assert error.hint == "did you mean small?"
        assert error.details == "small  mm: a small change"

    def test_no_series_at_all(self, folder):
        assert refused(find, "small", [folder]).message == "found no series 'small', and no other series either"

    @pytest.mark.parametrize(
        ("text", "name"),
        [(named("broken") + "x: 1\n", "broken"), ("name: 'broken'\nx: [", "broken"), ("x: [", "bad"), ("\x00", "bad")],
    )
    def test_a_broken_one_hides_no_other_but_is_told_when_wanted(self, folder, text, name):
        write(folder)
        bad = write(folder, text, "bad.yaml")
        assert find("small", [folder]).name == "small"
        assert refused(find, name, [folder]).message.startswith(f"{bad}:")
        assert f"{name}  (broken) {bad}:" in refused(find, "zzz", [folder]).details

    def test_a_broken_default_is_not_passed_over(self, folder):
        bad = write(folder, named("broken", default=True) + "x: 1\n", "bad.yaml")
        assert refused(find, None, [folder, SERIES]).message.startswith(f"{bad}:")

    def test_a_file_that_cannot_be_read(self, folder):
        (folder / "loop.yaml").symlink_to("loop.yaml")
        write(folder, "", ".hidden.yaml")
        assert [entry.name for entry in entries(folder)] == ["loop"]
        assert "cannot be read" in refused(find, "loop", [folder]).message


class TestShipped:
    def test_names(self):
        assert [entry.manifest and entry.name for entry in entries(SERIES)] == ["demo", "exit-skip"]
        assert find(None, [SERIES]).name == "exit-skip"

    def test_versions(self):
        labels = "v1 v2 v3 v4 v5 v6.1 v6.2 v7 v8 v9.1 v9.2 v10"
        assert list(find("exit-skip", [SERIES]).versions) == labels.split()
        assert list(find("demo", [SERIES]).versions) == ["v7", "v8", "v9", "v10"]

    def test_schema_is_published(self):
        published = json.loads((SERIES / "manifest.schema.json").read_text())
        assert published == json_schema(), "write it with: series-ci schema"

    def test_schema_describes_each_key(self):
        schema = json_schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        for part in [schema, *schema["$defs"].values()]:
            assert all(value.get("description") for value in part["properties"].values())
            assert part["additionalProperties"] is False

    @pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
    def test_schema_accepts(self, path):
        jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(path.read_text()))

    @pytest.mark.parametrize(
        ("old", "new"), [("title:", "titel:"), ("cpus: 4", "cpus: 0"), ("1G", "1GB"), ("v2.1:", "v2/1:"), ("two@", "")]
    )
    def test_schema_refuses(self, old, new):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(GOOD.replace(old, new, 1)))

    @pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
    def test_editors_find_the_schema(self, path):
        line = path.read_text().splitlines()[0]
        schema = line.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / schema).resolve() == SERIES / "manifest.schema.json"

    def test_demo_mails_have_the_message_ids(self):
        manifest = find("demo", [SERIES])
        mails = [path.read_text() for path in Path(manifest.archive).glob("*.eml")]
        covers = [mail for mail in mails if re.search(r"^Subject: \[PATCH v\d+ 0/2\]", mail, re.MULTILINE)]
        ids = {re.search(r"^Message-ID: <(.*)>$", mail, re.MULTILINE)[1] for mail in covers}
        assert ids == {version.message_id for version in manifest.versions.values()}
