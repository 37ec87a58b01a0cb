"""Unleash's answers, scripted and from a served estate: what was switched, by whom, and who asks for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from incidents.evidence import Window
from tests.tools.scripted_server import Asked, Said, scripted
from tools.errors import ForbiddenError
from tools.estate import Endpoint
from tools.flags.client import FlagsClient
from worlds.server import serve

WINDOW = Window(start=datetime(2026, 11, 17, 1, tzinfo=UTC), end=datetime(2026, 11, 17, 3, tzinfo=UTC))
SHOP = """
title: Two flags
now: 2026-11-17T02:47:00Z
history: 20m
estate:
  flags: true
  workloads: [{name: web, traffic: {rps: 10}}, {name: cart}]
faults:
  - {kind: flag_switched, at: -9m, service: default/web, flag: new-search, author: ada, does: {error_rate: 0.3}}
decoys:
  - {kind: flag_switched, at: -50m, until: -40m, service: default/cart, flag: badge, enabled: false}
  - {kind: flag_switched, at: 30m, service: default/cart, flag: later}
truth: {cause: feature_flag, entity: default/deployment/web}
"""


def event(kind: str, at: str, **more: object) -> dict[str, object]:
    told = {"id": 7, "type": kind, "createdAt": at, "createdBy": "ada", "environment": "production"}
    return {**told, "featureName": "new-search", "project": "shop", "data": None, "preData": None, **more}


async def asked(events: list[dict[str, object]]) -> tuple[list[tuple[str, str, str]], list[Asked]]:
    async with scripted(lambda _: Said({"events": events, "total": len(events)})) as server:
        client = FlagsClient(Endpoint(url=server.url, token=SecretStr("user:abc")))
        found = await client.changes(WINDOW)
        await client.aclose()
        return [(one.flag, one.what, one.after) for one in found], server.asked


async def test_switches_of_the_window_are_told_newest_first() -> None:
    strategy = {"name": "flexibleRollout", "parameters": {"rollout": "100", "stickiness": "default"}}
    found, requests = await asked(
        [
            event("feature-environment-enabled", "2026-11-17T01:10:00.000Z"),
            event("feature-strategy-update", "2026-11-17T02:10:00.000Z", data=strategy),
            event("feature-environment-disabled", "2026-11-17T00:59:00.000Z"),
            event("feature-tagged", "2026-11-17T02:00:00.000Z"),
            event("project-created", "2026-11-17T02:00:00.000Z", featureName=None),
        ]
    )
    assert found == [
        ("new-search", "got another strategy", "flexibleRollout rollout=100 stickiness=default"),
        ("new-search", "on", ""),
    ]
    assert requests[0].path == "/api/admin/search/events"
    assert requests[0].query["from"] == ["IS:2026-11-17"]
    assert requests[0].headers["authorization"] == "user:abc"


async def test_a_flag_that_is_gone_has_no_applications() -> None:
    async with scripted(lambda _: Said({"message": "no such feature"}, status=404)) as server:
        client = FlagsClient(Endpoint(url=server.url))
        assert await client.applications("a/b") == ()
        await client.aclose()
        assert server.asked[0].path == "/api/admin/client-metrics/features/a%2Fb"


async def test_a_served_estate_tells_what_was_switched_by_now(tmp_path: Path) -> None:
    path = tmp_path / "flags.yaml"
    path.write_text(SHOP)
    world = await serve(path)
    try:
        now = world.estate.scenario.now
        client = FlagsClient(Endpoint(url=world.urls["flags"], token=SecretStr(world.tokens["flags"])))
        found = await client.changes(Window(start=now.replace(hour=0), end=now))
        users = await client.applications("new-search")
        await client.aclose()
        stranger = FlagsClient(Endpoint(url=world.urls["flags"], token=SecretStr("guessed")))
        with pytest.raises(ForbiddenError):
            await stranger.changes(Window(start=now, end=now))
        await stranger.aclose()
    finally:
        await world.stop()
    assert [(one.flag, one.what) for one in found] == [("new-search", "on"), ("badge", "on"), ("badge", "off")]
    assert (found[0].actor, users) == ("ada", ("web",))
