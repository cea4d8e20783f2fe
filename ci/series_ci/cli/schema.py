"""`series-ci schema`: print the JSON Schema of manifests, for editors, or of results, for programs."""

from __future__ import annotations

import json

import click

from series_ci.host import paths
from series_ci.manifest import model


@click.command()
@click.argument("what", type=click.Choice(["manifest", "results"]), default="manifest")
def schema(what: str) -> None:
    """Print the JSON Schema of manifests (the file series/manifest.schema.json), or of results.

    results are what test --json and report --format json print, and what summary.json in a run directory holds.
    """
    if what == "results":
        click.echo(paths.data("rundir", "results.schema.json").read_text("utf-8"), nl=False)
    else:
        click.echo(json.dumps(model.json_schema(), indent=2))
