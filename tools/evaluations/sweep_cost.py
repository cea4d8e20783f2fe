"""What a sweep costs, against its targets: builds from cold folders, wall time, a rerun, memory of the tool itself.

All figures are ratios within one run, so that a slow machine does not change them, but for
the memory. The folders are new ones below a scratch cache, whose git stores are those of the real cache.
"""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from figures import Figure, finish
from series_ci import cli
from series_ci.cli import options
from series_ci.cli.options import Options, Shown
from series_ci.cli.request import make_sweep
from series_ci.errors import ApplyError, BuildError, InfrastructureError
from series_ci.host import locks, paths, process
from series_ci.kernel import cache, kernel
from series_ci.manifest.request import Request
from series_ci.pipeline import stages, sweep
from series_ci.pipeline.rows import Row, Sweep
from series_ci.progress import Progress, Step
from series_ci.rundir import layout
from series_ci.rundir.run import Stage

BUILDS = ("build ", "selftests ")
GUESTS = ("boot ",)


@dataclass(frozen=True)
class Took:
    """One finished step: wall time in seconds, and whether it said that nothing had to be done."""

    name: str
    seconds: float
    cached: bool


class _Listening(Step):
    def __init__(self, step: Step) -> None:
        self.step = step
        self.cached = False

    def update(self, text: str) -> None:
        self.step.update(text)

    def note(self, text: str) -> None:
        self.cached = self.cached or text == "cached" or text.startswith("kept ")
        self.step.note(text)


