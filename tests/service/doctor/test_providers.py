"""The row about status pages: left out where there are none, and naming the one that does not answer."""

from __future__ import annotations

from service.doctor import providers
from service.doctor.finding import State
from tests.tools.scripted_server import Said, scripted
from tools.clock import SystemClock
from tools.connect import connect
from tools.estate import Connections, Endpoint


async def test_without_pages_there_is_no_row() -> None:
    async with connect(Connections(name="c"), clock=SystemClock()) as cluster:
        assert await providers.check(cluster) is None


async def test_the_page_that_does_not_answer_is_named() -> None:
    async with (
        scripted(lambda _: Said({"incidents": []})) as fine,
        scripted(lambda _: Said({"error": "gone"}, status=410)) as gone,
    ):
        for urls, state, words in (
            ({"api.cards.example": fine.url}, State.OK, "1 answer"),
            ({"api.cards.example": fine.url, "api.maps.example": gone.url}, State.FAILED, "api.maps.example"),
        ):
            pages = {host: Endpoint(url=url) for host, url in urls.items()}
            async with connect(Connections(name="c", status_pages=pages), clock=SystemClock()) as cluster:
                row = await providers.check(cluster)
            assert row is not None
            assert row.state is state
            assert words in row.found
