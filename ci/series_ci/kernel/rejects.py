"""Show why a patch does not apply: its rejected hunks, and what the tree has in their place."""

from __future__ import annotations

import re
from pathlib import Path

from series_ci.host import inside, process, scratch
from series_ci.kernel import hazards, objects
from series_ci.mail import difftext, message
from series_ci.mail.message import Patch

_CONTEXT_LINES = 10

_FILES = 200
"""How many files of a patch are laid out to find rejected hunks; each takes several git commands."""

_MOST = 1 << 20
"""Bytes of rejected hunks that are shown."""

_SAID = re.compile(r"^(?:Applying patch .* with \d+ reject.*|Rejected hunk #\d+\.)$", re.MULTILINE)


def hunks(store: Path, commit: str, patch: Patch) -> str:
    """Return the hunks that do not apply to a commit, as `git apply --reject` writes them; "" if all do.

    git runs in a temporary folder with those regular files of the commit that the patch names.
    """
    text = message.body_of(message.parse(patch.raw))  # git apply does not decode mails
    with scratch.folder("apply") as folder:
        tree = folder / "tree"
        tree.mkdir()
        _lay_out(store, commit, text, tree)
        (folder / "patch.diff").write_text(text, "utf-8")
        alone = {**process.GIT_ALONE, "GIT_CEILING_DIRECTORIES": str(folder)}
        argv = ["git", "-c", "core.quotePath=false", "apply", "--reject", "--whitespace=nowarn", "../patch.diff"]
        done = process.run(argv, cwd=tree, env=alone)
        paths = sorted(tree.rglob("*.rej"))
        rejected = [hunk for path in paths if (hunk := inside.read(tree, _below(path, tree), _MOST))]
        if done.code == 0:
            return ""
        return "\n".join([*_SAID.findall(done.err), *(hunk.decode("utf-8", "replace") for hunk in rejected)]).strip()


def _below(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


def _lay_out(store: Path, commit: str, text: str, folder: Path) -> None:
    for change in difftext.parse(text)[:_FILES]:
        if not any(hazards.of_name(change.old)) and (content := objects.content(store, commit, change.old)) is not None:
            inside.write(folder, change.old, content)


def tree_has(store: Path, commit: str, name: str, line: int) -> str:
    """Return the lines of a file of a commit from `line` on, numbered."""
    content = objects.content(store, commit, name)
    if content is None:
        return f"{name}: not in the tree"
    lines = content.decode("utf-8", "replace").splitlines()
    first = max(0, line - 1)
    shown = lines[first : first + _CONTEXT_LINES]
    return "\n".join(
        [f"the tree has at {name}:{line}:", *(f"  {number}: {text}" for number, text in enumerate(shown, first + 1))]
    )
