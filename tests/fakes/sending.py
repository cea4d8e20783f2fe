"""Whether git can send mail here: Debian has git-email apart from git, and does not need what that needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from series_ci.host import process


def require(home: Path) -> None:
    """Skip the test where git send-email is not there, or lacks its Perl modules. Makes `home` that of Tess Ter."""
    (home / ".gitconfig").write_text("[user]\n\tname = Tess Ter\n\temail = tess@example.org\n")
    done = process.run(["git", "send-email", "--dump-aliases"], env={"HOME": str(home)}, cwd=home)
    if "not a git command" in done.err or "Mail::Address" in done.err:
        pytest.skip("needs git send-email: Debian's git-email and libmailtools-perl")
    assert done.code == 0, done.err
