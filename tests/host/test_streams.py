"""Whatever is printed, by whatever means, gets plain to where it goes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from rich.text import Text

from fakes import fakelinux, mails
from series_ci import cli
from series_ci.cli import terminal
from series_ci.errors import UsageError
from series_ci.host import streams
from series_ci.host.process import COMMANDS
from series_ci.report import plain_table

EVIL = "a\x1b]0;title\x07\x9b31m\u202eb\x00"
SHOWN = "a\\u001b]0;title\\u0007\\u009b31m\\u202eb\\u0000"


@click.command()
@click.argument("what")
def say(what: str) -> int:
    """Print by all means that there are."""
    print(what)
    print(what, file=sys.stderr)
    click.echo(what)
    click.echo(what, err=True)
    click.echo(f"{what}\n".encode(), nl=False)
    sys.stdout.write(f"{what}\n")
    out = terminal.console(stderr=False)
    out.print(Text(what, "bold"))
    out.print(what, markup=False)
    rows = plain_table.Table(box=None)
    rows.add_column("name", no_wrap=True)
    rows.add_row(Text(what))
    out.print(rows)
    progress = terminal.Terminal(verbose=True)
    with progress.step(what) as step:
        step.note(what)
    progress.say(what)
    COMMANDS.info("%s", what)
    raise UsageError(what, hint=what, details=what)


def test_every_way_to_print_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(say, [EVIL]) == 2
    out, err = capsys.readouterr()
    assert out.count("\\u202eb") == out.count("a\\u001b") == 7
    assert err.count("\\u202eb") == 9
    assert not set(out + err) & set("\x1b\x07\x9b\u202e\x00")
    assert out.startswith(f"{SHOWN}\n")


def test_colours_of_our_own_stay(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    cli.run(say, ["\x1b[5mred\x1b[0m"])
    out, err = capsys.readouterr()
    assert "\x1b[1m\\u001b[5mred\\u001b[0m\x1b[0m" in out
    assert "\x1b[1;31merror:\x1b[0m" in err
    assert "\x1b[5m" not in out + err


def test_on_github_no_line_is_a_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ("", "true"):
        monkeypatch.setenv("GITHUB_ACTIONS", environment)
        monkeypatch.setenv("CI", "true")
        cli.run(say, ["x\n::error::y\r  ::z\n##[group]"])
        said = "\n".join(capsys.readouterr())
        assert ("\n::error" in said, "##[" in said) == (not environment, not environment)


def test_a_file_is_no_runner(tmp_path: Path) -> None:
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "PYTHONPATH": os.pathsep.join(sys.path)}
    code = "from series_ci.host import streams\nwith streams.opened(): print('##[x]\\x1b')"
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, env=environment, check=True)
    assert (tmp_path / "out").read_text() == "##[x]\\u001b\n"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, check=True)
    assert done.stdout == b"##\\u005bx]\\u001b\n"


def test_the_streams_are_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with streams.opened():
        assert isinstance(sys.stdout, streams.Plain)
        inner = sys.stdout
        with streams.opened():
            assert sys.stdout is inner
        with pytest.raises(TypeError):
            sys.stdout.write(b"")  # type: ignore[arg-type]
    assert (sys.stdout, sys.stderr) == before


def test_a_cell_is_as_wide_as_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    rows = plain_table.Table(box=None, pad_edge=False)
    rows.add_column("name", no_wrap=True)
    rows.add_column("status")
    rows.add_row(Text("mm/a\u202eb\x9bc"), "\x1bPASS")
    terminal.console(stderr=False).print(rows)
    assert capsys.readouterr().out.splitlines()[1].split() == ["mm/a\\u202eb\\u009bc", "\\u001bPASS"]


MANIFEST = """\
name: mini
title: "mm: folios"
archive: mail
versions:
  v1: {message-id: 20260203.v1-0@example.org}
  v2: {message-id: 20260203.v2-0@example.org, note: "\\u202eb"}
trees:
  - spec: linux
"""


def patch(version: int, comment: str) -> list[bytes]:
    """A version whose mail has everything that a terminal obeys, in its subject, its author's name and its code."""
    message = "mm: a change\n\n::error::a command\n##[group]another\n\nSigned-off-by: Robin <robin.vale@example.org>"
    change = mails.Change(message, (("mm/rmap.c", "\tif (folio->", f"\t/* {comment} */\n\tif (folio->"),))
    cover, *patches = mails.series((change,), version=version)
    title = b"=?utf-8?q?mm:_a_=1b]0=3bt=07=c2=9b_=e2=80=aechange?="
    return [re.sub(rb"(?<=\nSubject: \[PATCH)(.*?\]).*", rb"\1 " + title, raw, count=1) for raw in (cover, *patches)]


@pytest.mark.parametrize(
    "words",
    [
        ["versions", "-l", "--series", "mini.yaml"],
        ["versions", "--json", "--series", "mini.yaml"],
        ["diff", "v1", "v2", "--series", "mini.yaml"],
        ["diff", "v1", "v2", "--series", "mini.yaml", "--stat"],
        ["init", "20260203.v2-0@example.org", "--archive", "mail", "-v"],
        ["parse", "log"],
        ["parse", "log", "--format", "json"],
        ["test", "v1", "--series", "\x1b]0;t\x07\u202e::x"],
        ["verify", "\x1b]0;t\x07\u202e::x"],
    ],
    ids=" ".join,
)
def test_every_verb_is_plain(
    words: list[str],
    tmp_path: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(tmp_path)
    fakelinux.repository(tmp_path / "linux")
    (tmp_path / "mini.yaml").write_text(MANIFEST, "utf-8")
    mails.folder(tmp_path / "mail", [*patch(1, "\x1b]0;t\x07\x9b"), *patch(2, "\x1b[31m\n##[x]\n::y")])
    (tmp_path / "log").write_text(
        "# selftests: a: b\n# ok 1 \u202e\x9bx ##[group]\n::error::\nok 1 selftests: a: b\n", "utf-8"
    )
    cli.main(words)
    out, err = capsys.readouterr()
    assert re.search(r"\\u(202e|001b|009b)", out + err)
    assert not [character for character in out + err if not character.isprintable() and character not in "\n\t"]
    assert not [line for line in (out + err).split("\n") if line.lstrip().startswith("::") or "##[" in line]
