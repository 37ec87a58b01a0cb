"""The page at 2:47: the webhook of a world is told when something fires, and when it is over."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.worlds import actions
from tests.worlds.conftest import REFERENCE, api_client
from worlds.server import serve


@dataclass
class Receiver:
    """A webhook receiver on loopback."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)

    async def post(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.authorizations.add(request.headers.get("authorization", ""))
        return Response(status_code=200)

    def statuses(self, alertname: str) -> list[str]:
        """The statuses of an alert of checkout in the order in which they came."""
        alerts = [alert for body in self.bodies for alert in body["alerts"]]
        mine = [a for a in alerts if a["labels"]["alertname"] == alertname and a["labels"].get("service") == "checkout"]
        return [alert["status"] for alert in mine]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = Starlette(routes=[Route("/hook", found.post, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for this
        await asyncio.sleep(0.01)
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/hook"
    yield found
    server.should_exit = True
    await task


async def test_alerts_arrive_and_are_resolved_after_the_rollback(receiver: Receiver) -> None:
    world = await serve(REFERENCE, webhook_url=receiver.url, webhook_token="s3cret")
    try:
        await world.advance(60)
        assert "firing" in receiver.statuses("ServiceHighErrorRate")
        group = next(body for body in receiver.bodies if body["commonLabels"].get("namespace") == "shop")
        assert (group["version"], group["status"], group["receiver"]) == ("4", "firing", "midwatch")
        async with api_client(world, "executor") as api:
            await actions.roll_back(api, "shop/checkout")
        await world.advance(600)
        assert receiver.statuses("ServiceHighErrorRate")[-1] == "resolved"
        assert receiver.authorizations == {"Bearer s3cret"}
    finally:
        await world.stop()
