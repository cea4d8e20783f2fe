"""A build folder that make was killed in must not be trusted by the next make.

make removes half-written targets when a signal ends it, but SIGKILL, a power cut or a full disk leaves them behind,
newer than their sources. So a folder carries a mark while it is built in, and what was written since the mark was set
is removed when the mark is still there at the next build.
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
    """Mark `folder` for the time of the block, and repair it first if an earlier build was killed there."""
    mark = folder / MARK
    if mark.exists():
        _remove_since(folder, mark.lstat().st_mtime)
    with files.disk_errors(mark):
        mark.unlink(missing_ok=True)
        mark.touch()
    try:
        yield
    except KeyboardInterrupt:
        # make had this long to clean up before it was killed: only what is younger is in doubt.
        since = time.time() - 2 * KILL_GRACE
        os.utime(mark, (since, since), follow_symlinks=False)
        raise
    except (InfrastructureError, OSError):  # of a full disk, say: what was written last may be half of it
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
