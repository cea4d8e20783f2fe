"""Mail: the reply as a file, and the command that sends it. Whoever answers for the words sends them himself.

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
"""What git says where a package is missing, and what to install."""


def command(file: Path) -> list[str]:
    """What sends the mail: to whom its headers say and to nobody else, as an answer to the mail it answers.

    Raises UsageError for a file that is no mail which could be sent.
    """
    try:
        message = parse(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    missing = [name for name in REPLY_NEEDS if not header(message, name)]
    if missing:
        raise UsageError(f"{file}: is no reply: it has no {', '.join(missing)}")
    answered = header(message, "In-Reply-To")
    # Without --suppress-cc git adds everybody whom a trailer in the text names.
    return [
        "git",
        "send-email",
        "--suppress-cc=all",
        f"--in-reply-to={answered}",
        *_people(message, "To", "Cc"),
        str(file),
    ]


def _people(message: Message, *names: str) -> list[str]:
    """The addresses as options: --suppress-cc=all makes git leave out the Cc: of the mail, too."""
    # As they were written: in a decoded one, a name with a comma would be two people.
    written = {key.lower(): " ".join(str(value).split()) for key, value in message.raw_items()}
    return [f"--{name.lower()}={value}" for name in names if (value := written.get(name.lower()))]


def try_out(argv: list[str]) -> str:
    """What git would send, by its own --dry-run. Raises InfrastructureError if git cannot say."""
    done = process.run([*argv[:2], "--dry-run", "--confirm=never", *argv[2:]], timeout=120)
    if done.code:
        hint = next((hint for words, hint in _MISSING.items() if words in done.err), "is sendemail configured?")
        raise InfrastructureError("git send-email --dry-run failed", details=done.err, hint=hint)
    return done.out
