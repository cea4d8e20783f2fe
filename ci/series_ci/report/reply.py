"""The results as an answer in the thread, as a kernel developer writes it: plain text, short, 72 columns. Pure."""

from __future__ import annotations

import email.header
import email.utils
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message

from series_ci import mail, plain
from series_ci.compare import LOST, ONLY_BOOTED, Change, Entry
from series_ci.errors import ExitStatus, UsageError
from series_ci.report import words
from series_ci.results import Status
from series_ci.runs import VersionRun
from series_ci.text import both_ends

WIDTH = 72

ROWS = 20
"""Tests that are named."""

EVIDENCE = 20
"""Lines of output; they are not wrapped, for what was printed is what was printed."""

QUOTED = 6
"""Lines of the patch's words that are quoted."""


def reply(run: VersionRun, mails: Sequence[bytes], tested_by: str = "") -> str:
    """The mail, without From, Date and Message-ID, which whoever sends it has; `mails` are those of the version.

    `tested_by` (NAME <ADDRESS>) asks for that trailer. Raises UsageError if it was not deserved, or there is no mail.
    """
    answered = _answered(run, mails)
    body = plain.replaced("\n".join([*_quoted(answered), "", *_body(run)]), "?")
    if tested_by:
        body += f"\n\nTested-by: {_deserved(run, tested_by)}"
    return _head(answered, body) + "\n" + body + "\n"


def _answered(run: VersionRun, mails: Sequence[bytes]) -> Message:
    """The mail with the version's Message-ID; where that is a cover letter, which holds no patch, the first patch."""
    found = [mail.parse(raw) for raw in mails]
    if not found:
        raise UsageError(f"{run.message_id}: the mails are not in the run directory", hint="they are its series.mbx")
    return next((each for each in found if mail.message_id(each) == run.message_id), found[0])


def _head(answered: Message, body: str) -> str:
    made = Message()
    senders = _people(answered, "Reply-To") or _people(answered, "From")
    known = {address.lower() for _name, address in senders}
    others = [each for each in _people(answered, "To", "Cc") if each[1].lower() not in known]
    made["To"] = _joined(senders)
    if others:
        made["Cc"] = _joined({address.lower(): (name, address) for name, address in others}.values())
    subject = mail.header(answered, "Subject")
    made["Subject"] = _encoded(subject if subject.lower().startswith("re:") else f"Re: {subject}")
    ours = f"<{mail.message_id(answered)}>"
    made["In-Reply-To"] = ours
    above = re.findall(r"<[^<>\s]+>", mail.header(answered, "References") or mail.header(answered, "In-Reply-To"))
    made["References"] = "\n ".join([*above, ours])
    made["MIME-Version"] = "1.0"
    made["Content-Type"] = f"text/plain; charset={'us-ascii' if body.isascii() else 'utf-8'}"
    made["Content-Transfer-Encoding"] = "7bit" if body.isascii() else "8bit"
    return str(made.as_string()).rstrip("\n") + "\n"


def _people(message: Message, *names: str) -> list[tuple[str, str]]:
    """(name, address) from headers, taken apart before they are decoded: a decoded name may have commas."""
    raw = [str(value) for key, value in message.raw_items() if key.lower() in {name.lower() for name in names}]
    return [(_decoded(name), address) for name, address in email.utils.getaddresses(raw) if "@" in address]


def _decoded(text: str) -> str:
    try:
        found = str(email.header.make_header(email.header.decode_header(text)))
    except (LookupError, ValueError):
        found = text
    return " ".join(found.encode("utf-8", "replace").decode().split())


def _joined(people: Iterable[tuple[str, str]]) -> str:
    return ",\n ".join(email.utils.formataddr(each) for each in people)


def _encoded(subject: str) -> str:
    return subject if subject.isascii() else email.header.Header(subject, "utf-8", header_name="Subject").encode()


def _quoted(answered: Message) -> Iterator[str]:
    """Who wrote when, and the first lines: enough to know what this is about."""
    name, address = (_people(answered, "From") or [("", "somebody")])[0]
    yield from textwrap.wrap(f"On {mail.header(answered, 'Date')}, {name or address} wrote:", WIDTH)
    text = mail.body(answered)
    message = re.split(r"^(?:---$|diff --git )", text, maxsplit=1, flags=re.MULTILINE)[0]
    said = [line.rstrip() for line in message.strip().splitlines()]
    said = [line for line in said if not re.match(r"(From: |[A-Z][\w-]+-by: )", line)]
    for line in said[:QUOTED]:
        yield f"> {line}".rstrip()
    if len(said) > QUOTED:
        yield "[...]"


