"""Where the tests find what lies in the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout."""

CI = ROOT / "ci"
"""What PYTHONPATH has to name for `python -m series_ci`."""

SERIES = ROOT / "series"
"""The manifests that come with the program."""

DATA = ROOT / "tests" / "data"
"""Real logs, reports and schemas that tests read."""
