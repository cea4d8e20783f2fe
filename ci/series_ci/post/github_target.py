"""Find the commit and the pull request on GitHub, from the options or the environment of a workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from series_ci.errors import UsageError
from series_ci.host import files

URL = "https://api.github.com"

_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class Target:
    """Where on GitHub results go: `repo` is OWNER/NAME, `sha` a commit's full id, `pull` the pull request's number.

    `pull` is None if there is none. `page` is the URL of the full results, "" if there is none.
    """

    url: str
    repo: str
    sha: str
    pull: int | None
    page: str

    @property
    def name(self) -> str:
        """The commit, for messages."""
        return f"{self.repo}@{self.sha[:12]}"


def find(  # an option each
    environment: Mapping[str, str], *, url: str | None, repo: str | None, sha: str | None, pull: int | None, page: str
) -> Target:
    """Return the target: what is given, else what the environment has. Raises UsageError if something is missing."""
    event = _event(environment)
    repo = repo or environment.get("GITHUB_REPOSITORY", "")
    if not _REPO.fullmatch(repo):
        raise UsageError(f"--repo: {repo!r} is not OWNER/NAME" if repo else "no repository", hint=_HINT)
    asked = _of_event(event)
    # For a pull request GITHUB_SHA is a temporary merge commit, which no page shows.
    sha = (sha or asked[0] or environment.get("GITHUB_SHA", "")).lower()
    if not _SHA.fullmatch(sha):
        raise UsageError(f"--sha: {sha!r} is not the whole id of a commit" if sha else "no commit", hint=_HINT)
    return Target(
        url or environment.get("GITHUB_API_URL") or URL,
        repo,
        sha,
        pull if pull is not None else asked[1],
        page or _job(environment),
    )


_HINT = "give --repo OWNER/NAME and --sha COMMIT; in a workflow GITHUB_REPOSITORY and GITHUB_SHA say it"


def _event(environment: Mapping[str, str]) -> dict[str, Any]:
    path = environment.get("GITHUB_EVENT_PATH")
    return (files.read_json(Path(path)) if path else None) or {}


def _of_event(event: Mapping[str, Any]) -> tuple[str, int | None]:
    """Return the head commit and the number of the event's pull request."""
    run = _dict(event.get("workflow_run"))
    pulls = run.get("pull_requests")
    if run:
        first = _dict(pulls[0]) if isinstance(pulls, list) and pulls else {}
        return str(run.get("head_sha") or ""), _number(first.get("number"))
    pull = _dict(event.get("pull_request"))
    issue = _dict(event.get("issue"))
    number = pull.get("number") if pull else issue.get("number") if "pull_request" in issue else None
    return str(_dict(pull.get("head")).get("sha") or ""), _number(number)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _job(environment: Mapping[str, str]) -> str:
    """Return the URL of the workflow's run; "" outside of one."""
    parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""
