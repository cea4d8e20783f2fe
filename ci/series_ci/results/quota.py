"""How many results of a run are kept, and how much of their logs: what a guest says has no other bound. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from series_ci.results.model import BOOT_RESULT, Result, Status

PROGRAM = 10_000
"""Results of one program, the program's own beside them."""

RUN = 50_000
"""Results of one run, those of the programs beside them."""

LOGS = 32_000_000
"""Characters of the logs of one run."""

LEFT_OUT = "left out"
"""The last part of the name of the result that says how many more there were."""

_NO_LOG = f"... left out: the tests of this run printed more than {LOGS // 1_000_000} million characters ..."


class Quota:
    """Counts what is kept and what is not. `tests` are the names of those whose own results are always kept."""

    def __init__(self, tests: Collection[str]) -> None:
        self._tests = frozenset(tests)
        self._kept: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._log = 0

    def take(self, result: Result) -> Result | None:
        """The result as it is kept, or None."""
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
        """The test that it is a result of. Those that belong to none share a place."""
        program = name.partition(":")[0]
        return program if program in self._tests else BOOT_RESULT

    def dropped(self) -> Iterator[Result]:
        """An error for each program that had more results: nothing is known of those."""
        for program, number in self._dropped.items():
            why = f"{number} more results are not kept: a program may have {PROGRAM}, a run {RUN}"
            yield Result(f"{program}:{LEFT_OUT}", Status.ERROR, why)
