"""What a manifest permits of a series, from the manifest to the results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from fakes import rundirs
from fakes.outcomes import MAIL, outcome, request, run
from series_ci.cli import main
from series_ci.cli.options import Options
from series_ci.cli.request import make_request
from series_ci.errors import UsageError
from series_ci.kernel.hazards import Permitted
from series_ci.manifest import model
from series_ci.pipeline.outcome import Outcome, version_run
from series_ci.pipeline.rows import Row
from series_ci.post import posting
from series_ci.report import b4, kcidb, mail, table
from series_ci.report.html import Evidence, page
from series_ci.report.junit import junit
from series_ci.report.markdown import markdown
from series_ci.results.model import Result, Status
from series_ci.rundir import read, verify
from series_ci.rundir.run import Stage
from series_ci.rundir.summary import version_json

MANIFEST = """\
name: demo
title: a demonstration
archive: https://lore.example.org/all/
versions:
  v1: {message-id: 1@example.org}
trees:
  - spec: https://example.org/linux.tar.xz
permit:
"""

LOGO = Permitted("binary", "drivers/lo\u202ego.gif", "2/3 video: a logo", "is binary", "the <logo> is a picture")
LARGE = Permitted("size", "", "3/3 headers", "the mail has 5 MiB, more than the 4 MiB of a patch", "registers")
WORDS = '"drivers/lo\\u202ego.gif" is binary (patch 2/3 video: a logo), permitted: the <logo> is a picture'


def permitted() -> Outcome:
    good = Result("mm/a", Status.PASS)
    return replace(outcome(run("base", good), run("v10", good)), permitted=(LOGO, LARGE))


def test_words() -> None:
    assert LOGO.words == WORDS
    assert LARGE.words == (
        "the mail has 5 MiB, more than the 4 MiB of a patch (patch 3/3 headers), permitted: registers"
    )


class TestManifest:
    def load(self, tmp_path: Path, entries: str) -> model.Manifest:
        path = tmp_path / "demo.yaml"
        path.write_text(MANIFEST + entries)
        return model.load(path)

    def test_entries_reach_the_request(self, tmp_path: Path) -> None:
        entries = "  - {kind: binary, path: drivers/video/, reason: logos}\n  - {kind: size, reason: registers}\n"
        self.load(tmp_path, entries)
        options = Options(f"{tmp_path}/demo.yaml")
        found = make_request("v1", options).permit
        assert [(each.kind, each.path, each.reason) for each in found] == [
            ("binary", "drivers/video/", "logos"),
            ("size", "", "registers"),
        ]

    @pytest.mark.parametrize(
        "entry", ["{kind: binary}", "{kind: path, reason: x}", "{kind: binary, reason: x, because: y}", "binary"]
    )
    def test_what_is_no_entry_is_named_with_its_line(self, tmp_path: Path, entry: str) -> None:
        with pytest.raises(UsageError, match=r"demo\.yaml:9: permit\[0\]"):
            self.load(tmp_path, f"  - {entry}\n")

    def test_the_hint_of_a_refusal_is_an_entry(self, tmp_path: Path) -> None:
        entry = '{kind: name, path: "mm/a\\u202eb.c", reason: WHY}'
        assert self.load(tmp_path, f"  - {entry}\n").permit[0].path == "mm/a\u202eb.c"


class TestReports:
    """Each of them says what was permitted."""

    def test_the_terminal(self) -> None:
        out = Console(width=60, no_color=True, record=True)
        table.show(version_run(permitted()), out)
        assert f"PERMITTED binary: {WORDS}\n" in out.export_text()

    def test_all_texts(self) -> None:
        version = version_run(permitted())
        for text in (markdown(version), page(version, Evidence({}, {})), junit(version)):
            assert "is binary (patch 2/3 video: a logo), permitted: the" in text.replace("&quot;", '"')
            assert "permitted: registers" in text
            assert "\u202e" not in text
            assert "<logo>" not in text

    def test_in_one_line_where_there_is_only_one(self) -> None:
        version = version_run(permitted())
        for text in (
            b4.checks(version)[0]["summary"],
            posting.of(version, ()).title,
        ):
            assert "2 permissions of the manifest used" in text
        told = " ".join(mail.reply(mail.Answered(version, [MAIL])).split())
        assert f"Permitted here, binary: {WORDS}" in told
        assert f"permitted binary: {WORDS}" in b4.checks(version)[0]["details"]

    def test_kcidb(self) -> None:
        base, ours = kcidb.document(version_run(permitted()), {"v10": [MAIL]})["checkouts"]
        assert ours["misc"]["permitted"][0] == f"binary: {WORDS}"
        assert "permitted" not in base["misc"]

    def test_json_and_back(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        told = rundirs.version(tmp_path, permitted())
        assert told.permitted == (LOGO, LARGE)
        assert read.read(tmp_path) == told
        assert verify.read_verified(tmp_path) == told
        main(["schema", "results"])
        schema = json.loads(capsys.readouterr().out)
        found = json.loads((tmp_path / "summary.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(found)
        assert found["permitted"][1]["path"] == ""
        for change in ({"kind": "path"}, {"more": "x"}):
            found["permitted"][0] |= change
            assert not jsonschema.Draft202012Validator(schema).is_valid(found)

    def test_a_sweep(self, tmp_path: Path) -> None:
        first = replace(permitted(), request=request(label="v1"))
        swept = rundirs.sweep(tmp_path, [Row(first.request, first, None, Stage.DONE)])
        assert read.read(tmp_path) == swept
        assert "permitted binary" in markdown(swept)

    def test_nothing_is_said_where_nothing_was_permitted(self) -> None:
        version = version_run(replace(permitted(), permitted=()))
        assert "permitted" not in version_json(version)
        for text in (markdown(version), page(version, Evidence({}, {})), junit(version)):
            assert "permi" not in text
