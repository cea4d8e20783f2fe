"""How several workers of pytest-xdist share the tests: what belongs together goes to one of them.

A mark xdist_group would say it, but comes to nothing with pytest 9.2: the group's name was written into the test's id.
"""

from __future__ import annotations

import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadFileScheduling

KEY = "booting"
"""Under which a worker is told the file that it names the tests in, which one worker has to run."""


def notes() -> Path:
    """That file, of the process that hands out the tests."""
    return Path(tempfile.gettempdir()) / f"series-ci-booting-{os.getpid()}"


class Files(LoadFileScheduling):
    """Hands out whole files, for what the tests of a file share; all that boot are one, and the first."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # not the files with most tests first, but in their order

    @cached_property
    def booting(self) -> frozenset[str]:
        """The ids of the tests that boot: they are known once all workers have collected, and not asked for before."""
        return frozenset(notes().read_text("utf-8").splitlines())

    def _split_scope(self, nodeid: str) -> str:
        return KEY if nodeid in self.booting else super()._split_scope(nodeid)
