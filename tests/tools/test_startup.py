"""The evaluation of what a start costs: it runs, and holds each figure against its bar."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import startup
from fakes.here import ROOT
from figures import Figure


def test_every_start_is_measured(tmp_path: Path) -> None:
    argv = [sys.executable, str(ROOT / "tools/evaluations/startup.py"), "--rounds", "1", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert [each["what"] for each in found] == [each[0] for each in startup.starts(tmp_path)]
    assert all(each["measured"] > 0 for each in found[2:])


def test_one_that_is_too_slow_is_the_exit_status() -> None:
    assert not Figure("series-ci --help", 0.16, 0.15).good
    assert Figure("python -c pass", 9.0, None).good
