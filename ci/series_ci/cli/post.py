"""`series-ci post RUN_DIR --to DESTINATION`: results to where people read them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from series_ci.cli import declare, options
from series_ci.cli.declare import chosen, option
from series_ci.cli.options import Shown
from series_ci.cli.report import kcidb_of, reply_to
from series_ci.errors import UsageError
from series_ci.host import files, process
from series_ci.post import github, github_target, kcidb, mail, patchwork, posting
from series_ci.post.http import Client
from series_ci.post.posting import Posted
from series_ci.post.server import Server
from series_ci.post.token import Token, need, read_token
from series_ci.rundir.verify import verify_version

PARTS = ("check", "status", "comment", "summary")

TAKES = {
    "github": {"url", "page", "repo", "sha", "pull", "part"},
    "patchwork": {"url", "page", "project", "context"},
    "kcidb": {"url", "file"},
    "mail": {"file", "tested_by"},
}
"""The options that each destination knows."""


@dataclass(frozen=True)
class Given:
    """The options of single destinations."""

    url: str | None = option(
        "--url", metavar="URL", help="the server  [default: GITHUB_API_URL, else api.github.com; KCIDB_REST]"
    )
    page: str | None = option(
        "--page", metavar="URL", help="where the results are told in full; linked from what is posted"
    )
    repo: str | None = option(
        "--repo", metavar="OWNER/NAME", help="github: the repository  [default: GITHUB_REPOSITORY]"
    )
    sha: str | None = option(
        "--sha", metavar="COMMIT", help="github: the commit  [default: the event's pull request, else GITHUB_SHA]"
    )
    pull: int | None = option(
        "--pr", metavar="N", type=click.IntRange(1), help="github: the pull request  [default: the event's]"
    )
    part: tuple[str, ...] = option(
        "--part", multiple=True, type=click.Choice(PARTS), help="github: only this (repeatable)  [default: all]"
    )
    project: str | None = option(
        "--project", metavar="NAME", help="patchwork: the project, for mails that are in several"
    )
    context: str | None = option(
        "--context", metavar="NAME", help="patchwork: the checks' context  [default: series-ci/ARCH]"
    )
    file: Path | None = option(
        "--file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="kcidb, mail: what is sent  [default: made of RUN_DIR; the mail is then RUN_DIR/reply.eml]",
    )
    tested_by: str | None = option(
        "--tested-by", metavar="'NAME <ADDRESS>'", help="mail: give that trailer, if everything passed"
    )


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", "destination", required=True, type=click.Choice(sorted(TAKES)), help="where to")
@click.option("--dry-run", is_flag=True, help="print each request (method, URL, body), send nothing")
@click.option(
    "--verify", is_flag=True, help="RUN_DIR comes from elsewhere: first make sure that it is what a run leaves behind"
)
@declare.taken(Given, "given")
@options.progress
def post(run_dir: Path, *, destination: str, dry_run: bool, verify: bool, given: Given, shown: Shown) -> int:
    """Post the results in RUN_DIR. Posted again, they replace what was posted before, and are never there twice.

    github: a check run with annotations, a commit status, one comment on the pull request, the job's summary.
    patchwork: checks on every patch. kcidb: both kernels and all results. mail: writes the reply to RUN_DIR/reply.eml,
    where that is not there yet, and prints the command that sends it; with --dry-run lets git tell what it would send.

    Tokens come from the environment: GITHUB_TOKEN or GH_TOKEN, PATCHWORK_TOKEN, KCIDB_REST_TOKEN or KCIDB_REST.
    """
    progress = shown.progress()
    if verify:
        verify_version(run_dir)
    named = chosen(given)
    if unknown := sorted(set(named) - TAKES[destination]):
        raise UsageError(f"--to {destination} does not know {', '.join(named[name] for name in unknown)}")
    show = click.echo if dry_run else None

    def connect(server: Server) -> Client:
        return Client(server, say=progress.say, show=show)

    if destination == "mail":
        _mail(run_dir, given, dry_run)
    else:
        _tell(_POSTERS[destination](run_dir, given, connect, dry_run), str(run_dir), dry_run)
    return 0


def _tell(done: Iterable[Posted], run_dir: str, dry_run: bool) -> None:
    """Print what was posted and where, as it comes. Raises UsageError if that is nothing."""
    told = 0
    for each in done:
        verb = "would post" if dry_run else "posted" if each.new else "there already:"
        click.echo(f"{verb} {each.what}: {each.where}")
        told += 1
    if not told:
        raise UsageError(f"{run_dir}: nothing to post: the run names no patch")


Connect = Callable[[Server], Client]


def _token(token: Token | None, names: tuple[str, ...], how: str, dry_run: bool) -> Token | None:
    """The token; a dry run does without."""
    return token if dry_run else need(token, " or ".join(names), how)


def _github(run_dir: Path, given: Given, connect: Connect, dry_run: bool) -> Iterator[Posted]:
    found = posting.read(run_dir)
    target = github_target.find(
        os.environ,
        url=given.url,
        repo=given.repo,
        sha=given.sha,
        pull=given.pull,
        page=given.page or "",
    )
    parts = given.part or PARTS
    if "comment" in parts and target.pull is None and given.part:
        raise UsageError("no pull request to comment on", hint="give --pr N")
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if "summary" in parts and not page and given.part:
        raise UsageError("no summary to write to", hint="in a workflow GITHUB_STEP_SUMMARY names the file")
    token = _token(read_token(os.environ, *github.TOKENS), github.TOKENS, github.HOW, dry_run)
    client = connect(github.server(target.url, token))
    if "check" in parts:
        yield github.post_check(client, target, found)
    if "status" in parts:
        yield github.post_status(client, target, found)
    if "comment" in parts and target.pull is not None:
        yield github.post_comment(client, target, found)
    if "summary" in parts and page:
        if dry_run:
            click.echo(f"APPEND {page}\n{found.page}")
        yield Posted("job summary", page) if dry_run else github.write_summary(Path(page), found)


def _patchwork(run_dir: Path, given: Given, connect: Connect, dry_run: bool) -> Iterator[Posted]:
    found = posting.read(run_dir)
    if given.url is None:
        raise UsageError("--url is missing", hint="the address of the Patchwork, e.g. https://patchwork.kernel.org")
    token = _token(read_token(os.environ, *patchwork.TOKENS), patchwork.TOKENS, patchwork.HOW, dry_run)
    client = connect(patchwork.server(given.url, token))
    wanted = list(patchwork.checks(found, found.context if given.context is None else given.context, given.page or ""))
    yield from patchwork.post(client, wanted, given.project)


def _kcidb(run_dir: Path, given: Given, connect: Connect, dry_run: bool) -> Iterator[Posted]:
    document = kcidb.read(given.file) if given.file else kcidb.check_schema(kcidb_of(run_dir), str(run_dir))
    url, token = kcidb.place(os.environ, given.url)
    token = _token(token, (*kcidb.TOKENS, kcidb.COMBINED), kcidb.HOW, dry_run)
    client = connect(kcidb.server(url, token))
    yield kcidb.post(client, document)


def _mail(run_dir: Path, given: Given, dry_run: bool) -> None:
    file = given.file or run_dir / "reply.eml"
    if not given.file:
        _write_reply(file, run_dir, given.tested_by or "")
    argv = mail.command(file)
    if dry_run:
        click.echo(mail.try_out(argv))
    else:
        click.echo(f"mail:    {argv[-1]}\nsend it: {process.quote(argv)}")


def _write_reply(file: Path, run_dir: Path, tested_by: str) -> None:
    """Make the reply, once: whoever sends it may have changed its words since."""
    if not file.exists():
        files.write(file, reply_to(run_dir, tested_by).encode())
    elif tested_by:
        raise UsageError(f"{file}: is there already", hint="add the trailer to it, or remove it")


_POSTERS: dict[str, Callable[[Path, Given, Connect, bool], Iterator[Posted]]] = {
    "github": _github,
    "patchwork": _patchwork,
    "kcidb": _kcidb,
}
