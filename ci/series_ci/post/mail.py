"""Make the command that sends a reply. It is not run here: the sender answers for the text.

`git send-email` takes any mail; `b4 send` only the patches of a branch that b4 prepared, so it cannot send a reply.
"""

from __future__ import annotations

from email.message import Message
from pathlib import Path

from series_ci.errors import InfrastructureError, UsageError
from series_ci.host import process
from series_ci.mail.message import REPLY_NEEDS, header, parse

_MISSING = {
    "not a git command": "Debian has it in the package git-email",
    "Mail::Address": "Debian has what git send-email needs in the package libmailtools-perl",
}
"""A message of git for a missing package -> what to install."""


def command(file: Path) -> list[str]:
    """Return the git send-email command for a reply: to the recipients in its headers, and to nobody else.

    Raises UsageError if the file cannot be read, or is no reply.
    """
    try:
        message = parse(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    missing = [name for name in REPLY_NEEDS if not header(message, name)]
    if missing:
        raise UsageError(f"{file}: is no reply: it has no {', '.join(missing)}")
    answered = header(message, "In-Reply-To")
    # Without --suppress-cc git adds everybody named in a trailer.
    return [
        "git",
        "send-email",
        "--suppress-cc=all",
        f"--in-reply-to={answered}",
        *_people(message, "To", "Cc"),
        str(file),
    ]


def _people(message: Message, *names: str) -> list[str]:
    """Return the addresses as options: --suppress-cc=all makes git ignore the Cc: of the mail, too."""
    # Undecoded: a decoded name with a comma would become two people.
    written = {key.lower(): " ".join(str(value).split()) for key, value in message.raw_items()}
    return [f"--{name.lower()}={value}" for name in names if (value := written.get(name.lower()))]


def try_out(argv: list[str]) -> str:
    """Return what git would send, by its --dry-run. Raises InfrastructureError if that fails."""
    done = process.run([*argv[:2], "--dry-run", "--confirm=never", *argv[2:]], timeout=120)
    if done.code:
        hint = next((hint for words, hint in _MISSING.items() if words in done.err), "is sendemail configured?")
        raise InfrastructureError("git send-email --dry-run failed", details=done.err, hint=hint)
    return done.out
