"""`series-ci post RUN_DIR --to DESTINATION`: post results to where people read them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from series_ci.cli import declare, options, tester
from series_ci.cli.declare import chosen, option
from series_ci.cli.options import Shown
from series_ci.errors import UsageError
from series_ci.host import process
from series_ci.post import github_target, kcidb, mail, posting
from series_ci.post.posting import Posted
from series_ci.post.publish import PARTS, Way, to_github, to_kcidb, to_patchwork, write_reply
from series_ci.report.formats import kcidb_of
from series_ci.rundir.layout import REPLY
from series_ci.rundir.verify import verify_version

TAKES = {
    "github": {"url", "page", "repo", "sha", "pull", "part"},
    "patchwork": {"url", "page", "project", "context"},
    "kcidb": {"url", "file"},
    "mail": {"file", "tested_by"},
}
"""The options that each destination takes."""


@dataclass(frozen=True)
class Given:
    """The options that only some destinations take."""

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
        help=f"kcidb, mail: what is sent  [default: made of RUN_DIR; the mail is then RUN_DIR/{REPLY}]",
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
    chosen_options = chosen(given)
    if unknown := sorted(set(chosen_options) - TAKES[destination]):
        raise UsageError(f"--to {destination} does not know {', '.join(chosen_options[name] for name in unknown)}")
    way = Way(progress.say, click.echo if dry_run else None)
    if destination == "mail":
        _mail(run_dir, given, dry_run)
    else:
        _tell(_POSTERS[destination](run_dir, given, way), str(run_dir), dry_run)
    return 0


def _tell(done: Iterable[Posted], run_dir: str, dry_run: bool) -> None:
    """Print what was posted and where, one by one. Raises UsageError if nothing was posted."""
    number = 0
    for item in done:
        verb = "would post" if dry_run else "posted" if item.new else "there already:"
        click.echo(f"{verb} {item.what}: {item.where}")
        number += 1
    if not number:
        raise UsageError(f"{run_dir}: nothing to post: the run names no patch")


def _github(run_dir: Path, given: Given, way: Way) -> Iterator[Posted]:
    results = posting.read(run_dir)
    target = github_target.find(
        os.environ,
        url=given.url,
        repo=given.repo,
        sha=given.sha,
        pull=given.pull,
        page=given.page or "",
    )
    return to_github(results, target, given.part, way)


def _patchwork(run_dir: Path, given: Given, way: Way) -> Iterator[Posted]:
    results = posting.read(run_dir)
    return to_patchwork(
        results, way, url=given.url, context=given.context, page=given.page or "", project=given.project
    )


def _kcidb(run_dir: Path, given: Given, way: Way) -> Iterator[Posted]:
    document = kcidb.read(given.file) if given.file else kcidb.check_schema(kcidb_of(run_dir), str(run_dir))
    return to_kcidb(document, given.url, way)


def _mail(run_dir: Path, given: Given, dry_run: bool) -> None:
    file = given.file or run_dir / REPLY
    if not given.file:
        write_reply(file, run_dir, tester.WRITER, given.tested_by or "")
    argv = mail.command(file)
    if dry_run:
        click.echo(mail.try_out(argv))
    else:
        click.echo(f"mail:    {argv[-1]}\nsend it: {process.quote(argv)}")


_POSTERS: dict[str, Callable[[Path, Given, Way], Iterator[Posted]]] = {
    "github": _github,
    "patchwork": _patchwork,
    "kcidb": _kcidb,
}
