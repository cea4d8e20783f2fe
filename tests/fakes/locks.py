"""A lock, as a run leaves it."""

from __future__ import annotations

from typing import Any

from series_ci import arch, lock
from series_ci.kernel import kconfig

OPTIONS = "CONFIG_KUNIT=y\n"


def of_test(**parts: Any) -> lock.Lock:
    """The lock of a test; `parts` are fields that are otherwise."""
    fields: dict[str, Any] = {
        "verb": "test",
        "series": "mini",
        "label": "v1",
        "title": "mm: one",
        "mails": lock.Mails(message_ids=("a@example.org",), archive="mail", digest="1", patch_ids=("2",)),
        "tree": lock.Tree(spec="linux", base_patches=(), base="3", patched="4"),
        "config": lock.Config(digest=kconfig.digest(OPTIONS), options=OPTIONS),
        "guest": lock.Guest(memory=64 << 20, cpus=1, swap=0, accel="tcg"),
        "tests": (lock.Program(program="mm/good", name="mm/good", args=(), timeout=None),),
        "arch": arch.host(),
        "tools": lock.Tools(
            series_ci="1",
            toolchain="gcc",
            compiler="gcc 12",
            qemu="7",
            qemu_argv="qemu",
            selftests="5",
            images={"base": "6", "patched": "7"},
            host="here",
        ),
        "tested": lock.Tested(base={}, patched={}, changes={}, complaints=(), verdict="no regression"),
    }
    return lock.Lock(**{**fields, **parts})
