"""Mend a build folder in which make was killed.

make removes half-written targets when a signal ends it, but SIGKILL, a power cut or a full disk leaves them behind,
newer than their sources, and the next make would take them for whole. So a folder has a mark file during a build. A
build that finds the mark removes what was written since the mark was set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from series_ci.errors import InfrastructureError
from series_ci.host import files
from series_ci.host.process import KILL_GRACE

MARK = ".series-ci-building"


@contextmanager
def being_built(folder: Path) -> Iterator[None]:
    """Mark `folder` for the block. Before that, remove what a build that was killed there had written."""
    mark = folder / MARK
    if mark.exists():
        _remove_since(folder, mark.lstat().st_mtime)
    with files.disk_errors(mark):
        mark.unlink(missing_ok=True)
        mark.touch()
    try:
        yield
    except KeyboardInterrupt:
        # make is killed KILL_GRACE after the signal; files older than that are whole.
        since = time.time() - 2 * KILL_GRACE
        os.utime(mark, (since, since), follow_symlinks=False)
        raise
    except (InfrastructureError, OSError):  # a full disk, say: the file written last may be cut short
        raise
    except BaseException:
        mark.unlink(missing_ok=True)
        raise
    mark.unlink(missing_ok=True)


def _remove_since(folder: Path, since: float) -> None:
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if name != MARK and path.lstat().st_mtime >= since:
                path.unlink()
