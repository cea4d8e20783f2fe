"""Post to KCIDB, the database for the results of all kernel testers: validate a document by its schema, and submit it.

The database merges objects by their ids, so a document that is submitted twice is stored once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from jsonschema.exceptions import ValidationError
from kcidb_io import schema

from series_ci.errors import Error, InfrastructureError, UsageError
from series_ci.post.http import Client
from series_ci.post.posting import Posted
from series_ci.post.server import Refusal, Server, check, need, refused
from series_ci.post.token import Token, make, read_token
from series_ci.progress import count

TOKENS = ("KCIDB_REST_TOKEN",)
COMBINED = "KCIDB_REST"
"""The variable in which KernelCI's tools look for both token and URL: https://TOKEN@HOST/submit."""

HOW = f"KernelCI gives them out; {COMBINED}=https://TOKEN@HOST/submit is read, too"

SUBMIT = "/submit"

OBJECTS = ("checkouts", "builds", "tests", "issues", "incidents")
"""The kinds of objects in a document."""


def place(environment: Mapping[str, str], url: str | None) -> tuple[str, Token | None]:
    """Return URL and token: --url and KCIDB_REST_TOKEN, or both from KCIDB_REST. Raises UsageError without a URL."""
    token = read_token(environment, *TOKENS)
    both = environment.get(COMBINED, "").strip()
    if both:
        parts = urlsplit(both)
        name, _, host = parts.netloc.rpartition("@")
        if token is None and name:
            token = make(name.partition(":")[0], COMBINED)
        url = url or urlunsplit((parts.scheme, host, parts.path, "", ""))
    if not url:
        hint = "--url https://staging.db.kernelci.org to try it out, --url https://db.kernelci.org in earnest"
        raise UsageError("no server", hint=hint)
    return url.rstrip("/").removesuffix(SUBMIT), token


def server(url: str, token: Token | None) -> Server:
    """Return the server of KCIDB's REST service."""
    return Server(check(url), token, explain)


def explain(refusal: Refusal) -> Error:
    """Return the error of a refusal, which has a status and a message."""
    message = refusal.value.get("message", "") if isinstance(refusal.value, dict) else ""
    if refusal.code in (401, 403):
        return UsageError(f"{refusal}: {message}; the token may not submit here", hint=HOW)
    if refusal.code == 404:
        return UsageError(f"{refusal}: no such page", hint="is --url the address of KCIDB's REST service?")
    if refusal.code in (400, 413, 422):
        return UsageError(f"{refusal}: the document was not taken: {message}", details=refusal.text)
    return refused(refusal)


def read(file: Path) -> dict[str, Any]:
    """Read a document. Raises UsageError if the schema does not allow it."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read as JSON: {error}") from error
    return check_schema(document, str(file))


def check_schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the document. Raises UsageError, with `name`, if the schema does not allow it."""
    try:
        schema.LATEST.validate(document)
    except ValidationError as error:
        at = "/".join(map(str, error.absolute_path)) or "the whole"
        what = f"{name}: is no KCIDB document of version {schema.LATEST.major}.{schema.LATEST.minor}"
        raise UsageError(f"{what}: {at}: {error.message[:500]}") from error
    return dict(document)


def post(client: Client, document: Mapping[str, Any]) -> Posted:
    """Submit a document; the result has the id of the service's queue. Raises UsageError for an empty document."""
    counts = {name: len(document.get(name) or ()) for name in OBJECTS}
    if not any(counts.values()):
        raise UsageError("nothing to post: the document has no checkout, build or test")
    answer = client.send("POST", SUBMIT, document, arrived=lambda: None, assume={"status": "ok", "id": ""}).value
    if need(answer, "status") != "ok":
        raise InfrastructureError(
            f"{client.server.url}: not taken: {answer.get('message', '')}", hint="try again later"
        )
    what = f"submission {need(answer, 'id')}".rstrip()
    numbers = ", ".join(count(number, name.removesuffix("s")) for name, number in counts.items() if number)
    return Posted(f"{what} ({numbers})", f"{client.server.url}{SUBMIT}")
