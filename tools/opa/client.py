"""Asks an OPA server over its REST API. Whatever is not a clear answer in time is a denial: no policy means reject."""

import asyncio
from collections.abc import Mapping
from typing import cast

from pydantic import Field, JsonValue, ValidationError

from incidents.canonical import Json
from incidents.policy import Demand, Denial, Findings, OpaServer, Source
from tools.errors import PermanentError, ToolError, TransientError
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.wire import Wire

SYSTEM = "OPA"
PAUSE_SECONDS = 0.3
"""Before the second and last try."""


class _Denied(Wire):
    name: str = SYSTEM
    why: str


class _More(Wire):
    name: str = SYSTEM
    why: str
    add: int = Field(default=1, ge=1, le=10)


class _Decision(Wire):
    deny: list[_Denied | str]
    more: list[_More] = []
    revision: str = ""


class _Bundle(Wire):
    revision: str = ""


class _Provenance(Wire):
    bundles: dict[str, _Bundle] = {}


class _Answer(Wire):
    result: _Decision | None = None
    provenance: _Provenance | None = None


async def ask(server: OpaServer, document: Mapping[str, JsonValue]) -> Findings:
    """What the server says of a question. Raises nothing: no answer, or one of another form, is a denial."""
    try:
        client = HttpClient(_endpoint(server), system=SYSTEM)
        try:
            body = cast("Json", {"input": dict(document)})
            path = "/v1/data/" + server.path.strip("/").replace(".", "/")
            answer = await _answered(client, path, body)
        finally:
            await client.aclose()
    except ToolError as error:
        return _closed(f"{error}; what it does not answer is denied")
    if answer.result is None:
        return _closed(f"it has no decision {server.path}: write `package {server.path.replace('/', '.')}` with `deny`")
    return _findings(answer.result, revision=answer.result.revision or _revision(answer.provenance))


def _endpoint(server: OpaServer) -> Endpoint:
    """Where it is. Raises PermanentError for an address that is not asked, whoever wrote the policy."""
    try:
        return Endpoint(url=server.url, timeout_seconds=server.timeout_seconds)
    except ValidationError as error:
        raise PermanentError(f"{SYSTEM}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


async def _answered(client: HttpClient, path: str, body: Json) -> _Answer:
    """Ask, and once more after a hiccup: a question changes nothing there. Raises ToolError."""
    try:
        return await client.send("POST", path, _Answer, body=body, params={"provenance": "true"})
    except TransientError:
        await asyncio.sleep(PAUSE_SECONDS)
    return await client.send("POST", path, _Answer, body=body, params={"provenance": "true"})


def _findings(decision: _Decision, *, revision: str) -> Findings:
    denied = [one if isinstance(one, _Denied) else _Denied(why=one) for one in decision.deny]
    return Findings(
        denials=tuple(Denial(name=one.name, why=one.why, source=Source.OPA) for one in denied),
        demands=tuple(Demand(name=one.name, why=one.why, add=one.add, source=Source.OPA) for one in decision.more),
        revision=revision,
    )


def _revision(provenance: _Provenance | None) -> str:
    bundles = provenance.bundles if provenance else {}
    return ", ".join(f"{name} {bundle.revision}" for name, bundle in sorted(bundles.items()))


def _closed(why: str) -> Findings:
    return Findings(denials=(Denial(name=SYSTEM, why=why, source=Source.MIDWATCH),))
