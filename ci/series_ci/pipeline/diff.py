"""Do the work of `series-ci diff`: fetch two versions, apply each to its base, compare patches and earlier results."""

from __future__ import annotations

from collections.abc import Sequence

from series_ci.errors import ApplyError
from series_ci.host import paths
from series_ci.kernel import apply
from series_ci.kernel.base import Base
from series_ci.kernel.store import Store
from series_ci.mail import fetch
from series_ci.mail.archive import Archive, open_archive
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.pipeline import stages
from series_ci.progress import Progress, count
from series_ci.rundir import earlier
from series_ci.versions import rangediff
from series_ci.versions.as_mailed import Mailed, as_sent, compare
from series_ci.versions.difference import Difference, Side

CREATION_FACTOR = 80
"""The --creation-factor of git range-diff, in percent.

git's default of 60 takes a patch that was mostly rewritten for a new one; two versions of a series are related.
"""


ANY_PATCH = 999
"""The --creation-factor for versions of one patch each: the two patches correspond, however much was rewritten."""


def compare_versions(old: Request, new: Request, progress: Progress, *, mails_only: bool) -> Difference:
    """Compare two versions and return the difference, with the results of each version's newest run.

    git range-diff compares the commits. With `mails_only`, or if one version does not apply, the mails are compared;
    with `mails_only` no tree is needed. Raises Error if mails or trees cannot be had, or if git fails.
    """
    archive = open_archive(old.archive)
    sides = [_fetch(each, archive, progress) for each in (old, new)]
    if not mails_only:
        sides = _apply(sides, progress)
    applied = [(each.base, each.commit) for each in sides if each.base and each.commit]
    if len(applied) == 2:
        single = all(len(each.fetched.patches) == 1 for each in sides)
        text = apply.range_diff(applied[0], applied[1], ANY_PATCH if single else CREATION_FACTOR)
        pairs = rangediff.parse(text, *([patch.subject.title for patch in each.fetched.patches] for each in sides))
    else:
        pairs = compare(*(_mailed(each.fetched) for each in sides))
    first, second = sides
    return Difference(_with_results(first), _with_results(second), pairs, len(applied) < 2)


def _fetch(request: Request, archive: Archive, progress: Progress) -> Side:
    with progress.step(f"fetch {request.label}") as step:
        fetched = fetch.fetch_version(request.message_ids, archive, tell=progress.say)
        step.note("cached" if fetched.cached else request.archive)
        step.note(f"{count(len(fetched.patches), 'patch')}: {fetched.title}")
    return Side(request, fetched)


def _apply(sides: Sequence[Side], progress: Progress) -> list[Side]:
    """Return each version applied to its base. One that does not apply gets the refusal instead of a commit."""
    bases: dict[object, Base] = {}
    applied = []
    for side in sides:
        trees = side.request.trees
        if trees not in bases:
            bases[trees] = stages.find_base(side.request, progress)[0]
        applied.append(_apply_one(side, bases[trees], progress))
    return applied


def _apply_one(side: Side, base: Base, progress: Progress) -> Side:
    with progress.step(f"apply {side.request.label}") as step:
        commit = apply.kept_series(base, side.fetched.digest)
        step.note("cached" if commit else "git am")
        if commit is None:
            try:
                with Store(base.store).in_use(progress.say):
                    commit, _cached = apply.with_series(
                        base, side.fetched.patches, side.fetched.digest, side.request.permit
                    )
            except ApplyError as error:
                step.note("does not apply")
                return Side(side.request, side.fetched, base, refusal=error.message)
    return Side(side.request, side.fetched, base, commit)


def _with_results(side: Side) -> Side:
    base = side.base.commit if side.base else None
    newest_run = earlier.newest(paths.runs(), side.request.series, side.request.message_id, base)
    return Side(side.request, side.fetched, side.base, side.commit, side.refusal, newest_run)


def _mailed(fetched: Fetched) -> list[Mailed]:
    return [as_sent(patch, name) for patch, name in zip(fetched.patches, fetched.patch_ids, strict=True)]
