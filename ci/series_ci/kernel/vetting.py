"""Look for hazards in the mails of a series before they are applied, and in the commits that git makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from series_ci.errors import ApplyError
from series_ci.kernel import hazards, objects
from series_ci.kernel.hazards import Hazard, HazardKind, Permitted
from series_ci.kernel.objects import GITLINK, GONE
from series_ci.mail import difftext, message
from series_ci.mail.message import Patch
from series_ci.manifest.permit import Permit

_TOLD = 20


def mails(patches: Sequence[Patch], permits: Sequence[Permit]) -> list[Permitted]:
    """Return the hazards in the mails that are permitted. Raises ApplyError for a patch with any other."""
    permitted: list[Permitted] = []
    for patch in patches:
        changes = difftext.parse(message.body_of(message.parse(patch.raw)))
        permitted += _vet(patch, hazards.of_mail(changes, len(patch.raw)), permits)
    return permitted


def commits(store: Path, made: Sequence[str], patches: Sequence[Patch], permits: Sequence[Permit]) -> list[Permitted]:
    """Return the hazards in the commits of patches that are permitted; the first of `made` is the commit below them.

    Raises ApplyError for a patch with any other.
    """
    permitted: list[Permitted] = []
    for (old, new), patch in zip(pairwise(made), patches, strict=True):
        permitted += _vet(patch, _of_commit(store, old, new), permits)
    return permitted


def _of_commit(store: Path, old: str, new: str) -> Iterator[Hazard]:
    changes = objects.changed(store, old, new)
    regular = sorted({each.blob for each in changes if each.mode not in (GONE, GITLINK)})
    sizes = objects.sizes(store, regular) if regular else {}
    links: dict[str, str] = {}
    if difftext.LINK in {mode for each in changes for mode in (each.mode, each.old_mode)}:
        before, after = objects.links(store, old), objects.links(store, new)
        known = {path for path in before if hazards.leads_out(path, before) and before[path] == after.get(path)}
        links = {path: after[path] for path in after if path not in known and hazards.leads_out(path, after)}
    return hazards.of_commit(changes, objects.binary(store, old, new), sizes, links)


def _vet(patch: Patch, found: Iterator[Hazard], permits: Sequence[Permit]) -> list[Permitted]:
    allowed, refused = [], []
    name = f"{patch.subject.number}/{patch.subject.total}"
    for hazard in dict.fromkeys(found):
        if entry := hazards.permit(hazard, permits):
            allowed.append(
                Permitted(hazard.kind.value, hazard.path, f"{name} {patch.subject.title}", hazard.why, entry.reason)
            )
        else:
            refused.append(hazard)
    if refused:
        raise _refusal(patch, refused)
    return allowed


def _refusal(patch: Patch, refused: Sequence[Hazard]) -> ApplyError:
    title = f"[{patch.subject.number}/{patch.subject.total}] {patch.subject.title}"
    first = refused[0]
    path = f"path: {json.dumps(first.path)}, " if first.path else ""
    hint = f"if that is meant, the series' manifest permits it: permit: [{{kind: {first.kind}, {path}reason: WHY}}]"
    others = [each.words for each in refused[1:_TOLD]]
    others += [f"and {len(refused) - _TOLD} more"] if len(refused) > _TOLD else []
    return ApplyError(
        f"patch {title} is refused: {first.words}",
        hint="git applies no such patch either: ask its author for another" if first.kind is HazardKind.PATH else hint,
        details="\n".join(others),
    )
