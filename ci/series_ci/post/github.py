"""Post to GitHub: a check run with annotations, a commit status, and one comment on the pull request.

Results that are posted again update what they made before: a check run is found by its external id, a status by its
context, a comment by a marker that is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from series_ci.errors import Error, UsageError
from series_ci.host import files
from series_ci.post.annotations import Annotation
from series_ci.post.github_target import Target
from series_ci.post.http import Client
from series_ci.post.posting import CheckState, Posted, Publication
from series_ci.post.server import Refusal, Server, check, need, refused
from series_ci.post.token import Token

TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
HOW = "in a workflow: env: GITHUB_TOKEN: ${{ github.token }}"

BATCH = 50
"""Annotations that one request may have."""

STATUS_TEXT = 140
"""Characters that the description of a commit status may have."""

CONCLUSIONS = {
    CheckState.SUCCESS: "success",
    CheckState.WARNING: "neutral",
    CheckState.FAILURE: "failure",
    CheckState.UNKNOWN: "neutral",
}
# A status has no `neutral`; its description says what is known.
STATUSES = {
    CheckState.SUCCESS: "success",
    CheckState.WARNING: "success",
    CheckState.FAILURE: "failure",
    CheckState.UNKNOWN: "error",
}

_APP = "a person's token makes no check runs, that of a workflow does; --part status --part comment go without"
_GRANT = "in a workflow: permissions of the job; a pull request from a fork gets none, so post from a workflow_run job"

_RIGHTS = (("/check-runs", "checks: write"), ("/statuses", "statuses: write"), ("/issues/", "pull-requests: write"))
_NO_NAME = re.compile(r"[^\w.]")
_INSIDERS = {"OWNER", "MEMBER", "COLLABORATOR"}


def server(url: str, token: Token | None) -> Server:
    """Return the server of GitHub's API, or of a GitHub Enterprise Server."""
    return Server(check(url), token, explain, headers={"X-GitHub-Api-Version": "2022-11-28"})


def explain(refusal: Refusal) -> Error:
    """Return the error of a refusal: which permission is missing, what was not found, which field is wrong."""
    message = refusal.value.get("message", "") if isinstance(refusal.value, dict) else refusal.text
    if refusal.code == 401:
        return UsageError(f"{refusal}: the token is wrong or has expired", hint=HOW)
    if refusal.code == 403:
        right = str(refusal.headers.get("X-Accepted-GitHub-Permissions", "")).replace("=", ": ") or _right(refusal.url)
        hint = _APP if "GitHub App" in str(message) else _GRANT
        return UsageError(f"{refusal}: {message}; the token lacks {right}", hint=hint)
    if refusal.code == 404:
        why = (
            f"no such repository, commit or pull request, or the token cannot see it ({_right(refusal.url)} is needed)"
        )
        return UsageError(f"{refusal}: {why}", hint="are --repo, --sha and --pr right?")
    if refusal.code == 422:
        return UsageError(f"{refusal}: {message}", details="\n".join(_fields(refusal.value)))
    return refused(refusal)


def _right(url: str) -> str:
    return next((right for part, right in _RIGHTS if part in url), "contents: read")


def _fields(value: object) -> list[str]:
    """Return GitHub's list of what is wrong, a line for each field."""
    errors = value.get("errors") if isinstance(value, dict) else None
    lines = []
    for each in errors if isinstance(errors, list) else []:
        if isinstance(each, dict):
            parts = (each.get(key) for key in ("resource", "field", "code", "message"))
            lines.append(" ".join(str(part) for part in parts if part))
        else:
            lines.append(str(each))
    return lines


def post_check(client: Client, target: Target, posting: Publication) -> Posted:
    """Create the check run, or complete the one that an earlier posting of these results created."""
    name = f"{posting.context} {posting.version}"
    what = f"check run {name} ({CONCLUSIONS[posting.state]})"
    return Posted(what, _link(_check(client, target, posting, name)) or target.name)


def _check(client: Client, target: Target, posting: Publication, name: str) -> Mapping[str, Any]:
    """Return the check run of this name, created if there is none, with all annotations."""
    repo = f"/repos/{target.repo}"
    output = {"title": posting.title[:255], "summary": posting.summary}
    done = {"status": "completed", "conclusion": CONCLUSIONS[posting.state]}
    notes = [_annotation(each) for each in posting.annotations]

    def find() -> dict[str, Any] | None:
        query = {"check_name": name, "filter": "all", "per_page": "100"}
        runs = client.pages(f"{repo}/commits/{target.sha}/check-runs", query, key="check_runs")
        return next((check_run for check_run in runs if check_run.get("external_id") == posting.identity), None)

    check_run = find()
    if check_run is None:
        body = {
            "name": name,
            "head_sha": target.sha,
            "external_id": posting.identity,
            **_page(target),
            **done,
            "output": {**output, "annotations": notes[:BATCH]},
        }
        assumed = {"id": "{id}", "html_url": "", "output": {"annotations_count": min(BATCH, len(notes))}}
        answer: dict[str, Any] = client.send("POST", f"{repo}/check-runs", body, arrived=find, assume=assumed).value
        if _count(answer) >= len(notes):
            return answer
        check_run = answer
    return _complete(client, f"{repo}/check-runs/{need(check_run, 'id')}", check_run, {**done, "output": output}, notes)


