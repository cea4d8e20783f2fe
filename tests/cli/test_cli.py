"""The command line: what a mistake is answered with, what goes to which stream, and how it ends when it is ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import jsonschema
import pytest

from fakes import fakeqemu, lab, mails, outcomes, terminals
from fakes.lab import Lab
from series_ci import __version__
from series_ci.cli import main
from series_ci.cli.options import Options
from series_ci.cli.request import LORE, make_request
from series_ci.errors import BuildError, UsageError
from series_ci.host import files, paths, scratch
from series_ci.manifest import model
from series_ci.pipeline.test import write
from series_ci.rundir import layout

PROGRAM = [sys.executable, "-m", "series_ci"]


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """Status and standard error; nothing may stand on standard output, and nowhere a traceback."""
    status = main(argv)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return status, err


# Mistakes of the user: status 2, before anything is fetched or written.


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object) -> None:
        raise AssertionError("the pipeline was started")

    monkeypatch.setattr("series_ci.pipeline.test.examine", never)


TREE = ["--tree", "debian:linux-source-6.12"]


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["test", "v77", "--series", "demo"], ["'v77'", "v7, v8, v9, v10"]),
        (["test", "v6"], ["'v6'", "did you mean v6.1 or v6.2?"]),
        (["test", "v1", "--series", "dmeo"], ["'dmeo'", "demo, exit-skip", "did you mean demo?"]),
        (["test", "v1", "--series", "missing.yaml"], ["missing.yaml", "No such file"]),
        (["test", "v10", "--series", "demo", "--base-patch", "x"], ["--base-patch needs --tree"]),
        (["test", "v10", "--series", "demo", *TREE, "--base-patch", "x.patch"], ["base patch x.patch: no such file"]),
        (["test", "v10", "--series", "demo", "--config", "x.config"], ["config fragment x.config: no such file"]),
        (["test", "v10", "--series", "demo", "--config", "."], ["config fragment .: no such file"]),
        (["test", "v10", "--series", "demo", "--memory", "lots"], ["'lots'", "such as 512M"]),
        (["test", "v10", "--series", "demo", "--memory", "512"], ["--memory 512", "32M or more"]),
        (["test", "v10", "--series", "demo", "--memory", "-1M"], ["-1M"]),
        (["test", "v10", "--series", "demo", "--cpus", "0"], ["--cpus", "0"]),
        (["test", "v10", "--series", "demo", "--accel", "xen"], ["--accel", "kvm"]),
        (["test", "v10", "--series", "demo", "--test", "exit_skip"], ["--test exit_skip", "COLLECTION/PROGRAM"]),
        (["test", "someone@example.org"], ["no tree", "--tree SPEC"]),
        (["test"], ["VERSION"]),
        (["test", "v10", "--no-such-option"], ["--no-such-option"]),
        (["tset", "v10"], ["tset"]),
    ],
)
def test_a_mistake_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: list[str]
) -> None:
    status, err = said(capsys, *argv)
    assert status == 2
    for word in words:
        assert word in err
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("nothing_starts")
def test_a_typo_in_a_manifest_is_named_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text(lab.MANIFEST.replace("archive:", "archiv:"), "utf-8")
    status, err = said(capsys, "test", "v1", "--series", "mine.yaml")
    assert status == 2
    assert "mine.yaml:3: archiv: found an unknown key, expected archive" in err


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("kind", ["file", "folder with a file"])
def test_a_run_directory_is_written_once(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    out = folder / "out"
    kept = out if kind == "file" else out / "kept"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("of an earlier run")
    status, err = said(capsys, "test", "v10", "--series", "demo", "--out", "out")
    assert status == 2
    assert "--out out" in err
    assert kept.read_text() == "of an earlier run"


@pytest.mark.parametrize(
    ("name", "written_over"),
    [
        ("series.mbx", True),
        ("sent.mbx", True),
        ("base/run.json", True),
        ("patched-2/initramfs.cpio", True),
        ("patch-12/build.log", True),
        ("junit.xml", True),
        (f".summary.json.a1b2c3d4{scratch.END}", True),
        ("summary.json", False),  # the last one that is written
        ("patch-12x", False),
        (".mine", False),
    ],
)
def test_what_an_interrupted_run_left_may_be_written_over(tmp_path: Path, name: str, written_over: bool) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    options = Options("demo")
    if written_over:
        assert make_request("v10", replace(options, out=str(tmp_path))).out == tmp_path
    else:
        with pytest.raises(UsageError, match="is not an empty folder"):
            make_request("v10", replace(options, out=str(tmp_path)))


def test_the_summary_is_the_last_file_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(files, "write", lambda path, _content: written.append(path.name))
    found = outcomes.outcome(error=BuildError("does not build"))
    write(found)
    assert written[-1] == "summary.json"


def test_a_run_directory_that_cannot_be_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, err = said(capsys, "test", "v10", "--series", "demo", "--out", "/proc/series-ci/out")
    assert status == 5
    assert "/proc/series-ci" in err


def test_a_run_directory_is_never_one_that_is_there(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in it would be taken for the results of an interrupted run of the same thing."""
    monkeypatch.setattr(time, "strftime", lambda _form: "20260203-110518")
    first = layout.stamped("demo", "v10")
    assert layout.stamped("demo", "v10") == first
    first.mkdir(parents=True)
    second = layout.stamped("demo", "v10")
    assert second.name == f"{first.name}.2"
    second.mkdir()
    assert layout.stamped("demo", "v10").name == f"{first.name}.3"


