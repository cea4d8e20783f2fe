"""Two at once on one cache: both come to their verdicts, and who has to wait says so."""

from __future__ import annotations

from dataclasses import dataclass

from faults_bench import Bench, Loss
from faults_trials import Reference, judge
from series_ci.progress import Progress

WAITS = "waiting for it"
"""What the program says when another one holds a lock."""


@dataclass(frozen=True)
class Pair:
    """Two runs at once: their versions, the seconds until both were through, which of them waited, what was wrong."""

    versions: tuple[str, str]
    seconds: float
    waited: int
    wrong: tuple[str, ...]


def run(bench: Bench, one: Reference, other: Reference, progress: Progress) -> list[Pair]:
    """The same version twice, then two versions, each time with kernels that have to be built."""
    found = []
    for first, second in ((one, one), (one, other)):
        with progress.step(f"{first.version} and {second.version}") as step:
            found.append(_both(bench, first, second))
            step.note(f"{found[-1].waited} waited; " + (found[-1].wrong or ("both verdicts are right",))[0])
    return found


def _both(bench: Bench, first: Reference, second: Reference) -> Pair:
    bench.lose(Loss.KERNELS)
    with bench.started(first.version, bench.out()) as one, bench.started(second.version, bench.out()) as other:
        one.wait(None)
        other.wait(None)
        ran = (one.ended(), other.ended())
    wrong = [line for each in ran for line in bench.complaints(each)]
    for known, each in zip((first, second), ran, strict=True):
        wrong += judge(known, each)
    waited = sum(WAITS in each.said for each in ran)
    if not waited:
        wrong.append("neither waited for the other, or it did not say so")
    return Pair((first.version, second.version), max(each.seconds for each in ran), waited, tuple(dict.fromkeys(wrong)))
