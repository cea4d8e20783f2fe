"""Post to Patchwork: checks on the patches of a series, by the REST API from version 1.2 on.

Patchwork has checks of patches only, so the verdict on a series is a check on each of its patches. The build of a
single patch is another check, in a context of its own. Checks cannot be changed: the newest of a context counts, so one
is added if the newest is not the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from series_ci.errors import Error, UsageError
from series_ci.post.http import Client
from series_ci.post.posting import CheckState, Posted, Publication
from series_ci.post.server import Refusal, Server, check, need, refused
from series_ci.post.token import Token

TOKENS = ("PATCHWORK_TOKEN",)
HOW = "your profile page on that server makes one"

API = "/api/1.2"

URL_LENGTH = 200
"""Characters that the URL in a check may have."""

STATES = {
    CheckState.SUCCESS: "success",
    CheckState.WARNING: "warning",
    CheckState.FAILURE: "fail",
    CheckState.UNKNOWN: "warning",
}

_NO_SLUG = re.compile(r"[^-\w]", re.ASCII)


@dataclass(frozen=True)
class Check:
    """A check, and the Message-ID of its patch."""

    message_id: str
    context: str
    state: str
    description: str
    target_url: str = ""


class ContextError(UsageError):
    """Raised if the server does not accept the name of a context."""


def server(url: str, token: Token | None) -> Server:
    """Return the server of a Patchwork, such as https://patchwork.kernel.org."""
    return Server(check(url), token, explain, scheme="Token")


def explain(refusal: Refusal) -> Error:
    """Return the error of a refusal. Django answers with a text, or with lists of texts by field."""
    value = refusal.value if isinstance(refusal.value, dict) else {}
    message = str(value.get("detail", ""))
    if refusal.code == 401:
        return UsageError(f"{refusal}: {message or 'the token is wrong'}", hint=HOW)
    if refusal.code == 403:
        hint = "a maintainer's rights do not include it: an administrator gives your user 'Can add check'"
        return UsageError(f"{refusal}: {message}; the token's user lacks the right patchwork.add_check", hint=hint)
    if refusal.code == 404:
        return UsageError(
            f"{refusal}: no such page", hint="is --url the address of a Patchwork of version 2.2 or later?"
        )
    if refusal.code == 400:
        kind = ContextError if "context" in value else UsageError
        fields = (f"{name}: {' '.join(map(str, told))}" for name, told in value.items() if isinstance(told, list))
        return kind(str(refusal), details="\n".join(fields) or refusal.text)
    return refused(refusal)


def checks(posting: Publication, context: str, page: str) -> Iterator[Check]:
    """Yield the checks of a posting: the verdict on the series for each patch, and the patch's own build if known."""
    where = page if len(page) <= URL_LENGTH else ""
    for step in posting.steps:
        yield Check(step.message_id, context, STATES[posting.state], posting.title, where)
        if step.state is not None:
            yield Check(step.message_id, f"{context}-build", STATES[step.state], step.description, where)


def post(client: Client, wanted: Sequence[Check], project: str | None) -> Iterator[Posted]:
    """Add the checks that the server does not have. Looks up all patches before it adds any check."""
    ids = {name: _patch(client, name, project) for name in dict.fromkeys(each.message_id for each in wanted)}
    yield from (_add(client, ids[each.message_id], each) for each in wanted)


def _patch(client: Client, message_id: str, project: str | None) -> str:
    """Return the id of a patch on the server. Raises UsageError if there is none."""
    query = {"msgid": message_id, **({"project": project} if project else {})}
    if client.dry:
        client.get(f"{API}/patches/", query)
        return f"{{id of {message_id}}}"
    # A server with an older API ignores the filter.
    patches = [
        each
        for each in client.pages(f"{API}/patches/", query)
        if isinstance(each, dict) and str(each.get("msgid", "")).strip("<>") == message_id
    ]
    if not patches:
        hint = "does its list send mails to this Patchwork? --project names another one's"
        raise UsageError(f"{client.server.url}: knows no patch with the Message-ID {message_id}", hint=hint)
    if len(patches) > 1:
        names = ", ".join(sorted(str(need(each, "project", "link_name")) for each in patches))
        raise UsageError(f"{message_id}: is in several projects: {names}", hint="choose one with --project")
    return str(need(patches[0], "id"))


def _add(client: Client, patch: str, wanted: Check) -> Posted:
    """Add a check, unless the newest of its context is the same."""
    path = f"{API}/patches/{patch}/checks/"
    slug = _NO_SLUG.sub("-", wanted.context)

    def find() -> dict[str, Any] | None:
        listed = [each for each in client.pages(path, {}) if each.get("context") in (wanted.context, slug)]
        newest = max(listed, key=lambda each: int(each.get("id", 0)), default=None)
        return newest if newest and _same(newest, wanted) else None

    there = find()
    posted = there or _send(client, path, wanted, find)
    what = f"check {posted.get('context') or wanted.context} ({wanted.state}) of {wanted.message_id}"
    return Posted(what, str(posted.get("url") or client.server.url + path), new=there is None)


def _send(client: Client, path: str, wanted: Check, find: Callable[[], dict[str, Any] | None]) -> Mapping[str, Any]:
    """Send a check and return it; `find` looks whether it has arrived."""
    slug = _NO_SLUG.sub("-", wanted.context)
    body = {"state": wanted.state, "context": wanted.context, "description": wanted.description}
    body |= {"target_url": wanted.target_url} if wanted.target_url else {}
    try:
        reply = client.send("POST", path, body, arrived=find, assume={})
    except ContextError:
        # Patchwork's API allows only a slug as context; kernel.org's server takes names with a slash.
        if slug == wanted.context:
            raise
        reply = client.send("POST", path, {**body, "context": slug}, arrived=find)
    return reply.value if isinstance(reply.value, dict) else {}


def _same(there: dict[str, Any], wanted: Check) -> bool:
    pairs = (("state", wanted.state), ("description", wanted.description), ("target_url", wanted.target_url))
    return all((there.get(name) or "") == value for name, value in pairs)
