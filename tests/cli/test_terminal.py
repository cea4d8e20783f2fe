"""Progress and errors on standard error, for terminals, logs and people who do not want colours."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import click
import pytest

from series_ci.cli import terminal
from series_ci.errors import BuildError
from series_ci.host.process import COMMANDS

STORY = """
from series_ci.cli import terminal
from series_ci.errors import BuildError
from series_ci.host.process import COMMANDS
out = terminal.Terminal(verbose=True)
with out.step("fetch") as step:
    step.update("asking")
    step.note("2 patches")
COMMANDS.info("make bzImage")
out.say("a line")
terminal.show_error(BuildError("does not build", hint="look there", details="a.c:1"))
terminal.console(stderr=False).print("[green]the result[/]")
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm-256color")
    yield
    terminal.show_commands(None)


def on_a_terminal(environment: dict[str, str]) -> str:
    """What the story looks like on a real terminal."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", STORY]
    with subprocess.Popen(argv, env={**os.environ, **environment}, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            said += piece
        os.close(ours)
    assert child.returncode == 0
    return said.decode()


def test_a_terminal_gets_colours_and_a_live_line() -> None:
    text = on_a_terminal({})
    assert "\x1b[1;31merror:" in text
    assert "\x1b[32mthe result" in text
    assert "\x1b[2K" in text or "\x1b[?25l" in text


def test_ci_gets_no_escape_codes_even_on_a_terminal() -> None:
    text = on_a_terminal({"CI": "true"})
    assert "\x1b" not in text
    for words in ("✓ fetch", "2 patches", "+ make bzImage", "a line", "error: does not build", "the result"):
        assert words in text


def test_no_color_gets_no_colours() -> None:
    import re

    text = on_a_terminal({"NO_COLOR": "1"})
    codes = [code for found in re.findall(r"\x1b\[([0-9;]*)m", text) for code in found.split(";") if code]
    assert not [code for code in codes if 30 <= int(code) <= 49 or 90 <= int(code) <= 107]
    assert "error:" in text


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}, {"NO_COLOR": "1"}, {"CI": "true", "FORCE_COLOR": "1"}])
def test_a_pipe_gets_no_escape_codes(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STORY], env={**os.environ, **environment}, capture_output=True, check=True, text=True
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout == "the result\n"
    assert "error: does not build" in done.stderr


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_a_step_is_one_line_with_its_time_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.Terminal().step("build base") as step:
        step.note("1234 objects")
        step.note("image 7 MB")
        step.update("not shown in a log at once")
    (line,) = lines(capsys)
    mark, *words, notes = line.split("  ")
    assert mark == "✓ build base"
    assert words[-1].strip().endswith(" s") or notes
    assert line.endswith(" s  1234 objects; image 7 MB")


@pytest.mark.parametrize("trouble", [BuildError("x"), KeyboardInterrupt()])
def test_a_step_that_fails_is_marked(capsys: pytest.CaptureFixture[str], trouble: BaseException) -> None:
    with pytest.raises(type(trouble)), terminal.Terminal().step("build"):
        raise trouble
    (line,) = lines(capsys)
    assert line.startswith("✗ build ")


def test_a_long_step_gives_a_sign_of_life_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: now))
    with terminal.Terminal().step("build") as step:
        for number in range(300):
            now += 1
            step.update(f"object {number}")
    said = lines(capsys)[:-1]
    assert len(said) == int(300 // (terminal.HEARTBEAT + 1))
    assert said[0].split() == ["build", "61", "s", "object", "60", "..."]


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = terminal.Terminal(quiet=True)
    with quiet.step("build") as step:
        step.update("x")
        step.note("y")
    quiet.say("z")
    assert lines(capsys) == []
    terminal.show_error(BuildError("does not build"))
    assert lines(capsys) == ["error: does not build"]


def test_verbose_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.Terminal(verbose=True)
    COMMANDS.info("make [all] O=/x")
    assert lines(capsys) == ["+ make [all] O=/x"]


def test_the_last_one_is_shown_the_commands_and_none_after_its_verb(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    @click.option("-v", "verbose", is_flag=True)
    def verb(*, verbose: bool) -> None:
        terminal.Terminal(verbose=True)
        terminal.Terminal(verbose=verbose)
        COMMANDS.info("make")

    verb.main(["-v"], standalone_mode=False)
    assert lines(capsys) == ["+ make"]
    COMMANDS.info("after the verb")
    verb.main([], standalone_mode=False)
    assert lines(capsys) == []
    assert COMMANDS.handlers == []


def test_an_error_has_its_evidence_and_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_error(BuildError("does not build: a.c:1", hint="the log: /x", details="a.c:1: error\n  int x"))
    assert lines(capsys) == ["error: does not build: a.c:1", "    a.c:1: error", "      int x", "hint: the log: /x"]


@pytest.mark.parametrize("nasty", ["[bold]x", "[/]", "a[0]", "[/usr/src]", ":bug: :x:", "end\\"])
def test_text_of_others_is_no_markup(capsys: pytest.CaptureFixture[str], nasty: str) -> None:
    progress = terminal.Terminal(verbose=True)
    with progress.step("s") as step:
        step.note(nasty)
    progress.say(nasty)
    COMMANDS.info(nasty)
    terminal.show_error(BuildError(nasty, hint=nasty, details=nasty))
    text = "\n".join(lines(capsys))
    assert text.count(nasty) == 6
    assert text.count("\\") == 6 * nasty.count("\\")


def test_a_long_line_is_not_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    words = "word " * 50
    terminal.show_error(BuildError(words, hint=words, details=words))
    assert len(lines(capsys)) == 3
