"""Make the lock of a tested version. That of a bench is made by `bench_runlock`, which needs numpy and scipy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from series_ci import __version__
from series_ci.host import files, paths, process
from series_ci.kernel import kconfig, selftests
from series_ci.kernel.base import Base
from series_ci.kernel.kernel import BuildSetup
from series_ci.kernel.store import Store
from series_ci.mail.fetch import Fetched
from series_ci.manifest.request import Request
from series_ci.pipeline.outcome import Outcome
from series_ci.rundir import runlock
from series_ci.rundir.runlock import Lock


def of_test(outcome: Outcome) -> Lock | None:
    """Return the lock of a tested version, or None without a comparison: there is no result to repeat then."""
    compared, request = outcome.comparison, outcome.request
    if compared is None or outcome.build_setup is None:
        return None
    base, patched = outcome.runs[:2]
    entries = compared.entries
    return Lock(
        verb="test",
        guest=runlock.Guest(
            memory=request.machine.memory,
            cpus=request.machine.cpus,
            swap=request.machine.swap,
            accel=patched.environment["accelerator"],
        ),
        tests=tuple(
            runlock.Program(program=each.program, name=each.name, args=each.args, timeout=each.timeout)
            for each in request.tests
        ),
        allow=request.allow,
        tested=runlock.TestedResults(
            base={each.name: each.base.value for each in entries if each.base is not None},
            patched={each.name: each.patched.value for each in entries if each.patched is not None},
            changes={each.name: each.change.value for each in entries},
            complaints=tuple(sorted({each.fingerprint for each in compared.new_splats})),
            verdict=compared.verdict,
        ),
        patches=tuple(
            runlock.Built(name=each.name, builds=each.error is None, new_warnings=each.warnings)
            for each in outcome.steps
        ),
        **inputs(request, outcome.fetched, outcome.base, outcome.build_setup, patched.commit),
        tools=tools(
            request,
            outcome.build_setup,
            patched.environment,
            shlex.split(patched.environment["qemu_argv"]),
            {"base": base.environment["image"], "patched": patched.environment["image"]},
        ),
    )


def inputs(request: Request, fetched: Fetched, base: Base, build_setup: BuildSetup, commit: str) -> dict[str, Any]:
    """Return the fields of a lock that say what was built. `commit` is the base with the series."""
    store = Store(base.store)
    base_patches = next((each.base_patches for each in request.trees if each.spec == base.spec), ())
    return {
        "series": request.series,
        "label": request.label,
        "title": fetched.title,
        "permit": request.permit,
        "arch": request.arch.name,
        "mails": runlock.Mails(
            message_ids=request.message_ids,
            archive=paths.named(request.archive),
            digest=fetched.digest,
            patch_ids=fetched.patch_ids,
            cover=fetched.cover.message_id if fetched.cover else "",
        ),
        "tree": runlock.Tree(
            spec=paths.named(base.spec),
            base_patches=tuple(runlock.BasePatch.of(path) for path in base_patches),
            base=store.tree_id(base.commit),
            patched=store.tree_id(commit),
        ),
        "config": runlock.Config(digest=build_setup.config_digest, options=kconfig.render(build_setup.options)),
    }


def tools(
    request: Request, build_setup: BuildSetup, seen: Mapping[str, str], argv: Sequence[str], images: dict[str, str]
) -> runlock.Tools:
    """Return what the kernels were built and booted with.

    `seen` is the environment of a boot, `argv` the command line of QEMU, `images` the digest of each side's image.
    """
    ours = [files.digest_files(selftests.own(collection)) for collection in build_setup.collections]
    return runlock.Tools(
        series_ci=__version__,
        toolchain="llvm" if request.toolchain == "llvm" else "gcc",
        compiler=build_setup.tools.version,
        qemu=seen["qemu"],
        qemu_argv=_without_folders(argv),
        selftests=files.digest(*ours)[:16],
        images=images,
        host=seen["host"],
    )


def _without_folders(argv: Sequence[str]) -> str:
    """Return QEMU's command line with files by name only, since their folders exist on one machine only."""
    return process.quote([re.sub(r"/[^,]*/", "", word) for word in argv])