class Stopwatch(Progress):
    """Passes everything on to another progress, and writes down how long each step took."""

    def __init__(self, shown: Progress) -> None:
        self.shown = shown
        self.took: list[Took] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time the block; one that fails counts as well."""
        start = time.monotonic()
        with self.shown.step(name) as inner:
            step = _Listening(inner)
            try:
                yield step
            finally:
                self.took.append(Took(name, time.monotonic() - start, step.cached))

    def say(self, text: str) -> None:
        """Pass it on."""
        self.shown.say(text)

    def seconds(self, kinds: Sequence[str]) -> float:
        """Time in steps of these kinds."""
        return sum(each.seconds for each in self.took if each.name.startswith(tuple(kinds)))

    def done(self, kinds: Sequence[str]) -> int:
        """Steps of these kinds that were not spared by a cache."""
        return sum(each.name.startswith(tuple(kinds)) and not each.cached for each in self.took)


@contextmanager
def cold_cache() -> Iterator[Path]:
    """A cache without builds, with the trees of the real one; everything else of it is gone after the block."""
    real = paths.cache()
    real.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sweep-cost-", dir=real) as name:
        for shared in ("trees", "downloads", "mail"):
            if (real / shared).exists():
                (Path(name) / shared).symlink_to(real / shared)
        before = os.environ.get("SERIES_CI_CACHE")
        os.environ["SERIES_CI_CACHE"] = name
        try:
            yield Path(name)
        finally:
            os.environ.pop("SERIES_CI_CACHE")
            if before is not None:
                os.environ["SERIES_CI_CACHE"] = before


def rebuild(pair: stages.KernelPair, out: Path) -> None:
    """Build base and version in turn in their warm folder, as a sweep goes from one version to the next."""
    build_setup = replace(pair.build_setup, collections=())
    with locks.locked(build_setup.store.lock, lambda _text: None):
        for number, commit in enumerate((pair.base.commit, pair.commit)):
            key = cache.key(build_setup.store.tree_id(commit), build_setup.tools, build_setup.options)
            shutil.rmtree(paths.cache() / "builds" / key)
            kernel.make(build_setup, pair.second.label, commit, out / f"rebuild-{number}", Progress())


def measure(asked: Sweep, argv: Sequence[str], out: Path, shown: Progress) -> list[Figure]:
    """Build base and last version in cold folders, then sweep in others, then sweep again where it has been."""
    first, whole, again = Stopwatch(shown), Stopwatch(shown), Stopwatch(shown)
    last = replace(asked.requests[-1], out=out / "pair")
    with cold_cache():
        stages.make_pair(last, first)
    with cold_cache():
        start = time.monotonic()
        rows = sweep.run_versions(asked, whole)
        wall = time.monotonic() - start
        require_result(rows)
        sweep.run_versions(asked, again)
        shown.say(
            f"built {first.seconds(BUILDS):.0f} s for two, {whole.seconds(BUILDS):.0f} s for all, of {wall:.0f} s"
        )
        beside = overlap(stages.make_pair(last, shown), last, argv, out, shown)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    built, guests = whole.seconds(BUILDS), whole.seconds(GUESTS)
    trees = sum(not row.same_as and row.stage is not Stage.APPLY for row in rows) + 1
    all_of_them, one = f"builds of base + {len(rows)} versions", f"builds of base + {last.label}"
    return [
        Figure(f"{all_of_them} / {one}", built / first.seconds(BUILDS), 1.4),
        Figure("wall time of the sweep / its builds and guests", wall / (built + guests), 1.1),
        Figure("kernels that were built / different trees", whole.done(["build "]) / trees, 1.0),
        Figure("builds of a second sweep", again.done(BUILDS), 0.0),
        Figure("boots of a second sweep where the first one was", again.done(GUESTS), 0.0),
        Figure("peak memory of the tool itself", memory, 200.0, "MB"),
        Figure(one, first.seconds(BUILDS), None, "s"),
        Figure(all_of_them, built, None, "s"),
        Figure("guests", guests, None, "s"),
        Figure("the whole sweep", wall, None, "s"),
        beside,
    ]


def require_result(rows: Sequence[Row]) -> None:
    """Figures of a sweep that fell over are none."""
    for row in rows:
        if row.error is not None and not isinstance(row.error, ApplyError | BuildError):
            raise InfrastructureError(f"{row.label}: {row.error.message}", hint=row.error.hint)


def overlap(pair: stages.KernelPair, request: Request, argv: Sequence[str], out: Path, shown: Progress) -> Figure:
    """Does it pay to build while a guest runs? Both one after the other, then both at once.

    The guests are those of testing one version, the builds two steps from tree to tree.
    """
    alone = [sys.executable, "-m", "series_ci", "test", request.label, *argv, "-q"]

    def timed(name: str, work: Callable[[], None]) -> float:
        with shown.step(name):
            start = time.monotonic()
            work()
            return time.monotonic() - start

    def both() -> None:
        with process.started([*alone, "--out", str(out / "both")]) as child:
            rebuild(pair, out)
            child.wait()

    guests = timed("guests alone", lambda: _ignore(process.run([*alone, "--out", str(out / "guests")])))
    builds = timed("builds alone", lambda: rebuild(pair, out))
    return Figure("builds beside guests / one after the other", timed("both", both) / (guests + builds), None)


def _ignore(_done: object) -> None:
    """What the guests find is not asked here."""


def show(figures: Sequence[Figure], out: Console) -> None:
    """Print one line per figure."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "measured", "bar", ""):
        rows.add_column(heading, no_wrap=True)
    for each in figures:
        bar = "" if each.bar is None else f"{each.bar:g}{each.unit and ' ' + each.unit}"
        verdict = "" if each.bar is None else "ok" if each.good else "too much"
        rows.add_row(each.what, f"{each.measured:.2f} {each.unit}".rstrip(), bar, verdict)
    out.print(rows, crop=False)


@click.command("sweep-cost", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@options.asked("test", *options.KERNEL)
@options.shown
def main(*, asked: Options, shown: Shown) -> int:
    """Measure a sweep over all versions of a series, from cold folders, against its targets.

    Exit status: 0 all are met, 1 one is not, 5 the sweep gave no result that could be measured.
    """
    sweep = make_sweep((), asked, keep_going=True)
    words = shlex.split(sweep.requests[-1].repeat)[3:]  # series-ci test LABEL ...
    figures = measure(sweep, words, layout.stamped(sweep.series, "sweep-cost"), shown.progress())
    return finish(figures, show, as_json=shown.as_json)


if __name__ == "__main__":
    sys.exit(cli.run(main))
