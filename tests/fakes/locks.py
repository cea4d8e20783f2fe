"""A lock, as a run leaves it."""

from __future__ import annotations

from typing import Any

from series_ci import arch
from series_ci.kernel import kconfig
from series_ci.rundir import runlock

OPTIONS = "CONFIG_KUNIT=y\n"


def of_test(**parts: Any) -> runlock.Lock:
    """The lock of a test; `parts` are fields that are otherwise."""
    fields: dict[str, Any] = {
        "verb": "test",
        "series": "mini",
        "label": "v1",
        "title": "mm: one",
        "mails": runlock.Mails(message_ids=("a@example.org",), archive="mail", digest="1", patch_ids=("2",)),
        "tree": runlock.Tree(spec="linux", base_patches=(), base="3", patched="4"),
        "config": runlock.Config(digest=kconfig.digest(OPTIONS), options=OPTIONS),
        "guest": runlock.Guest(memory=64 << 20, cpus=1, swap=0, accel="tcg"),
        "tests": (runlock.Program(program="mm/good", name="mm/good", args=(), timeout=None),),
        "arch": arch.host(),
        "tools": runlock.Tools(
            series_ci="1",
            toolchain="gcc",
            compiler="gcc 12",
            qemu="7",
            qemu_argv="qemu",
            selftests="5",
            images={"base": "6", "patched": "7"},
            host="here",
        ),
        "tested": runlock.TestedResults(base={}, patched={}, changes={}, complaints=(), verdict="no regression"),
    }
    return runlock.Lock(**{**fields, **parts})
