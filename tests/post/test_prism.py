"""What is sent to GitHub, held against GitHub's own description of its API by a server that checks each request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import npm, posted
from fakes.hosts import CANARY, FakeClock
from series_ci.errors import UsageError
from series_ci.host import process
from series_ci.post import github, posting
from series_ci.post.github_target import Target
from series_ci.post.http import Client
from series_ci.post.token import Token

PRISM = "@stoplight/prism-cli/dist/index.js"
DESCRIPTION = "@octokit/openapi/generated/api.github.com.json"

REPO = "/repos/{owner}/{repo}"
USED = (
    f"{REPO}/check-runs",
    f"{REPO}/check-runs/{{check_run_id}}",
    f"{REPO}/commits/{{ref}}/check-runs",
    f"{REPO}/commits/{{ref}}/status",
    f"{REPO}/statuses/{{sha}}",
    f"{REPO}/issues/{{issue_number}}/comments",
    f"{REPO}/issues/comments/{{comment_id}}",
)
"""Loading all 13 MB of the description takes four times as long as these paths, and twice the memory."""


def reduced(whole: dict[str, Any]) -> dict[str, Any]:
    """The description of these paths, with the components that they refer to, in any number of steps."""
    wanted = {path: whole["paths"][path] for path in USED}
    parts: dict[str, dict[str, Any]] = {}
    todo: list[Any] = [wanted]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            todo += each
        elif isinstance(each, dict):
            todo += each.values()
            if isinstance(name := each.get("$ref"), str):
                kind, key = name.split("/")[2:]
                if key not in parts.setdefault(kind, {}):
                    parts[kind][key] = whole["components"][kind][key]
                    todo.append(parts[kind][key])
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": wanted, "components": parts}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prism on a free port of loopback."""
    node = npm.node(PRISM, DESCRIPTION)
    file = tmp_path_factory.mktemp("prism") / "github.json"
    file.write_text(json.dumps(reduced(json.loads((npm.MODULES / DESCRIPTION).read_text("utf-8")))))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [node, str(npm.MODULES / PRISM), "mock", "--errors", "--host", "127.0.0.1", "--port", str(port), str(file)]
    with process.started(argv, stdout=process.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if b"is listening on" in line:
                break
        else:
            pytest.fail("prism ended")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(url: str) -> Client:
    return Client(github.server(url, Token(CANARY)), clock=FakeClock())


@pytest.fixture
def target(url: str) -> Target:
    return Target(url, "o/r", posted.SHA, 7, "https://example.org/run/1")


FLAKY = posted.summary(changes=[posted.change("a/b:c", "PASS", "FAIL", "FLAKY")])


@pytest.mark.parametrize("found", [posted.summary(), FLAKY, posted.broken(), posted.broken(120)])
@pytest.mark.parametrize("part", ["check", "status", "comment"])
def test_requests_are_as_github_describes_them(
    client: Client, target: Target, tmp_path: Path, *, part: str, found: dict[str, Any]
) -> None:
    # An answer that is not as described would be an error, too.
    getattr(github, f"post_{part}")(client, target, posting.read(posted.folder(tmp_path, found)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x"},
        {"name": "x", "head_sha": posted.SHA, "status": "done"},
        {"name": "x", "head_sha": posted.SHA, "output": {"title": "t"}},
        {"name": "x", "head_sha": posted.SHA, "output": {"title": "t", "summary": "s" * 70_000}},
        {
            "name": "x",
            "head_sha": posted.SHA,
            "output": {
                "title": "t",
                "summary": "s",
                "annotations": [
                    {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
                ]
                * 51,
            },
        },
    ],
)
def test_what_github_would_refuse_is_refused_here(client: Client, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="422"):
        client.send("POST", "/repos/o/r/check-runs", wrong, arrived=lambda: None)


def test_what_github_does_not_have_is_not_here(client: Client) -> None:
    with pytest.raises(UsageError, match="404"):
        client.get("/repos/o/r/check-run")
