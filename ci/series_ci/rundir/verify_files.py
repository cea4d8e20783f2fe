"""The files of a run directory from elsewhere: nothing unknown is in it, no link, nothing too large."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from series_ci.errors import UsageError
from series_ci.guest.record import GUEST, GUEST_FILES, RUN_FILE, TRY
from series_ci.kernel.logs import BUILD_LOG, CONFIG, SELFTESTS_LOG
from series_ci.manifest.fields import LABEL
from series_ci.results import looks
from series_ci.rundir import layout

MIB = 1 << 20


@dataclass(frozen=True)
class SizeLimits:
    """The most bytes of a record (which is read), of any other file, and of all files; the most files."""

    record: int = 64 * MIB
    file: int = 512 * MIB
    total: int = 4096 * MIB
    files: int = 20_000


LIMITS = SizeLimits()


_GUEST = rf"(?:{GUEST}\d{{1,4}}/)?(?:{TRY}\d{{1,4}}/)?(?:{layout.any_of(*GUEST_FILES)})"


_BOOT = rf"(?:{layout.any_of(RUN_FILE, CONFIG, BUILD_LOG, SELFTESTS_LOG)}|{_GUEST})"


_OWN_BASE = rf"{layout.BASE}(?:-[2-{looks.MOST}])?"


# A sweep over several bases has the second one in base.2/base, what was merged has it in base.2.
_BASE = rf"{layout.BASE}(?:\.\d{{1,4}}(?:/{layout.BASE})?)?(?:-\d{{1,4}})?"


_PATCHED = rf"{layout.PATCHED}(?:-[2-{looks.MOST}])?"


_DOCUMENTS = layout.any_of(
    *(layout.MAILS, layout.SENT, layout.REPLY, layout.JUNIT, layout.RUN_LOCK),
    *(layout.REPRODUCTION, layout.REPRODUCTION_JSON, layout.SUMMARY),
)


_VERSION = rf"(?:{_DOCUMENTS}|{_PATCHED}/{_BOOT}|{layout.PATCH}\d{{1,4}}/{layout.any_of(BUILD_LOG)})"


_SWEEP = layout.any_of(layout.JUNIT, layout.SUMMARY, layout.TABLE, layout.STATE, layout.IN_USE)


OF_VERSION = re.compile(rf"{_VERSION}|{_OWN_BASE}/{_BOOT}")


OF_SWEEP = re.compile(rf"{_SWEEP}|{_BASE}/{_BOOT}|{LABEL}/{_VERSION}")


_RECORDS = re.compile(rf".*\.json|.*(?:{_DOCUMENTS})")


BOOTS_OF_VERSION = re.compile(rf"{_OWN_BASE}|{_PATCHED}")


BOOTS_OF_SWEEP = re.compile(rf"\.\./{_BASE}|(?:\.\./{LABEL}/)?{_PATCHED}")


_HINT = "it was changed, or cut short on its way: take it from where it was made, or run the test again"


def wrong(path: Path, what: str) -> UsageError:
    """Return the error for a file that does not belong."""
    return UsageError(f"{path}: {what}", hint=_HINT)


def look_at_files(folder: Path, known: re.Pattern[str], limits: SizeLimits) -> None:
    """Raise UsageError for the first file that is not `known`, not regular or too large."""
    number = total = 0
    for path, status in _walk(folder):
        name = str(path.relative_to(folder))
        require_regular(path, status, limits.record if _RECORDS.fullmatch(name) else limits.file)
        if not known.fullmatch(name):
            raise wrong(path, "is nothing that a run leaves behind")
        number, total = number + 1, total + status.st_size
        if number > limits.files or total > limits.total:
            raise wrong(folder, f"has more than {limits.files} files or {limits.total // MIB} MiB")


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield all that is no folder, and its status; links are not followed."""
    for root, folders, names in os.walk(folder):
        here = Path(root)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield here / name, (here / name).lstat()


def require_regular(path: Path, status: os.stat_result, most: int) -> None:
    """Raise UsageError for what is no regular file, or has more than `most` bytes."""
    if not stat.S_ISREG(status.st_mode):
        raise wrong(path, "is a link" if stat.S_ISLNK(status.st_mode) else "is no regular file")
    if status.st_size > most:
        raise wrong(path, f"has more than {most // MIB} MiB")
