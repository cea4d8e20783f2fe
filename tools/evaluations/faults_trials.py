"""Chains of kills: the program is killed at random moments and started again, and must come to the usual verdict."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faults_bench import Bench, Loss, Ran, Verdict, killed_in
from series_ci.errors import InfrastructureError
from series_ci.progress import Progress, count

MOST_KILLS = 4
"""How often one trial is killed at most, before it may run to its end."""


@dataclass(frozen=True)
class Plan:
    """One trial: what it lacks when it begins, and its kills as fractions of the time that the program needs then."""

    loss: Loss
    moments: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """What came of a trial: (step, seconds since the start) of each kill, time in all, and what was wrong."""

    plan: Plan
    kills: tuple[tuple[str, float], ...]
    seconds: float
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """An undisturbed run in an empty cache."""

    version: str
    ran: Ran
    verdict: Verdict

    @property
    def order(self) -> list[str]:
        """The names of all steps."""
        return list(self.ran.steps)

    def expected(self, loss: Loss) -> float:
        """About how many seconds a run takes that lacks so much."""
        steps = self.ran.steps
        start = max(0.0, self.ran.seconds - sum(steps.values()))
        return start + sum(seconds for name, seconds in steps.items() if name.startswith(loss.steps))


def reference(bench: Bench, version: str, progress: Progress) -> Reference:
    """Run a version undisturbed. Raises InfrastructureError if it comes to no verdict."""
    with progress.step(f"reference {version}") as step:
        ran = bench.run(version, bench.out())
        verdict = ran.verdict
        if verdict is None:
            raise InfrastructureError(f"the undisturbed run of {version} gave no verdict", details=ran.said[-2000:])
        step.note(f"{verdict.words}; {len(ran.steps)} steps")
    return Reference(version, ran, verdict)


def plans(kills: int, seed: int) -> Iterator[Plan]:
    """Trials without end, the first of them with nothing at hand; `kills` bounds those of each."""
    choose = random.Random(seed)
    loss = Loss.ALL
    while True:
        number = min(kills, choose.randint(1, MOST_KILLS))
        yield Plan(loss, tuple(choose.random() for _ in range(number)))
        loss = choose.choice(list(Loss))


def run(bench: Bench, known: Reference, kills: int, seed: int, progress: Progress) -> list[Trial]:
    """Make trials until so many kills have hit the program."""
    trials: list[Trial] = []
    for plan in plans(kills, seed):
        left = kills - sum(len(each.kills) for each in trials)
        if left <= 0:
            return trials
        with progress.step(f"trial {len(trials) + 1}") as step:
            trials.append(one(bench, known, Plan(plan.loss, plan.moments[:left])))
            step.note(f"without {plan.loss.title}; killed in {where(trials[-1])}; {outcome(trials[-1])}")
    return trials


def one(bench: Bench, known: Reference, plan: Plan) -> Trial:
    """Kill the program as planned, then let it come to its end, and look at what it has left."""
    bench.lose(plan.loss)
    out = bench.out()
    expected = known.expected(plan.loss)
    kills: list[tuple[str, float]] = []
    wrong: list[str] = []
    seconds = 0.0
    for moment in (*plan.moments, None):
        ran = bench.run(known.version, out, None if moment is None else moment * expected)
        seconds += ran.seconds
        wrong += bench.complaints(ran)
        if ran.status is not None:
            break
        kills.append((killed_in(ran, known.order), ran.seconds))
        if (out / "summary.json").exists():  # a run directory that is finished is never written again
            out = bench.out()
    return Trial(plan, tuple(kills), seconds, (*wrong, *judge(known, ran)))


def judge(known: Reference, ran: Ran) -> list[str]:
    """What a run's verdict has that the undisturbed one has not."""
    if ran.verdict is None:
        last = (ran.said.strip().splitlines() or ["nothing"])[-1]
        return [f"no verdict, status {ran.status}: {last}"]
    return known.verdict.differences(ran.verdict)


def where(trial: Trial) -> str:
    """The steps in which it was killed, and when."""
    return ", ".join(f"{step} {seconds:.1f} s" for step, seconds in trial.kills) or "no step: it was through before"


def outcome(trial: Trial) -> str:
    """One word or the first complaint."""
    return "the same verdict" if not trial.wrong else f"{len(trial.wrong)} wrong: {trial.wrong[0]}"


def summary(trials: Sequence[Trial]) -> str:
    """Counts, the steps that were hit, and the outcome."""
    hit = Counter(step for trial in trials for step, _seconds in trial.kills)
    bad = sum(bool(trial.wrong) for trial in trials)
    steps = ", ".join(f"{step} {number}" for step, number in hit.most_common())
    said = f"{bad} of them went wrong" if bad else "each came to the same verdict and left nothing behind"
    wall = sum(trial.seconds for trial in trials)
    what = f"{count(sum(hit.values()), 'kill')} in {count(len(trials), 'trial')}, {wall:.0f} s"
    return f"{what}: {said}; killed in {steps or 'no step'}"
