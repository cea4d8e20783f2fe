"""Lines of KTAP that are not whole: printk wrote into them, or the log ends within them."""

from __future__ import annotations

import re

from series_ci.results.ktap.line import LINE, is_cut, test_name
from series_ci.results.ktap.reader import Reader

_MARKS = re.compile(r"[#\s]*")


def mended(head: str, tail: str, reader: Reader) -> str:
    """A line from its two parts, or the second one, if it is a line of its own.

    `head` is what stood before the words of the kernel. If that is a mark such as `# ` and no more, then either printk
    wrote behind it, or a test has shown a line of dmesg: `reader` knows which of both lines fits.
    """
    if not tail:
        return head  # only its end was torn off
    whole = LINE.match(head + tail)
    own = LINE.match(tail)
    if own and _MARKS.fullmatch(head):
        return head + tail if whole and _fits(whole, own, reader) else tail
    alone = tail.startswith("#") or own is not None
    return head + tail if whole and not (alone and LINE.match(head)) else tail


def _fits(whole: re.Match[str], own: re.Match[str], reader: Reader) -> bool:
    if own["verdict"]:
        rest = (own["rest"] or "").partition(" # ")[0]
        if rest.lstrip().startswith("selftests: ") or reader.awaits(test_name(rest)):
            return False
    return reader.is_open(whole["lead"])


def may_end(line: str, reader: Reader) -> bool:
    """Whether a saved log may well end with this line, though it has no line end: it is the outermost level's result.

    It may not if the plan promises more, or if a directive is cut, for then the log is.
    """
    form = LINE.match(line)
    return bool(
        form and form["verdict"] and form["number"] and not is_cut(form["rest"] or "") and reader.may_end(form["lead"])
    )