def test_missing_programs_are_named_with_their_packages(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    status, err = said(capsys, "test", "v10", "--series", "demo", "--out", "out")
    assert status == 5
    for name, package in (("flex", "flex"), ("ld", "binutils"), ("qemu-system-x86_64", "qemu-system-x86")):
        assert name in err.partition("hint:")[0]
        assert package in err.partition("hint: apt-get install")[2].split()
    assert not (folder / "out").exists()


# What the request becomes.


def test_the_manifest_decides_what_the_command_line_leaves_open(folder: Path) -> None:
    request = make_request("v10", Options(series="demo"))
    mine = model.load(paths.share("series") / "demo/demo.yaml")
    assert (request.series, request.label) == ("demo", "v10")
    assert request.message_id == mine.versions["v10"].message_id
    assert request.trees == mine.trees
    assert request.tests == mine.tests
    assert (request.machine.memory, request.machine.cpus, request.machine.swap) == (512 << 20, 2, 512 << 20)
    assert request.repeat == "series-ci test v10 --series demo"
    assert request.out.parent == paths.runs()
    assert request.out.name.startswith("demo-v10-")


def test_the_default_series_is_meant_when_none_is_named(folder: Path) -> None:
    request = make_request("v8", Options())
    assert (request.series, request.repeat) == ("exit-skip", "series-ci test v8 --series exit-skip")


def test_the_command_line_has_the_last_word(folder: Path) -> None:
    for name in ("my.config", "mini.config", "a.patch", "mail"):
        (folder / name).touch()
    own = "  - {program: mm/run.sh, args: [-t, x], name: mm/run-x, timeout: 9}\n"
    (folder / "mini.yaml").write_text(lab.MANIFEST + own, "utf-8")
    request = make_request(
        "v1",
        Options(
            series="./mini.yaml",
            archive="mails",
            tree="linux@v6.10",
            base_patch=("a.patch",),
            config=("my.config",),
            test=("mm/run-x", "net/other"),
            memory="1G",
            cpus=7,
            arch="arm64",
            toolchain="llvm",
        ),
    )
    assert (request.arch.name, request.toolchain) == ("arm64", "llvm")
    assert request.archive == str(folder / "mails")
    assert [(each.spec, each.base_patches) for each in request.trees] == [("linux@v6.10", (folder / "a.patch",))]
    assert request.config == (folder / "mini.config", folder / "my.config")
    assert (request.machine.memory, request.machine.cpus) == (1 << 30, 7)
    assert [(each.name, each.program, each.args, each.timeout) for each in request.tests] == [
        ("mm/run-x", "mm/run.sh", ("-t", "x"), 9),
        ("net/other", "net/other", (), None),
    ]
    assert request.repeat == (
        f"series-ci test v1 --series {folder}/mini.yaml --archive {folder}/mails --tree {folder}/linux@v6.10 "
        f"--base-patch {folder}/a.patch --config {folder}/my.config --test mm/run-x --test net/other "
        "--arch arm64 --toolchain llvm --memory 1G --cpus 7"
    )


def test_an_architecture_that_nobody_knows_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such architecture: vax"):
        make_request("v8", Options(arch="vax"))


@pytest.mark.parametrize(
    "tree",
    ["debian:linux-source-6.12", "git+https://example.org/linux.git@v6.10", "https://example.org/linux-6.10.tar.xz"],
)
def test_a_tree_with_a_scheme_is_repeated_as_it_is(folder: Path, tree: str) -> None:
    request = make_request("<a@example.org>", Options(tree=tree))
    assert request.repeat == f"series-ci test '<a@example.org>' --tree {tree}"
    assert (request.message_id, request.label, request.archive) == ("a@example.org", "mail", LORE)


def test_a_version_of_a_message_id_has_the_label_that_it_is_given(folder: Path) -> None:
    request = make_request("a@example.org", Options(series="demo", label="v11"))
    assert request.label == "v11"
    assert request.repeat == "series-ci test a@example.org --series demo --label v11"


@pytest.mark.parametrize(
    ("version", "label", "said"),
    [
        ("a@example.org", "../v11", "expected letters"),
        ("a@example.org", "v8", "the manifest has another mail of that label"),
        ("v8", "v11", "is a label already"),
    ],
)
def test_a_label_that_cannot_be_given(folder: Path, version: str, label: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_request(version, Options(series="demo", label=label))


def test_a_message_id_makes_a_name_that_a_folder_can_have(folder: Path) -> None:
    request = make_request("a/../b c@example.org", Options(tree="debian:x"))
    assert request.out.parent == paths.runs()
    assert request.out.name.startswith("a_.._b_c_example.org-mail-")


# Help, version, schema.


def test_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "0 no regression, 1 regression, 2 usage or manifest, 3 does not apply, 4 does not build" in text
    assert main(["test", "-h"]) == 0
    assert "--base-patch" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"series-ci, version {__version__}\n"


def test_the_schema_takes_the_projects_own_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    demo = yaml.safe_load((paths.share("series") / "demo/demo.yaml").read_text("utf-8"))
    jsonschema.validate(demo, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**demo, "archiv": "x"}, schema)


# Errors that nobody foresaw, and interruptions.


@pytest.fixture
def stumble(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let the pipeline raise something."""

    def raising(error: BaseException) -> None:
        def broken(*_args: object) -> None:
            raise error

        monkeypatch.setattr("series_ci.pipeline.test.examine", broken)

    return raising


ARGV = ["test", "v10", "--series", "demo"]


def test_a_bug_is_a_short_message_and_a_file(
    stumble: Callable[[BaseException], None], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stumble(ZeroDivisionError("of all things"))
    status, err = said(capsys, *ARGV)
    assert status == 5
    assert "error: a bug in series-ci: ZeroDivisionError: of all things" in err
    assert f"hint: please report it with {cache}/bug.txt" in err
    report = (cache / "bug.txt").read_text("utf-8")
    for words in ("Traceback (most recent call last)", "ZeroDivisionError", f"series-ci {__version__}", "argv: "):
        assert words in report


def test_a_bug_with_a_full_disk_is_told_at_once(
    stumble: Callable[[BaseException], None],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stumble(ZeroDivisionError("of all things"))
    cache.write_text("a file in the way")
    assert main(ARGV) == 5
    err = capsys.readouterr().err
    assert "error: a bug" in err
    assert "Traceback" in err


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_130(
    stumble: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], interruption: BaseException
) -> None:
    stumble(interruption)
    status, err = said(capsys, *ARGV)
    assert status == 130
    assert err.strip().startswith("interrupted")


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), SystemExit(1)])
def test_a_reader_that_has_gone_is_no_regression(
    stumble: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    stumble(error)
    assert main(ARGV) == 5


def test_a_reader_of_the_schema_that_has_gone_is_no_regression(folder: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run([*PROGRAM, "schema"], stdout=theirs, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(theirs)
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr


# Streams and looks, with a whole run.


def run(argv: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *argv], capture_output=True, text=True, env={**os.environ, **environment}, check=False, timeout=300
    )


def test_json_is_all_that_stands_on_standard_output(shared: Lab, tmp_path: Path) -> None:
    done = run(shared.argv("v1", "--json", "--out", str(tmp_path / "out")))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for key in ("series", "version", "message_id", "verdict", "status", "changes", "splats", "run_dir", "environment"):
        assert key in found
    assert (found["series"], found["version"], found["verdict"], found["status"]) == ("mini", "v1", "no regression", 0)
    assert found["message_id"] == mails.message_id(1, 0)
    (good,) = [each for each in found["changes"] if each["name"] == "mm/good"]
    assert good == {"name": "mm/good", "base": "PASS", "patched": "PASS", "change": "SAME", "seconds": good["seconds"]}
    assert found["run_dir"] == str(tmp_path / "out")
    assert found == json.loads((tmp_path / "out/summary.json").read_text("utf-8"))
    for step in ("fetch", "tree", "apply", "build base", "build v1", "boot base", "boot v1"):
        assert f"✓ {step} " in done.stderr


def test_json_of_a_version_that_does_not_apply_is_json_too(shared: Lab, tmp_path: Path) -> None:
    done = run(shared.argv("v2", "--json", "--quiet", "--out", str(tmp_path / "out")))
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "does not apply"
    assert "✓" not in done.stderr
    assert "error: patch [2/2]" in done.stderr


def test_quiet_leaves_the_result(shared: Lab, tmp_path: Path) -> None:
    done = run(shared.argv("v1", "--quiet", "--out", str(tmp_path / "out")))
    assert (done.returncode, done.stderr) == (0, "")
    assert "mini v1: no regression" in done.stdout


def test_verbose_shows_every_command(shared: Lab, tmp_path: Path) -> None:
    done = run(shared.argv("v1", "--verbose", "--out", str(tmp_path / "out")))
    assert done.returncode == 0
    commands = [line for line in done.stderr.splitlines() if line.startswith("+ ")]
    assert any("qemu-system-x86_64 -nodefaults" in line for line in commands)


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"NO_COLOR": "1"}, {}])
def test_a_log_has_no_escape_codes(shared: Lab, tmp_path: Path, environment: dict[str, str]) -> None:
    done = run(shared.argv("v1", "--out", str(tmp_path / "out")), TERM="xterm-256color", **environment)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_in_ci_a_terminal_is_a_log_too(shared: Lab, tmp_path: Path) -> None:
    argv = [*PROGRAM, *shared.argv("v1", "--out", str(tmp_path / "out"))]
    seen = terminals.printed(argv, {"CI": "true"})
    assert b"no regression" in seen
    assert b"\x1b" not in seen


# Ended from outside, at each stage.

BLOCKING = """#!/bin/sh
case " $* " in
*" {word} "*)
	echo $$ >{mark}
	sleep 1000 &
	wait
	;;
esac
exec {real} "$@"
"""


def marked(mark: str) -> list[str]:
    """The command lines of all processes that were started with the mark in their environment, and do not end."""
    limit = time.monotonic() + 5  # what was killed takes a moment to go
    while (found := having(mark)) and time.monotonic() < limit:
        time.sleep(0.02)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return list(found.values())


def having(mark: str) -> dict[int, str]:
    """Those that are there right now."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and mark.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_text("utf-8", "replace").replace("\0", " ")
    return found


def wait_for(what: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    """Until it is so; the limit is there for a broken program only."""
    limit = time.monotonic() + 120
    while not what():
        assert child.poll() is None, f"it ended by itself: {child.stderr.read() if child.stderr else ''}"
        assert time.monotonic() < limit, "it never came so far"
        time.sleep(0.02)


@contextlib.contextmanager
def blocked(stage: str, found: Lab, folder: Path) -> Iterator[tuple[list[str], dict[str, str], Callable[[], bool]]]:
    """More arguments and more environment that let a run stop in that stage, and whether it has come there."""
    mark = folder / "blocked"
    if stage == "fetch":
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            kept: list[socket.socket] = []

            def asked() -> bool:
                with contextlib.suppress(BlockingIOError):
                    kept.append(server.accept()[0])
                return bool(kept)

            yield ["--archive", f"http://127.0.0.1:{server.getsockname()[1]}/all/"], {}, asked
            for each in kept:
                each.close()
    elif stage == "boot":
        found.qemu.plan({"end": "hang", "dies in": "mm/good"})
        yield [], {}, lambda: bool(found.qemu.calls)
        found.qemu.plan()
    else:
        name, word = {"apply": ("git", "am"), "build": ("make", "bzImage"), "selftests": ("make", "install")}[stage]
        real = next(p for p in (Path(each) / name for each in os.environ["PATH"].split(":")) if p.exists())
        fakeqemu.script(folder / "blocking", name, BLOCKING.format(word=word, mark=mark, real=real))
        yield [], {"PATH": f"{folder / 'blocking'}:{os.environ['PATH']}"}, mark.exists


@pytest.mark.parametrize(
    ("stage", "sent"),
    [
        *((stage, signal.SIGTERM) for stage in ("fetch", "apply", "build", "selftests", "boot")),
        ("boot", signal.SIGINT),
        ("boot", signal.SIGHUP),
    ],
)
def test_ended_from_outside(stage: str, sent: signal.Signals, tmp_path: Path) -> None:
    """130, nobody left behind, and a rerun that goes on as if nothing had been."""
    mark = ("SERIES_CI_TEST_MARK", f"{stage}-{sent}-{os.getpid()}")
    with lab.world(tmp_path) as found:
        with blocked(stage, found, tmp_path) as (more, environment, there):
            status, out, err = end_there([*PROGRAM, *found.argv("v1", *more)], dict([mark]) | environment, there, sent)
            left = marked("=".join(mark))
        assert status == 130, err
        assert left == []
        assert out == ""
        assert "Traceback" not in err
        assert "interrupted; everything started was ended" in err
        again = run(found.argv("v1"))
        assert again.returncode == 0, again.stderr
        assert "mini v1: no regression" in again.stdout


def end_there(
    argv: list[str], environment: dict[str, str], there: Callable[[], bool], sent: signal.Signals
) -> tuple[int, str, str]:
    """Start it, wait until it is there, send the signal; status, output and errors."""

    def listen() -> None:
        # A shell starts its background jobs deaf to Ctrl-C, and they pass that on: whoever runs the tests may be one.
        signal.signal(sent, signal.SIG_DFL)

    with subprocess.Popen(
        argv,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,  # noqa: PLW1509 (no threads here)
    ) as child:
        try:
            wait_for(there, child)
            child.send_signal(sent)
            out, err = child.communicate(timeout=120)
            return child.returncode, out, err
        finally:
            child.kill()
