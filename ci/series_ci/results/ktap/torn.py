"""KTAP lines that are not whole: printk wrote into them, or the log ends within them."""

from __future__ import annotations

import re

from series_ci.results.ktap.line import LINE, is_cut, test_name
from series_ci.results.ktap.reader import Reader

_MARKS = re.compile(r"[#\s]*")


def mended(head: str, tail: str, reader: Reader) -> str:
    """Return the line made of both parts, or the second part if that is a line of its own.

    `head` is what preceded the kernel's text. If it is only a mark such as `# `, then either printk wrote after the
    mark, or a test printed a line of dmesg: `reader` knows which of both fits.
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
    """Return whether a saved log may end with this line, though it has no line end: it is the outermost level's result.

    It may not if the plan promises more, or if a directive is cut, since that shows that the log is cut.
    """
    form = LINE.match(line)
    return bool(
        form and form["verdict"] and form["number"] and not is_cut(form["rest"] or "") and reader.may_end(form["lead"])
    )