def _body(run: VersionRun) -> Iterator[str]:
    where = f"Tested {run.version} on {run.origin.tree} ({run.origin.base[:12]})"
    how = f", with and without it, on {', '.join(run.machine)}" if run.machine else ""
    yield from textwrap.wrap(f"{where}{how}.", WIDTH, break_long_words=False, break_on_hyphens=False)
    yield ""
    yield from textwrap.wrap(f"Verdict: {words.headline(run)}.", WIDTH, break_on_hyphens=False)
    if compiled := words.compiled(run):
        yield from textwrap.wrap(f"In the kernel: {compiled}.", WIDTH, break_long_words=False, break_on_hyphens=False)
    if run.error:
        yield ""
        yield from textwrap.wrap(run.error.message, WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from _evidence(run.error.details.splitlines())
    yield from _table(run)
    yield from _first(run)
    yield from _complaints(run)
    yield from ("", "To repeat it:", "")
    yield from _command(run.repeat)


def _table(run: VersionRun) -> Iterator[str]:
    changed = words.leaves(words.changed(run))
    if not changed:
        return
    yield ""
    states = [(str(each.base or "-"), str(each.patched or "-"), str(each.change)) for each in changed]
    heads = ("base", run.version[:8], "change")
    widths = [max(len(row[at]) for row in (heads, *states)) for at in range(3)]
    room = WIDTH - 2 - sum(widths) - 6
    longest = max(len(each.name) for each in changed[:ROWS])
    yield _line("test", heads, widths, min(room, max(longest, 4)))
    for entry, row in zip(changed[:ROWS], states, strict=False):
        if len(entry.name) > room:
            yield f"  {entry.name}"
        yield _line("" if len(entry.name) > room else entry.name, row, widths, min(room, longest))
    if rest := changed[ROWS:]:
        counts = Counter(str(each.change) for each in rest)
        yield f"  and {', '.join(f'{number} more {change}' for change, number in counts.items())}"


def _line(name: str, row: Sequence[str], widths: Sequence[int], room: int) -> str:
    cells = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
    return f"  {name:<{room}}  {'  '.join(cells)}".rstrip()


def _first(run: VersionRun) -> Iterator[str]:
    first = words.first_failure(run)
    if first is None:
        return
    yield from ("", "The first failure:", "", f"  {first.name}: {words.states(first)}")
    yield from _evidence([*([first.reason] if first.reason else []), *first.log])


def _complaints(run: VersionRun) -> Iterator[str]:
    for splat in run.new_splats[:3]:
        where = f", while {splat.test} ran" if splat.test else ""
        said = f"New complaint of the kernel{where}:"
        yield ""
        yield from textwrap.wrap(said, WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from _evidence(splat.lines)


def _evidence(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
    for line in both_ends(lines, EVIDENCE):
        yield f"  {line[:200]}".rstrip()


def _command(repeat: str) -> Iterator[str]:
    """The command, over several lines if it is long, as a shell takes it."""
    line = " "
    for word in shlex.split(repeat):
        quoted = shlex.quote(word)
        if len(line) + len(quoted) + 3 > WIDTH and line.strip():
            yield f"{line} \\"
            line = "     "
        line = f"{line} {quoted}"
    yield line


def _deserved(run: VersionRun, tested_by: str) -> str:
    """The trailer's words. It vouches for the whole: whoever saw anything fail does not give it."""
    who = re.fullmatch(r"\s*([^<>@\n]*[^<>@\s])\s*<([^<>@\s]+@[^<>@\s]+)>\s*", tested_by)
    if not who:
        raise UsageError(f"--tested-by: {tested_by!r} is not NAME <ADDRESS>")
    if why := _undeserved(run):
        raise UsageError(f"--tested-by: {why}", hint="leave --tested-by out")
    return f"{who[1]} <{who[2]}>"


def _undeserved(run: VersionRun) -> str:
    """Why nobody should vouch for the series after this run; "" if somebody may."""
    bad = next((entry for entry in run.entries if _bad(entry)), None)
    if run.status is not ExitStatus.OK or bad:
        return f"not everything passed: {f'{bad.name}: {words.states(bad)}' if bad and not run.status else run.verdict}"
    if run.verdict == ONLY_BOOTED or run.coverage is None or not run.coverage.whole:
        return f"not all of it was tested: {words.headline(run)}"
    return "" if any(entry.patched is Status.PASS for entry in run.entries) else "not everything passed: nothing did"


def _bad(entry: Entry) -> bool:
    """What the base does not build either is nothing that was tested."""
    lost_alike = entry.change is Change.SAME and entry.patched is Status.NOTBUILT
    worse = entry.change in (Change.BROKEN, Change.FLAKY, Change.GONE, Change.SKIPPED)
    return worse or (not lost_alike and (entry.patched is Status.FAIL or entry.patched in LOST))
