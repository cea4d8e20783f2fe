"""Fetch files and pages from the web, completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from series_ci.errors import InfrastructureError
from series_ci.host import files

if TYPE_CHECKING:
    import requests

TIMEOUT = (15, 60)
"""Seconds to connect, and seconds between two pieces of the answer."""

CHUNK = 1 << 20

PAGE = 64 << 20
"""The maximum size of a page in bytes. A page of 200 mails has some 10 MB; a longer answer must be something else."""


TRY = "open the URL by hand; a server that is down or busy can be tried again later"


class RefusedError(InfrastructureError):
    """The server answered, but not with the page. `code` is its HTTP status, `body` is the text of the answer."""

    def __init__(self, url: str, code: int, reason: str, body: bytes = b"") -> None:
        super().__init__(f"{url}: the server said {code} {reason}", hint=TRY)
        self.code = code
        self.body = body


def get(url: str) -> bytes:
    """Fetch a page into memory. If the server has a temporary problem (5xx), ask once more.

    Raise RefusedError for an answer that is not 200, InfrastructureError if no answer comes, or an incomplete one.
    """
    try:
        return _get(url)
    except RefusedError as error:
        if error.code < 500 or error.code == 501:  # 501 Not Implemented is permanent
            raise
    return _get(url)


def _get(url: str) -> bytes:
    with _asked(url) as answer:
        body = b""
        for chunk in answer.iter_content(CHUNK):
            body += chunk
            if len(body) > PAGE:
                raise InfrastructureError(f"{url}: the answer is longer than {PAGE >> 20} MB", hint=TRY)
        if answer.status_code != 200:
            raise RefusedError(url, answer.status_code, answer.reason, body)
        if cut := cut_off(answer, len(body)):
            raise InfrastructureError(f"{url}: the answer {cut}", hint=TRY)
        return body


def cut_off(answer: requests.Response, size: int) -> str:
    """Return `ended after 2 of 3 bytes` if `size` is not the length in the answer's header, or ""."""
    expected = answer.headers.get("Content-Length", "")
    whole = not expected.isdecimal() or "Content-Encoding" in answer.headers or size == int(expected)
    return "" if whole else f"ended after {size} of {expected} bytes"


def download(url: str, target: Path) -> None:
    """Fetch `url` into the file `target`. If that fails, raise InfrastructureError, and `target` does not exist."""
    partial = target.with_name(f".{target.name}.part")
    try:
        # Errors of requests are OSErrors too, so _asked converts them before disk_errors sees them.
        with files.disk_errors(partial), _asked(url) as answer:
            answer.raise_for_status()
            with partial.open("wb") as out:
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk)
            if cut := cut_off(answer, partial.stat().st_size):
                raise InfrastructureError(f"{url}: the answer {cut}")
            partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _asked(url: str) -> Iterator[requests.Response]:
    """Yield the answer to a GET before its body is read. Convert network errors, also those in the block, to ours."""
    # Importing requests takes longer than most verbs need if everything is in the cache.
    import requests  # noqa: PLC0415

    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as answer:
            yield answer
    except requests.HTTPError as error:
        raise RefusedError(url, error.response.status_code, error.response.reason) from error
    except requests.RequestException as error:
        raise InfrastructureError(f"{url}: cannot be fetched: {error}", hint=TRY) from error
