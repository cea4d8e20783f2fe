"""The bits of /proc/sys/kernel/tainted: their letters and meanings."""

from __future__ import annotations

from collections.abc import Sequence

_TAINTS = (
    ("P", "a proprietary module was loaded"),
    ("F", "a module was loaded by force"),
    ("S", "the CPU is out of specification"),
    ("R", "a module was unloaded by force"),
    ("M", "the CPU reported a machine check"),
    ("B", "a page was in a bad state"),
    ("U", "user space asked for it"),
    ("D", "the kernel died: an oops or BUG"),
    ("A", "an ACPI table was overridden"),
    ("W", "a warning was issued"),
    ("C", "a staging driver was loaded"),
    ("I", "a bug of the firmware was worked around"),
    ("O", "a module from outside of the tree was loaded"),
    ("E", "an unsigned module was loaded"),
    ("L", "a soft lockup happened"),
    ("K", "the kernel was live-patched"),
    ("X", "the distributor says so"),
    ("T", "struct randomisation"),
    ("N", "an in-kernel test ran"),
    ("J", "a fwctl device was used to debug"),
)
"""By the number of the bit, as Documentation/admin-guide/tainted-kernels.rst has them."""


BAD_TAINTS = frozenset("MBDWL")
"""The letters of bits that are set when something went wrong."""


def taints(bits: int) -> list[tuple[str, str]]:
    """Return letter and meaning of each bit that is set in a value of /proc/sys/kernel/tainted."""
    return [each for number, each in enumerate(_TAINTS) if bits >> number & 1]


def in_words(found: Sequence[tuple[str, str]]) -> str:
    """Return letters and meanings, as `taints` gives them, as a text."""
    return ", ".join(f"{letter} ({why})" for letter, why in found)
