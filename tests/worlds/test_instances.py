"""Applications that worlds share: each request is answered out of the world that it was sent to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import pytest
from fastapi import Depends, Header, HTTPException, Request

from tests.worlds.conftest import REFERENCE, SCENARIOS
from worlds.instances import Bound, endpoint
from worlds.sources import application

if TYPE_CHECKING:
    from tests.worlds.conftest import Serving
    from worlds.server import World

OTHER = SCENARIOS / "healthy" / "quiet-night.yaml"


class Door:
    """Knows one key."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def may(self, key: Annotated[str, Header()] = "") -> None:
        """Raise 401 without the key."""
        if key != self._key:
            raise HTTPException(401, "no such key")


class Room:
    """Greets."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def greet(self, whom: str, request: Request, times: int = 1) -> dict[str, Any]:
        """GET /greet/WHOM, after others had their turn."""
        await asyncio.sleep(0.01)
        return {"from": self._name, "to": whom, "times": times, "method": request.method}


def rooms(*names: str) -> list[httpx.AsyncClient]:
    """Clients of rooms that share one application; the key of each is its name."""
    shared = application()
    may = Depends(endpoint(Door, Door.may))
    shared.add_api_route("/greet/{whom}", endpoint(Room, Room.greet), methods=["GET"], dependencies=[may])
    bound = [Bound(shared, Door(name), Room(name)) for name in names]
    return [httpx.AsyncClient(transport=httpx.ASGITransport(one), base_url="http://room") for one in bound]


async def test_an_endpoint_gets_its_own_instance_and_everything_else_that_it_asks_for() -> None:
    red, blue = rooms("red", "blue")
    asked = [one.get("/greet/me?times=2", headers={"key": key}) for one, key in ((red, "red"), (blue, "blue")) * 3]
    answers = [answer.json() for answer in await asyncio.gather(*asked)]
    assert answers == [{"from": name, "to": "me", "times": 2, "method": "GET"} for name in ("red", "blue")] * 3


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        pytest.param("/greet/me", "blue", 401, id="another instance's key does not open"),
        pytest.param("/greet/me?times=often", "red", 422, id="parameters are validated"),
        pytest.param("/greet", "red", 404, id="there is no such path"),
    ],
)
async def test_what_is_refused(path: str, key: str, status: int) -> None:
    red, _ = rooms("red", "blue")
    assert (await red.get(path, headers={"key": key})).status_code == status


async def test_worlds_of_one_process_answer_with_their_own_state(serving: Serving, http: httpx.AsyncClient) -> None:
    worlds = [await serving(REFERENCE), await serving(OTHER)]
    told = await asyncio.gather(*(_told(world, http) for world in worlds))
    for one, world in zip(told, worlds, strict=True):
        simulation = world.estate.simulation
        assert one["world"]["scenario"] == world.estate.scenario.name
        assert [app["metadata"]["name"] for app in one["argocd"]["items"]] == list(simulation.gitops.applications)
        assert one["github"]["default_branch"]
    assert told[0]["alertmanager"] != told[1]["alertmanager"]


async def test_what_is_written_to_one_world_is_not_in_another(serving: Serving, http: httpx.AsyncClient) -> None:
    first, second = await serving(OTHER), await serving(OTHER)
    repository = next(iter(first.estate.simulation.forge.repositories))
    path = f"/repos/{repository}/issues"
    token = {"authorization": f"Bearer {first.tokens['github-write']}"}
    made = await http.post(first.urls["github"] + path, json={"title": "only here"}, headers=token)
    listed = [(await http.get(world.urls["github"] + path, headers=token)).json() for world in (first, second)]
    assert made.json()["url"].startswith(first.base_url)
    assert [[issue["title"] for issue in one] for one in listed] == [["only here"], []]


async def test_a_world_does_not_take_the_tokens_of_another(serving: Serving, http: httpx.AsyncClient) -> None:
    first, second = await serving(REFERENCE), await serving(OTHER)
    for source, path in (("github", "/user"), ("argocd", "/api/v1/applications")):
        own = {"authorization": f"Bearer {first.tokens[source]}"}
        assert (await http.get(first.urls[source] + path, headers=own)).status_code == 200
        assert (await http.get(second.urls[source] + path, headers=own)).status_code == 401


async def _told(world: World, http: httpx.AsyncClient) -> dict[str, Any]:
    repository = next(iter(world.estate.simulation.forge.repositories))
    asked = {
        "world": ("/state", "of nobody"),
        "argocd": ("/api/v1/applications", world.tokens["argocd"]),
        "github": (f"/repos/{repository}", world.tokens["github"]),
        "alertmanager": ("/api/v2/alerts", "of nobody"),
    }
    return {
        source: (await http.get(world.urls[source] + path, headers={"authorization": f"Bearer {token}"})).json()
        for source, (path, token) in asked.items()
    }
