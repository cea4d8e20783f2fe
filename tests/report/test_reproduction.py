"""`reproduction.md`: a text for the thread that a mail can hold."""

from __future__ import annotations

import pytest

from fakes.here import SERIES
from fakes.locks import of_test
from series_ci.manifest import model
from series_ci.report import reproduction
from series_ci.rundir import runlock
from series_ci.rundir.reproduction import FigureVerdict, Mismatch, Repeated, judge

HARDEST = "mm/exit_skip:process.mreleased.device_copied"

BARRY = model.load(SERIES / "exit-skip.yaml").reported[0]


def narrow(text):
    """The lines are of a mail's width; a word alone may be longer."""
    return all(len(line) <= reproduction.WIDTH or len(line.split()) <= 2 for line in text.splitlines())


def test_the_figures_of_the_real_series_are_a_table_that_a_mail_can_hold():
    rows = [judge(BARRY.figures[0], [10, 1234, 9000], ""), judge(BARRY.figures[1], [1.5e3, 5.1e7, 8.93e7], "")]
    text = reproduction.text(BARRY, rows, of_test())
    assert narrow(text), text
    heads, skips, size = text.split("\n\n")[1].splitlines()
    assert heads.split() == ["figure", "reported", "median", "range", "verdict"]
    assert [line.index(word) for line, word in ((skips, "reproduced"), (size, "same order"))] == [
        heads.index("verdict")
    ] * 2


def test_figures_that_are_too_wide_for_a_table_are_a_list():
    long = BARRY.figures[0].model_copy(update={"quote": "6114 times, and more than that on the other machine of mine"})
    text = reproduction.text(BARRY, [judge(long, [1, 2], "")], of_test())
    assert narrow(text), text
    assert "* skips: reported 6114 times, and more" in text
    assert f"verdict {FigureVerdict.NOT}" in " ".join(text.split())


@pytest.mark.parametrize("name", ["mm/good:b", HARDEST, HARDEST * 2])
def test_results_that_differ_fit_a_mail(name):
    found = Repeated((), tuple(Mismatch(f"{name}{n}", "PASS -> FAIL", "PASS -> PASS") for n in range(50)), 3)
    text = reproduction.repeated_text(of_test(), found)
    assert narrow(text), text
    words = " ".join(text.split())
    assert words.count("PASS -> FAIL") == reproduction.MOST
    assert "and 10 more" in words
    assert "50 results of 53 differ" in words


def test_a_tree_of_this_machine_is_named_by_its_content():
    made = of_test(tree=runlock.Tree(spec="/home/tess/linux", base_patches=(), base="0" * 40, patched="1" * 40))
    text = reproduction.repeated_text(made, Repeated((), (), 3))
    assert "/home/tess" not in text
    assert "the tree below" in text


def test_long_names_of_tools_and_trees_fit_a_mail():
    own = tuple(runlock.BasePatch(name=f"000{n}-mm-vmscan-as-it-was.patch", text="") for n in range(3))
    tools = of_test().tools.model_copy(
        update={"compiler": "x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) 12.2.0 " * 3}
    )
    tree = runlock.Tree(spec="debian:linux-source-6.12", base_patches=own, base="0" * 40, patched="1" * 40)
    tools = tools.model_copy(update={"qemu_argv": "qemu " + "-device virtio-blk-pci,drive=swap " * 9})
    found = Repeated((Mismatch("compiler", tools.compiler, "gcc " * 30),), (), 3)
    text = reproduction.repeated_text(of_test(tools=tools, tree=tree), found)
    assert narrow(text), text