def _complete(
    client: Client, path: str, run: Mapping[str, Any], body: Mapping[str, Any], notes: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Update a check run. GitHub adds annotations to those that it has, so only the missing ones are sent."""
    there = _count(run)
    while True:
        batch = notes[there : there + BATCH]
        wanted = there + len(batch)
        update = {**body, "output": {**body["output"], "annotations": batch}} if batch else body

        def look(wanted: int = wanted) -> dict[str, Any] | None:
            now = client.get(path).value
            return now if _count(now) >= wanted and now.get("status") == "completed" else None

        assume = {**run, "output": {"annotations_count": wanted}}
        run = client.send("PATCH", path, update, arrived=look if batch else lambda: None, assume=assume).value
        there = wanted
        if there >= len(notes):
            return run


def _count(run: object) -> int:
    return int(need(run, "output", "annotations_count"))


def _annotation(each: Annotation) -> dict[str, Any]:
    annotation = {
        "path": each.path,
        "start_line": each.line,
        "end_line": each.line,
        "annotation_level": each.level,
        "title": each.title[:255],
        "message": each.message[:16_000],
    }
    return {**annotation, "raw_details": each.details} if each.details else annotation


def _link(answer: Mapping[str, Any]) -> str:
    return str(answer.get("html_url") or "")


def _page(target: Target) -> dict[str, str]:
    return {"details_url": target.page} if target.page else {}


def post_status(client: Client, target: Target, posting: Publication) -> Posted:
    """Set the commit's status, unless it is set already. The API only adds, at most 1000 per context."""
    repo = f"/repos/{target.repo}"
    body = {
        "state": STATUSES[posting.state],
        "context": posting.context,
        "description": posting.title if len(posting.title) <= STATUS_TEXT else posting.title[: STATUS_TEXT - 1] + "…",
        **({"target_url": target.page} if target.page else {}),
    }

    def find() -> dict[str, Any] | None:
        """Return the status if the newest of this context is the same; GitHub lists the newest first."""
        listed = client.pages(f"{repo}/commits/{target.sha}/status", {"per_page": "100"}, key="statuses")
        now = next((each for each in listed if each.get("context") == posting.context), None)
        return now if now and all(now.get(key) == value for key, value in body.items()) else None

    what = f"commit status {posting.context} ({STATUSES[posting.state]})"
    there = find()
    status = there or client.send("POST", f"{repo}/statuses/{target.sha}", body, arrived=find, assume={}).value
    return Posted(what, str(status.get("url") or target.name), new=there is None)


def post_comment(client: Client, target: Target, posting: Publication) -> Posted:
    """Write the one comment on the pull request, or update it."""
    repo = f"/repos/{target.repo}"
    marker = f"<!-- series-ci:{_NO_NAME.sub('-', posting.series)}/{_NO_NAME.sub('-', posting.arch)} -->"
    body = {"body": f"{marker}\n{posting.summary}"}

    def find() -> dict[str, Any] | None:
        listed = client.pages(f"{repo}/issues/{target.pull}/comments", {"per_page": "100"})
        return next((each for each in listed if _ours(each, marker)), None)

    comment = there = find()
    if there is None:
        path = f"{repo}/issues/{target.pull}/comments"
        comment = client.send("POST", path, body, arrived=find, assume={}).value
    elif there.get("body") != body["body"]:
        path = f"{repo}/issues/comments/{need(there, 'id')}"
        comment = client.send("PATCH", path, body, arrived=lambda: None).value
    return Posted("comment", _link(comment or {}) or f"{target.repo}#{target.pull}", new=comment is not there)


def _ours(comment: Mapping[str, Any], marker: str) -> bool:
    """Return whether a comment is ours: it has the marker, and a bot or a member wrote it.

    A stranger could copy the marker, and change the comment afterwards.
    """
    user = comment.get("user") or {}
    trusted = user.get("type") == "Bot" or comment.get("author_association") in _INSIDERS
    return trusted and str(comment.get("body") or "").startswith(marker)


def write_summary(path: Path, posting: Publication) -> Posted:
    """Append to the job's summary, a file that all steps of a job append to, unless it has the text."""
    text = posting.page + "\n"
    with files.disk_errors(path), path.open("a+", encoding="utf-8") as page:
        page.seek(0)
        there = text in page.read()
        if not there:
            page.write(text)
    return Posted("job summary", str(path), new=not there)
