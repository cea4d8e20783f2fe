"""An option is declared once: what click reads, what a verb is given, and what is typed to have the same again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields

import click
import pytest
from click.testing import CliRunner

from series_ci.cli import declare, options
from series_ci.cli.declare import option
from series_ci.cli.options import Options


@dataclass(frozen=True)
class Few:
    name: str | None = option("-n", "--name", group="who", help="whose")
    size: int = option("--size", group="what", type=click.IntRange(1), default=3, show_default=True)
    each: tuple[str, ...] = option("--each", group="what", multiple=True, again=str.upper)
    loud: bool = option("--loud", is_flag=True)
    out: str | None = option("--out", again=None)


def taken(words: str, *groups: str) -> Few:
    """What a command that takes these groups is given."""
    found = []

    @click.command()
    @click.option("--own")
    @declare.taken(Few, "few", *groups)
    def command(*, own: str | None, few: Few) -> None:
        assert own == "mine"
        found.append(few)

    done = CliRunner().invoke(command, ["--own", "mine", *shlex.split(words)])
    assert done.exit_code == 0, done.output
    return found[0]


def test_a_verb_is_given_one_typed_value() -> None:
    assert taken("") == Few()
    assert taken("-n a --size 7 --each x --each y --loud --out z") == Few("a", 7, ("x", "y"), loud=True, out="z")


def test_what_is_not_taken_has_its_default_and_is_no_option() -> None:
    assert taken("--size 7", "what") == Few(size=7)
    with pytest.raises(AssertionError, match="No such option"):
        taken("-n a", "what")


def test_a_group_that_there_is_not_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="whom"):
        declare.taken(Few, "few", "whom")


def test_help_has_the_order_of_the_groups() -> None:
    @click.command()
    @declare.taken(Few, "few", "what", "who")
    def command(few: Few) -> None:
        raise AssertionError(few)

    assert [each.opts[0] for each in command.params] == ["--size", "--each", "-n"]


@pytest.mark.parametrize(
    ("few", "said"),
    [
        (Few(), ""),
        (Few(size=3, name=""), ""),
        (Few("a", 7, ("x", "y"), loud=True, out="z"), "--name a --size 7 --each X --each Y --loud"),
    ],
)
def test_only_what_is_not_the_default_is_asked_for_again(few: Few, said: str) -> None:
    assert declare.words(few) == said.split()


def test_what_was_chosen_is_known_by_field_and_by_option() -> None:
    assert declare.chosen(Few("a", loud=True)) == {"name": "--name", "loud": "--loud"}


def test_what_is_asked_for_again_is_the_same() -> None:
    """Every option of a request survives its own line, but for those that the line names itself."""
    asked = Options(None, "https://a/b", "debian:x", (), (), ("mm/a",), "v9", "arm64", "llvm", "tcg", "1G", 3, "0")
    found = []

    @click.command()
    @options.asked(*{each.metadata["declared"].group: None for each in fields(Options)})
    def command(asked: Options) -> None:
        found.append(asked)

    assert CliRunner().invoke(command, declare.words(asked)).exit_code == 0
    assert found == [asked]
