"""Series as nobody should send them: diffs written by hand, in mails of their own."""

from __future__ import annotations

import difflib


def quoted(path: str) -> str:
    """A path of a diff's header as git writes it: in quotes, with octal bytes, where it is not plain."""
    if path.isascii() and path.isprintable() and not set(path) & {'"', "\\"}:
        return path
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in path.encode()
    )
    return f'"{escaped}"'


def added(path: str, text: str, mode: str = "100644") -> str:
    """The diff that adds a file; the target of a link is its text."""
    lines = text.splitlines() or [""]
    end = "" if text.endswith("\n") else "\\ No newline at end of file\n"
    return (
        f"diff --git {quoted('a/' + path)} {quoted('b/' + path)}\nnew file mode {mode}\nindex 0000000..1234567\n"
        f"--- /dev/null\n+++ {quoted('b/' + path)}\n@@ -0,0 +1,{len(lines)} @@\n"
        + "".join(f"+{line}\n" for line in lines)
        + end
    )


def link(path: str, target: str) -> str:
    """The diff that adds a symbolic link."""
    return added(path, target, "120000")


def removed(path: str, text: str) -> str:
    """The diff that removes a file."""
    lines = text.splitlines()
    return (
        f"diff --git a/{path} b/{path}\ndeleted file mode 100644\nindex 1234567..0000000\n--- a/{path}\n+++ /dev/null\n"
        f"@@ -1,{len(lines)} +0,0 @@\n" + "".join(f"-{line}\n" for line in lines)
    )


def edited(path: str, old: str, new: str) -> str:
    """The diff that makes one text of another."""
    names = (quoted(f"a/{path}"), quoted(f"b/{path}"))
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), *names)
    return f"diff --git {names[0]} {names[1]}\nindex 1234567..89abcde 100644\n" + "".join(lines)


def misfit(path: str, mode: str = "100644") -> str:
    """A diff of a file that finds no place in it."""
    old, new = quoted(f"a/{path}"), quoted(f"b/{path}")
    hunk = "@@ -1,3 +1,3 @@\n no such line\n-neither this\n+other\n nor that\n"
    return f"diff --git {old} {new}\nindex 1234567..89abcde {mode}\n--- {old}\n+++ {new}\n{hunk}"


def series(name: str, *diffs: str) -> list[bytes]:
    """The mails of a series, a patch for each diff; the first one's Message-ID is NAME-1@example.org."""
    total = len(diffs)
    return [
        (
            f"Message-ID: <{name}-{number}@example.org>\nFrom: Dev Eloper <dev@example.org>\n"
            f"Date: Tue, 3 Feb 2026 11:05:{number:02} +0100\nSubject: [PATCH {number}/{total}] mm: {name}\n"
            "To: linux-mm@example.org\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            "Content-Transfer-Encoding: 8bit\n"
            + (f"In-Reply-To: <{name}-1@example.org>\nReferences: <{name}-1@example.org>\n" if number > 1 else "")
            + f"\nText.\n\nSigned-off-by: Dev Eloper <dev@example.org>\n---\n x | 1 +\n\n{diff}\n-- \n2.39.5\n"
        ).encode("utf-8", "surrogateescape")
        for number, diff in enumerate(diffs, 1)
    ]
