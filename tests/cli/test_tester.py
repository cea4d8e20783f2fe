"""What a reply has to know of whoever writes it, and of this machine."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest

from series_ci.cli import tester


def test_addresses_are_those_that_git_sends_from(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tester.here().own == ()
    (home / ".gitconfig").write_text("[user]\n\temail = a@example.org\n[sendemail]\n\tfrom = b@example.org\n")
    assert tester.here().own == ("a@example.org", "b@example.org")


def test_folders_that_nobody_else_has(home: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(home)
    monkeypatch.setenv("HOME", str(link))
    monkeypatch.chdir(tmp_path)
    assert {str(link), str(home), str(cache), str(tmp_path)} <= set(tester.here().places)


def test_the_selftest_that_export_writes() -> None:
    assert tester.here().programs == ("mm/exit_skip",)


def test_the_project_is_where_its_metadata_say(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Message()
    monkeypatch.setattr(metadata, "metadata", lambda _name: found)
    assert tester.here().project == ""
    found["Project-URL"] = "Homepage, https://example.org/series-ci"
    assert tester.here().project == "https://example.org/series-ci"
