"""`series-ci schema`: what editors need to complete and check manifests."""

from __future__ import annotations

import json

import click

from series_ci import manifest


@click.command()
def schema() -> None:
    """Print the JSON Schema of manifests (the file series/manifest.schema.json)."""
    click.echo(json.dumps(manifest.json_schema(), indent=2))
