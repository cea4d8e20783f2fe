from __future__ import annotations

import pytest

from series_ci.kernel import kconfig
from series_ci.kernel.kconfig import Asked


def test_parse_reads_settings_and_unset_options_and_nothing_else() -> None:
    text = (
        '# a comment\nCONFIG_A=y\n  CONFIG_B="two words"  \n'
        "# CONFIG_C is not set\nCONFIG_D=0x10\nOTHER=y\n#CONFIG_E=y\n"
    )
    assert kconfig.parse(text) == {"A": "y", "B": '"two words"', "C": "n", "D": "0x10"}


def test_last_line_of_a_name_counts() -> None:
    assert kconfig.parse("CONFIG_A=y\n# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_B=y\n") == {"A": "n", "B": "y"}


def test_later_fragments_have_the_last_word_and_are_named() -> None:
    merged = kconfig.merge(
        [("guest", "CONFIG_B=y\nCONFIG_A=y\n"), ("tests", "CONFIG_C=m\n"), ("manifest", "CONFIG_A=m\n")]
    )
    assert merged == [Asked("A", "m", "manifest"), Asked("B", "y", "guest"), Asked("C", "m", "tests")]


def test_later_fragment_can_switch_off() -> None:
    merged = kconfig.merge([("guest", "CONFIG_A=y\n"), ("manifest", "# CONFIG_A is not set\n")])
    assert kconfig.render(merged) == "# CONFIG_A is not set\n"


def test_rendered_options_parse_back() -> None:
    options = [Asked("A", "y", ""), Asked("B", "n", ""), Asked("C", '"x"', ""), Asked("D", "16", "")]
    assert kconfig.parse(kconfig.render(options)) == {each.name: each.value for each in options}


@pytest.mark.parametrize(
    ("asked", "got"), [("y", "y"), ("m", "m"), ("m", "y"), ("n", "n"), ("n", None), ("16", "16"), ('"x"', '"x"')]
)
def test_kept(asked: str, got: str | None) -> None:
    assert kconfig.lost([Asked("A", asked, "f")], {} if got is None else {"A": got}) == []


@pytest.mark.parametrize(
    ("asked", "got", "said"),
    [
        ("y", "m", "became m"),
        ("y", "n", "became n"),
        ("y", None, "became n (a dependency is missing)"),
        ("m", None, "became n (a dependency is missing)"),
        ("n", "y", "became y"),
        ("16", "8", "became 8"),
    ],
)
def test_lost(asked: str, got: str | None, said: str) -> None:
    (lost,) = kconfig.lost([Asked("A", asked, "mm/config")], {} if got is None else {"A": got})
    assert str(lost) == f"CONFIG_A={asked} (asked for by mm/config) {said}"


def test_every_lost_option_is_listed() -> None:
    lost = kconfig.lost([Asked("A", "y", "f"), Asked("B", "y", "f"), Asked("C", "y", "f")], {"B": "y"})
    assert [each.asked.name for each in lost] == ["A", "C"]
