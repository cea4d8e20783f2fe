"""The mutants: folio_referenced_one() of Linux 6.12 with one condition of the exit skip changed in each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from series_ci.errors import UsageError

FILE = "mm/rmap.c"

USERS = "!atomic_read(&vma->vm_mm->mm_users)"
SPACE = "check_stable_address_space(vma->vm_mm)"
GONE = f"({USERS} || {SPACE})"
KIND = "folio_test_anon(folio) && folio_test_swapbacked(folio)"
ALONE = "!folio_likely_mapped_shared(folio)"
KEEP = "pra->referenced = -1;"
STOP = "page_vma_mapped_walk_done(&pvmw); return false;"


@dataclass(frozen=True)
class Mutant:
    """One edit of FILE: `old`, found whatever the white space between its words, becomes `new`.

    `change` says in a few words what that does to the kernel; `uncatchable` why no case can see it, if none can.
    """

    name: str
    change: str
    old: str
    new: str
    uncatchable: str = ""

    def apply(self, source: str, spec: str) -> str:
        """FILE of the tree `spec` after the edit. Raises UsageError if that tree has another text there."""
        pattern = re.compile(r"\s+".join(re.escape(word) for word in self.old.split()))
        times = len(pattern.findall(source))
        if times != 1:
            raise UsageError(
                f"{spec}: {FILE} has the text that mutant {self.name} replaces {times} times, expected once",
                hint="give a tree with the feature as Linux 6.12 has it",
                details=self.old,
            )
        return pattern.sub(lambda _match: self.new, source)


MUTANTS = (
    Mutant(
        "no-anon",
        "folios need not be anonymous",
        old=KIND,
        new="folio_test_swapbacked(folio)",
    ),
    Mutant(
        "no-swapbacked",
        "folios need not be swap-backed",
        old=KIND,
        new="folio_test_anon(folio)",
    ),
    Mutant(
        "no-sharing",
        "folios may be mapped by other processes, too",
        old=f"{KIND} && {ALONE}) {{",
        new=f"{KIND}) {{",
    ),
    Mutant(
        "users-inverted",
        "the process must have users, instead of none",
        old=GONE,
        new=GONE.replace(USERS, USERS.removeprefix("!")),
    ),
    Mutant(
        "no-users",
        "having no users does not count, only being OOM-reaped",
        old=GONE,
        new=SPACE,
    ),
    Mutant(
        "no-address-space",
        "being OOM-reaped does not count, only having no users",
        old=GONE,
        new=USERS,
    ),
    Mutant(
        "returns-zero",
        "the answer is 0 references, instead of -1",
        old=KEEP,
        new="pra->referenced = 0;",
    ),
    # Hardly any folio that passes the sharing test has another mapping that could change the answer. A small folio has
    # mapcount 1, exactly: reclaim holds the folio lock, and nobody copies the page tables of an exiting process. A
    # large folio that only this process maps gets another -1 from each of its mappings. VMAs that do not map the folio
    # (of a fork that has its own copies) are walked as well, but count nothing: only PG_young could be counted there,
    # which page idle tracking and DAMON set. What is left is a large folio of which a process that lives on maps other
    # pages: with its first page mapped once at most, folio_likely_mapped_shared() guesses that it is not shared. If
    # the walk comes to that process after this one, and it has used its pages, then -1 and 1 make 0: FOLIOREF_RECLAIM,
    # instead of FOLIOREF_KEEP.
    Mutant(
        "walk-goes-on",
        "the other mappings are visited, too",
        old=f"{KEEP} {STOP}",
        # The walk of this mapping has to be ended all the same: it holds the page table lock.
        new=f"{KEEP} {STOP.replace('false', 'true')}",
    ),
    Mutant(
        "feature-off",
        "the whole block is gone",
        old=f"if ({GONE} && {KIND} && {ALONE}) {{ {KEEP} {STOP} }}",
        new="",
    ),
)
