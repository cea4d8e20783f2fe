"""The verbs of the command line, by task. A verb's module is imported when it is called, so that --help is fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Test a version": {
        "test": "test versions of a series, from their mails to a verdict",
        "bisect": "find the patch of a version that changed a test",
        "shell": "open a shell in the guest that a version is tested in",
        "boot": "run one command in a guest with a given kernel",
    },
    "Look at a series": {
        "init": "write the manifest of a series",
        "versions": "list the versions of a series, and what to know of each",
        "diff": "show what changed from one version to another",
        "watch": "test new versions as they are sent",
        "kselftest": "export the project's own selftest as a patch",
    },
    "Measure": {
        "bench": "measure a version against its base",
        "reproduce": "measure reported figures, or repeat a run, again",
    },
    "Read and publish results": {
        "parse": "read test results and kernel complaints from a log",
        "report": "write the results of a run in another format",
        "post": "post the results of a run",
        "b4-check": "answer b4 review with what is known of a mail",
        "schema": "print the JSON Schema of manifests or results",
    },
    "Spread over machines": {
        "plan": "say which machine tests which versions",
        "prepare": "bring what all versions share into the cache",
        "merge": "join runs of several machines into one",
        "verify": "check that a run directory is what a run leaves",
    },
}
"""Task -> verb -> what it does, in a line that fits 80 columns. The module of a verb has its name, with _ for -."""


class Verbs(click.Group):
    """The group of all verbs. It lists them with a line of help each, without importing their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click)
        """Return all verbs, in the order of --help."""
        return [name for verbs in GROUPS.values() for name in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb and return its command, or None if there is no such verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"series_ci.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click)
        """Write a section for each task."""
        for task, verbs in GROUPS.items():
            with formatter.section(task):
                formatter.write_dl(list(verbs.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the completions: verbs and, as for every command, options."""
        names = [
            CompletionItem(name, help=line)
            for verbs in GROUPS.values()
            for name, line in verbs.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)
