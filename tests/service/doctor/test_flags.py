"""The row about flags: left out where there is no flag service, and telling what is wrong with one that refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from service.doctor import flags
from service.doctor.finding import Finding, State
from tests.tools.scripted_server import Said, scripted
from tools.clock import SystemClock
from tools.connect import connect
from tools.estate import Connections, Endpoint


@asynccontextmanager
async def row(answer: Said | None) -> AsyncIterator[Finding | None]:
    async with scripted(lambda _: answer or Said({})) as server:
        endpoint = Endpoint(url=server.url, token=SecretStr("user:abc")) if answer else None
        async with connect(Connections(name="c", flags=endpoint), clock=SystemClock()) as cluster:
            yield await flags.check(cluster)


async def test_without_a_flag_service_there_is_no_row() -> None:
    async with row(None) as found:
        assert found is None


async def test_a_service_that_answers_is_fine() -> None:
    async with row(Said({"events": [], "total": 0})) as found:
        assert found is not None
        assert (found.what, found.state, found.found) == ("Flags", State.OK, "0 switched in the last day")


async def test_a_refused_token_is_told() -> None:
    async with row(Said({"name": "NoAccessError"}, status=403)) as found:
        assert found is not None
        assert found.state is State.FAILED
        assert "403" in found.found
