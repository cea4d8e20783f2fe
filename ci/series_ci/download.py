"""Files from the web, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from series_ci import files
from series_ci.errors import InfrastructureError

TIMEOUT = (15, 60)
"""Seconds to connect, and between two pieces of the answer."""

CHUNK = 1 << 20


def download(url: str, target: Path) -> None:
    """Fetch `url` into the file `target`. Raises InfrastructureError with the reason; then `target` does not exist."""
    partial = target.with_name(f".{target.name}.part")
    try:
        # The network's errors are OSErrors, too: they have to be told apart before the disk's.
        with (
            files.disk_errors(partial),
            _network_errors(url),
            requests.get(url, stream=True, timeout=TIMEOUT) as answer,
        ):
            answer.raise_for_status()
            with partial.open("wb") as out:
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk)
            expected = answer.headers.get("Content-Length")
            if (
                expected is not None
                and "Content-Encoding" not in answer.headers
                and partial.stat().st_size != int(expected)
            ):
                raise InfrastructureError(f"{url}: the answer ended after {partial.stat().st_size} of {expected} bytes")
            partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _network_errors(url: str) -> Iterator[None]:
    try:
        yield
    except requests.HTTPError as error:
        raise InfrastructureError(
            f"{url}: the server said {error.response.status_code} {error.response.reason}"
        ) from error
    except requests.RequestException as error:
        raise InfrastructureError(f"{url}: cannot be fetched: {error}") from error
