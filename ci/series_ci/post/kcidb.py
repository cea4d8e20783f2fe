"""KCIDB: the results of all kernel testers in one database. A document is checked by its schema, then submitted.

The database joins what it gets by the ids in the document, so the same document twice is there once.
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
"""The variable in which KernelCI's own tools look for both: https://TOKEN@HOST/submit."""

HOW = f"KernelCI gives them out; {COMBINED}=https://TOKEN@HOST/submit is read, too"

SUBMIT = "/submit"

OBJECTS = ("checkouts", "builds", "tests", "issues", "incidents")
"""What a document may hold."""


def place(environment: Mapping[str, str], url: str | None) -> tuple[str, Token | None]:
    """The server and the token: --url and KCIDB_REST_TOKEN, or both from KCIDB_REST. Raises UsageError without."""
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
    """KCIDB's REST service."""
    return Server(check(url), token, explain)


def explain(refusal: Refusal) -> Error:
    """The service's refusals: it answers with a status and a message."""
    said = refusal.value.get("message", "") if isinstance(refusal.value, dict) else ""
    if refusal.code in (401, 403):
        return UsageError(f"{refusal}: {said}; the token may not submit here", hint=HOW)
    if refusal.code == 404:
        return UsageError(f"{refusal}: no such page", hint="is --url the address of KCIDB's REST service?")
    if refusal.code in (400, 413, 422):
        return UsageError(f"{refusal}: the document was not taken: {said}", details=refusal.text)
    return refused(refusal)


def read(file: Path) -> dict[str, Any]:
    """A document that the schema allows. Raises UsageError for any other."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read as JSON: {error}") from error
    return check_schema(document, str(file))


def check_schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The document, if the schema allows it. Raises UsageError if not, which names the document."""
    try:
        schema.LATEST.validate(document)
    except ValidationError as error:
        at = "/".join(map(str, error.absolute_path)) or "the whole"
        what = f"{name}: is no KCIDB document of version {schema.LATEST.major}.{schema.LATEST.minor}"
        raise UsageError(f"{what}: {at}: {error.message[:500]}") from error
    return dict(document)


def post(client: Client, document: Mapping[str, Any]) -> Posted:
    """Submit; told with the id under which the service has queued the document. Raises UsageError if it is empty."""
    told = {name: len(document.get(name) or ()) for name in OBJECTS}
    if not any(told.values()):
        raise UsageError("nothing to post: the document has no checkout, build or test")
    answer = client.send("POST", SUBMIT, document, arrived=lambda: None, assume={"status": "ok", "id": ""}).value
    if need(answer, "status") != "ok":
        raise InfrastructureError(
            f"{client.server.url}: not taken: {answer.get('message', '')}", hint="try again later"
        )
    what = f"submission {need(answer, 'id')}".rstrip()
    numbers = ", ".join(count(number, name.removesuffix("s")) for name, number in told.items() if number)
    return Posted(f"{what} ({numbers})", f"{client.server.url}{SUBMIT}")
