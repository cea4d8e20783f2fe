"""Write the results as a reply to the thread, as kernel developers do: plain text, short, 72 columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from series_ci.errors import ExitStatus, UsageError
from series_ci.host import plain
from series_ci.mail import addresses, message
from series_ci.progress import Tell, count
from series_ci.report import headers, mailtext, quotation
from series_ci.report.mailtext import WIDTH
from series_ci.results.compare import LOST, ONLY_BOOTED, Change, TestChange
from series_ci.results.model import Status
from series_ci.rundir import public, words
from series_ci.rundir.layout import SENT
from series_ci.rundir.run import VersionRun
from series_ci.rundir.runlock import Lock

ROWS = 20
"""Tests and notes that are shown."""


@dataclass(frozen=True)
class Sender:
    """The sender of a reply, and the machine that it is written on.

    `own` are the sender's addresses; `places` are folders of the machine, which the reply does not name; `programs` are
    the selftests that series-ci has, `project` is its URL.
    """

    own: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    project: str = ""


@dataclass(frozen=True)
class Answered:
    """What a reply is made of: a run, its lock if it has one, and the version's mails as sent, cover letter first."""

    run: VersionRun
    mails: Sequence[bytes]
    lock: Lock | None = None
    tester: Sender = field(default_factory=Sender)


def reply(answered: Answered, tested_by: str = "", tell: Tell = lambda _line: None) -> str:
    """Return the reply without From, Date and Message-ID, which git send-email adds.

    `tested_by` (NAME <ADDRESS>) asks for that trailer; `tell` is called with what the sender should know. Raises
    UsageError if not everything passed and the trailer is asked for, or if there are no mails.
    """
    run, mails = answered.run, answered.mails
    if not mails:
        raise UsageError(f"{run.message_id}: the mails are not in the run directory", hint=f"they are its {SENT}")
    text = "\n".join([*quotation.lines(headers.answered(mails)), "", *_body(answered)])
    body = plain.replaced(public.without_places(text, run, answered.tester.places), "?")
    own = set(answered.tester.own)
    if tested_by:
        trailer = _deserved(run, tested_by)
        body += f"\n\nTested-by: {trailer}"
        _warn_of_trailer(trailer, answered, tell)
        own |= {person.address for person in addresses.parse(trailer).people}
    whom = headers.whom(mails, own)
    for each in whom.broken:
        tell(f"left out of the recipients, as it is no address: {each}")
    return headers.head(mails, whom, ascii_only=body.isascii()) + "\n" + body + "\n"


def _warn_of_trailer(trailer: str, answered: Answered, tell: Tell) -> None:
    """Tell the sender if b4 will not take the trailer, or not for all patches.

    b4 takes a trailer only from the address that it names, and without a cover letter only for the patch answered.
    """
    keys = {person.key for person in addresses.parse(trailer).people}
    if answered.tester.own and not keys & {each.lower() for each in answered.tester.own}:
        tell(f"git sends mail from {answered.tester.own[-1]}: b4 passes over a Tested-by from another address")
    subject = message.patch(headers.answered(answered.mails)).subject
    if subject.number and subject.total > 1:
        tell(
            f"the version has no cover letter: b4 takes the Tested-by for patch {subject.number}/{subject.total} "
            "alone; for the others it has to be sent in answer to each"
        )


def _body(answered: Answered) -> Iterator[str]:
    run = answered.run
    where = f"Tested {_label(answered)} against its base, {public.tree(run.origin)}"
    how = f", on {', '.join(run.machine)}" if run.machine else ""
    yield from mailtext.wrapped(f"{where}{how}.")
    yield ""
    counts = ", ".join(words.tally(run))
    verdict = ", ".join([run.verdict, *words.left_out(run)])
    yield from mailtext.wrapped(f"Verdict: {verdict}" + (f"; {counts}." if counts else "."))
    if compiled := words.compiled(run):
        yield from mailtext.wrapped(f"In the kernel: {compiled}.")
    if run.error:
        yield ""
        yield from mailtext.wrapped(run.error.message)
        yield from mailtext.evidence(run.error.details.splitlines())
    yield from _permitted(run)
    yield from _steps(run)
    yield from _table(run, _label(answered))
    yield from _first(run)
    yield from _complaints(run)
    for note in words.retried(run):
        yield ""
        yield from mailtext.wrapped(f"{note}.")
    yield from _notes(run)
    yield from _own_tests(answered)
    yield from _repetition(answered)


def _permitted(run: VersionRun) -> Iterator[str]:
    for each in run.permitted:
        yield ""
        yield from mailtext.wrapped(f"Permitted here, {each.kind}: {each.words}")


def _label(answered: Answered) -> str:
    """Return the label of the version; that of its subject if it was tested without a manifest."""
    subject = message.patch(answered.mails[-1]).subject
    return f"v{subject.version}" if answered.run.version == "mail" else answered.run.version


