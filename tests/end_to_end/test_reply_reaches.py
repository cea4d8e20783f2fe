"""The whole way with real parts: a list, b4, a test, the reply, git send-email, and b4 reading the trailer."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import lab, mails, publicinbox, sending
from fakes.lab import Lab
from fakes.publicinbox import Inbox
from fakes.world import PASSES
from series_ci.host import process
from series_ci.mail import message

pytestmark = [pytest.mark.lore, publicinbox.needs_programs]

LIST = "linux-mm@example.org"
TESTER = "Tess Ter <tess@example.org>"
CC = b"Cc: Mo Reeve <mo.reeve@example.org>,\n =?utf-8?q?Ir=C3=A8ne=2C_Lo?= <lo@example.org>, tess@example.org\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab.world(tmp_path_factory.mktemp("reaches")) as found:
        (found.folder / "home").mkdir()
        yield found


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    (tmp_path / "list").mkdir()
    return Inbox(tmp_path / "list", LIST)


def ci(*words: str) -> str:
    """What series-ci prints. It is a process of its own: it ends all its children, and the list must not be one."""
    where = os.pathsep.join(path for path in sys.path if path)
    done = process.run([sys.executable, "-m", "series_ci", *words], env={"PYTHONPATH": where}, cwd=Path.home())
    assert done.code == 0, done.err
    return done.out


def applied(url: str, message_id: str, folder: Path) -> list[str]:
    """The patches as a maintainer's `b4 am` gives them, with what was said in the thread."""
    b4 = process.which("b4")
    assert b4
    argv = [b4, "-c", f"b4.midmask={url}%s", "-c", "b4.attestation-policy=off", "--no-stdin", "am", "-o", "out"]
    folder.mkdir()
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    done = process.run([*argv, message_id], cwd=folder, env={**home, **process.GIT_ALONE})
    assert done.code == 0, done.err
    (mbox,) = (folder / "out").glob("*.mbx")
    return [message.body_of(message.parse(raw)) for raw in message.split_mbox(mbox.read_bytes())]


def sent(raws: Sequence[bytes]) -> list[bytes]:
    return [CC + raw for raw in raws]


def test_a_tested_by_reaches_everybody_and_counts_for_the_whole_series(
    shared: Lab, inbox: Inbox, tmp_path: Path
) -> None:
    sending.require(shared.folder / "home")
    shared.qemu.plan(PASSES)
    inbox.deliver(*sent(mails.series()))
    out, cover = tmp_path / "run", mails.message_id(1, 0)
    with inbox.serving() as url:
        # Asked for by one of its patches: the answer is to all of it.
        words = [mails.message_id(1, 2), "--archive", url, "--tree", str(shared.linux), "--test", "mm/good"]
        ci("test", *words, "--accel", "tcg", "--out", str(out))
        send = shlex.split(ci("post", str(out), "--to", "mail", "--tested-by", TESTER).rpartition("send it: ")[2])
        ci("verify", str(out))
        said = ci("post", str(out), "--to", "mail", "--dry-run").splitlines()
        people = [line for line in said if line.startswith("RCPT TO:")]
        assert people == [
            "RCPT TO:<robin.vale@example.org>",
            f"RCPT TO:<{LIST}>",
            "RCPT TO:<mo.reeve@example.org>",
            "RCPT TO:<lo@example.org>",
        ]
        assert f"In-Reply-To: <{cover}>" in said
        assert f"Subject: Re: [PATCH v1 0/2] {mails.COVER}" in said
        assert (
            message.header(message.parse((out / "reply.eml").read_bytes()), "To")
            == "Robin Välé <robin.vale@example.org>"
        )
        before = applied(url, mails.message_id(1, 1), tmp_path / "before")
        assert len(before) == 2
        assert not any("Tested-by" in text for text in before)
        # The very command that was printed, with a list in the place of a mail server.
        done = process.run(
            [*send[:2], "--confirm=never", f"--smtp-server={inbox.delivery()}", *send[2:]], cwd=Path.home()
        )
        assert done.code == 0, done.err
        after = applied(url, mails.message_id(1, 1), tmp_path / "after")
    assert [text.count(f"\nTested-by: {TESTER}\n") for text in after] == [1, 1]
