"""`series-ci bisect VERSION --test NAME`: which patch of a series changed a test."""

from __future__ import annotations

import json
from dataclasses import replace

import click
from rich.console import Console
from rich.text import Text

from series_ci.cli import options, terminal
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_request
from series_ci.errors import ExitStatus
from series_ci.pipeline.bisect import Bisected, bisect_json, run_bisect
from series_ci.results.compare import Change


@click.command()
@click.argument("version", metavar="VERSION|MESSAGE-ID")
@click.option("--test", "name", metavar="NAME", required=True, help="a result, such as mm/exit_skip:shmem.exiting")
@options.asked(*options.KERNEL)
@options.shown
def bisect(version: str, *, name: str, asked: Options, shown: Shown) -> int:
    """Find the patch of VERSION that broke, fixed or otherwise changed the test NAME.

    The program that NAME is part of is built and run after patches in the middle, as git bisect would choose them.
    Exit status: 0 it is known, or known to be one of a few; 2 the version changes no such test; 6 none of it is
    in the kernel.
    """
    program = name.partition(":")[0]
    request = make_request(version, replace(asked, test=(program,)))
    answer = run_bisect(request, name, shown.progress())
    if shown.as_json:
        click.echo(json.dumps(bisect_json(request, answer), indent=2, ensure_ascii=False))
    else:
        show(answer, terminal.console(stderr=False))
        click.echo(f"results:  {request.out}")
    return int(ExitStatus.OK)


WORDS = {Change.BROKEN: "broke", Change.FIXED: "fixed", Change.NEW: "brought", Change.GONE: "removed"}


def show(answer: Bisected, out: Console) -> None:
    """Print the result after each patch that was tried, and the answer."""
    for step in answer.steps:
        out.print(Text(f"after {answer.titles[step.number - 1]}: {step.result or f'no result ({step.why})'}"))
    verb = WORDS.get(answer.change, "changed")
    states = f"{answer.test} ({answer.before} on the base, {answer.after} with all {len(answer.titles)} patches)"
    named = "\n".join(f"  {title}" for title in answer.titles[answer.first - 1 : answer.last])
    which = "this patch" if answer.first == answer.last else "one of these patches"
    out.print(Text.assemble((f"{which} {verb} {states}:", "bold"), f"\n{named}"))
