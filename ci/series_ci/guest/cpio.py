"""Make an initramfs archive (cpio, newc format) in memory: reproducible, and without root rights or device nodes.

The format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALIGN = 4


@dataclass(frozen=True)
class Entry:
    """One name in the archive: `mode` is type and permissions, `data` a file's content or a link's target.

    `device` is (major, minor) for a device node.
    """

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    """Return the entry of a folder."""
    return Entry(name, stat.S_IFDIR | 0o755)


def program(name: str, data: bytes) -> Entry:
    """Return the entry of an executable file."""
    return Entry(name, stat.S_IFREG | 0o755, data)


def link(name: str, target: str) -> Entry:
    """Return the entry of a symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, os.fsencode(target))


def console() -> Entry:
    """Return the entry of /dev/console, which the kernel opens for /init before devtmpfs is mounted."""
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries and all folders above them, each once, sorted so that folders come before what is in them."""
    named: dict[str, Entry] = {}
    for entry in entries:
        parts = entry.name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            named.setdefault(parent, folder(parent))
        named[entry.name] = entry
    return [named[name] for name in sorted(named)]


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the archive's bytes."""
    return b"".join(_pieces(entries))


def _pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    for number, entry in enumerate(entries, 1):
        yield _record(number, entry)
    yield _record(0, Entry("TRAILER!!!", 0))


def _record(number: int, entry: Entry) -> bytes:
    name = os.fsencode(entry.name) + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % value for value in fields)
    return _pad(head + name) + _pad(entry.data)


def _pad(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % ALIGN)
