"""Limit how many results of a run are kept, and how much of their logs: a guest may print without bound. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from series_ci.results.model import BOOT_RESULT, Result, Status

PROGRAM = 10_000
"""The maximum number of results of one program, besides the program's own."""

RUN = 50_000
"""The maximum number of results of one run, besides those of the programs."""

LOGS = 32_000_000
"""The maximum number of characters in the logs of one run."""

LEFT_OUT = "left out"
"""The last part of the name of the result that counts the results that were dropped."""

_NO_LOG = f"... left out: the tests of this run printed more than {LOGS // 1_000_000} million characters ..."


class Quota:
    """Count what is kept and what is dropped. The results named in `tests` are always kept."""

    def __init__(self, tests: Collection[str]) -> None:
        self._tests = frozenset(tests)
        self._kept: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._log = 0

    def take(self, result: Result) -> Result | None:
        """Return the result as it is kept, perhaps without its log, or None if it is dropped."""
        if result.name not in self._tests:
            program = self._program(result.name)
            if self._kept[program] >= PROGRAM or self._kept.total() >= RUN:
                self._dropped[program] += 1
                return None
            self._kept[program] += 1
        if result.log:
            self._log += sum(map(len, result.log))
            return replace(result, log=(_NO_LOG,)) if self._log > LOGS else result
        return result

    def _program(self, name: str) -> str:
        """Return the test that a result belongs to. Results that belong to no test are counted with the boot."""
        program = name.partition(":")[0]
        return program if program in self._tests else BOOT_RESULT

    def dropped(self) -> Iterator[Result]:
        """Yield an ERROR for each program that had too many results: nothing is known of those."""
        for program, number in self._dropped.items():
            why = f"{number} more results are not kept: a program may have {PROGRAM}, a run {RUN}"
            yield Result(f"{program}:{LEFT_OUT}", Status.ERROR, why)
