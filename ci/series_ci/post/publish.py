"""The stories of `series-ci post`: send a run to each destination."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from series_ci.errors import UsageError
from series_ci.host import files
from series_ci.post import github, kcidb, patchwork
from series_ci.post.github_target import Target
from series_ci.post.http import Client
from series_ci.post.posting import Posted, Publication
from series_ci.post.server import Server
from series_ci.post.token import Token, need, read_token
from series_ci.report.formats import Writer, reply_to

PARTS = ("check", "status", "comment", "summary")
"""What is sent to GitHub, in this order."""


@dataclass(frozen=True)
class Way:
    """How requests are sent: `say` is called when one is repeated; with `show`, a dry run, they are only shown."""

    say: Callable[[str], None]
    show: Callable[[str], None] | None = None

    def client(self, server: Server) -> Client:
        """Return the client of a server."""
        return Client(server, say=self.say, show=self.show)

    def token(self, token: Token | None, names: Sequence[str], how: str) -> Token | None:
        """Return the token, which a dry run need not have. Raises UsageError if it is missing."""
        return token if self.show else need(token, " or ".join(names), how)


def to_github(found: Publication, target: Target, parts: Sequence[str], way: Way) -> Iterator[Posted]:
    """Send `parts`, or all of PARTS that can be sent. Raises UsageError for a given part that cannot be sent."""
    wanted = parts or PARTS
    if "comment" in wanted and target.pull is None and parts:
        raise UsageError("no pull request to comment on", hint="give --pr N")
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if "summary" in wanted and not page and parts:
        raise UsageError("no summary to write to", hint="in a workflow GITHUB_STEP_SUMMARY names the file")
    token = way.token(read_token(os.environ, *github.TOKENS), github.TOKENS, github.HOW)
    client = way.client(github.server(target.url, token))
    if "check" in wanted:
        yield github.post_check(client, target, found)
    if "status" in wanted:
        yield github.post_status(client, target, found)
    if "comment" in wanted and target.pull is not None:
        yield github.post_comment(client, target, found)
    if "summary" in wanted and page:
        if way.show:
            way.show(f"APPEND {page}\n{found.page}")
        yield Posted("job summary", page) if way.show else github.write_summary(Path(page), found)


def to_patchwork(
    found: Publication, way: Way, *, url: str | None, context: str | None, page: str, project: str | None
) -> Iterator[Posted]:
    """Send a check for each patch to the Patchwork at `url`. Raises UsageError without a URL."""
    if url is None:
        raise UsageError("--url is missing", hint="the address of the Patchwork, e.g. https://patchwork.kernel.org")
    token = way.token(read_token(os.environ, *patchwork.TOKENS), patchwork.TOKENS, patchwork.HOW)
    client = way.client(patchwork.server(url, token))
    wanted = list(patchwork.checks(found, found.context if context is None else context, page))
    yield from patchwork.post(client, wanted, project)


def to_kcidb(document: dict[str, Any], url: str | None, way: Way) -> Iterator[Posted]:
    """Submit a document to KCIDB."""
    place, token = kcidb.place(os.environ, url)
    client = way.client(kcidb.server(place, way.token(token, (*kcidb.TOKENS, kcidb.COMBINED), kcidb.HOW)))
    yield kcidb.post(client, document)


def write_reply(file: Path, run_dir: Path, writer: Writer, tested_by: str) -> None:
    """Write the reply to the version of a run, unless the file exists: its sender may have edited it.

    Raises UsageError if the file exists and a trailer is asked for.
    """
    if not file.exists():
        files.write(file, reply_to(run_dir, writer, tested_by).encode())
    elif tested_by:
        raise UsageError(f"{file}: is there already", hint="add the trailer to it, or remove it")