def _steps(run: VersionRun) -> Iterator[str]:
    """Yield the patches after which it does not build, that add warnings, or that are not in their kernel."""
    for step in run.steps:
        warnings = count(len(step.new_warnings), "new warning") if step.new_warnings else ""
        if remarks := "; ".join(filter(None, (step.error, warnings, words.step(step)))):
            yield ""
            yield from mailtext.wrapped(f"After patch {step.patch}: {remarks}")
            yield from mailtext.evidence(step.new_warnings)


def _table(run: VersionRun, label: str) -> Iterator[str]:
    changed = words.leaves(words.changed(run))
    if not changed:
        return
    yield ""
    states = [(str(each.base or "-"), str(each.patched or "-"), str(each.change)) for each in changed]
    heads = ("base", label[:8], "change")
    widths = [max(len(row[at]) for row in (heads, *states)) for at in range(3)]
    room = WIDTH - 2 - sum(widths) - 6
    longest = max(len(each.name) for each in changed[:ROWS])
    yield _line("test", heads, widths, min(room, max(longest, 4)))
    for entry, row in zip(changed[:ROWS], states, strict=False):
        if len(entry.name) > room:
            yield f"  {entry.name}"
        yield _line("" if len(entry.name) > room else entry.name, row, widths, min(room, longest))
    if left := words.remaining(words.changed(run), changed[:ROWS]):
        yield from mailtext.wrapped(f"  and {', '.join(left)}", "  ")


def _line(name: str, row: Sequence[str], widths: Sequence[int], room: int) -> str:
    cells = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
    return f"  {name:<{room}}  {'  '.join(cells)}".rstrip()


def _first(run: VersionRun) -> Iterator[str]:
    first = words.first_failure(run)
    if first is None:
        return
    yield from ("", "The first failure:", "", f"  {first.name}: {words.states(first)}")
    yield from mailtext.evidence([*([first.reason] if first.reason else []), *first.log])


def _complaints(run: VersionRun) -> Iterator[str]:
    for splat in run.new_splats[:3]:
        where = f", while {splat.test} ran" if splat.test else ""
        yield ""
        yield from mailtext.wrapped(f"New complaint of the kernel{where}:")
        yield from mailtext.evidence(splat.lines)
    for splat, why in run.allowed_splats:
        yield ""
        yield from mailtext.wrapped(f"Allowed complaint of the kernel: {splat.title}: {why.words}")


def _notes(run: VersionRun) -> Iterator[str]:
    if notes := words.notes(run):
        yield ""
        for name, note in notes[:ROWS]:
            yield from mailtext.wrapped(f"Note: {name}, {note}", "  ")


def _own_tests(answered: Answered) -> Iterator[str]:
    """Yield a remark on each selftest of the run that is series-ci's own."""
    ran = {entry.name.partition(":")[0] for entry in answered.run.entries}
    ran |= {each.program for each in answered.lock.tests} if answered.lock else set()
    at = f" ({answered.tester.project})" if answered.tester.project else ""
    for name in answered.tester.programs:
        if name in ran:
            yield ""
            yield f"{name} is series-ci's own selftest{at};"
            yield "as a patch for your tree: series-ci kselftest export"


def _repetition(answered: Answered) -> Iterator[str]:
    again = public.repetition(answered.run, answered.lock)
    yield from ("", "To repeat it:", "")
    yield from mailtext.command(again.words)
    for remark in again.remarks:
        yield ""
        yield from mailtext.wrapped(remark)


def _deserved(run: VersionRun, tested_by: str) -> str:
    """Return the value of the trailer. Raises UsageError if it has another form, or anything failed."""
    who = re.fullmatch(r"\s*([^<>@\n]*[^<>@\s])\s*<([^<>@\s]+@[^<>@\s]+)>\s*", tested_by)
    if not who:
        raise UsageError(f"--tested-by: {tested_by!r} is not NAME <ADDRESS>")
    if why := _undeserved(run):
        raise UsageError(f"--tested-by: {why}", hint="leave --tested-by out")
    return f"{who[1]} <{who[2]}>"


def _undeserved(run: VersionRun) -> str:
    """Return why the run does not deserve a Tested-by; "" if it does."""
    bad = next((entry for entry in run.entries if _bad(entry)), None)
    if run.status is not ExitStatus.OK or bad:
        return f"not everything passed: {f'{bad.name}: {words.states(bad)}' if bad and not run.status else run.verdict}"
    if run.verdict == ONLY_BOOTED or run.coverage is None or not run.coverage.whole:
        return f"not all of it was tested: {words.headline(run)}"
    return "" if any(entry.patched is Status.PASS for entry in run.entries) else "not everything passed: nothing did"


def _bad(entry: TestChange) -> bool:
    """Return whether a test failed or got worse. One that the base does not build either was not tested."""
    lost_alike = entry.change is Change.SAME and entry.patched is Status.NOTBUILT
    worse = entry.change in (Change.BROKEN, Change.FLAKY, Change.GONE, Change.SKIPPED)
    return worse or (not lost_alike and (entry.patched is Status.FAIL or entry.patched in LOST))
