"""Several systems under one port."""

import httpx
import pytest
from fastapi import Request
from starlette.types import ASGIApp

from worlds.sources import Sources, application


def greeting(name: str, made: list[str]) -> ASGIApp:
    made.append(name)
    routes = application()

    @routes.get("/hello/{whom}")
    async def hello(whom: str, request: Request) -> dict[str, str]:
        return {"from": name, "to": whom, "asked": str(request.url)}

    return routes


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def client(made: list[str]) -> httpx.AsyncClient:
    apps = Sources({name: lambda name=name: greeting(name, made) for name in ("one", "two")})
    return httpx.AsyncClient(transport=httpx.ASGITransport(apps), base_url="http://world")


async def test_a_system_reads_the_path_behind_its_own_segment(client: httpx.AsyncClient) -> None:
    answer = await client.get("/one/hello/one")
    assert answer.json() == {"from": "one", "to": "one", "asked": "http://world/one/hello/one"}


async def test_a_system_is_made_when_it_is_first_asked_and_once(client: httpx.AsyncClient, made: list[str]) -> None:
    assert made == []
    for _ in range(2):
        assert (await client.get("/two/hello/me")).json()["from"] == "two"
    assert made == ["two"]


@pytest.mark.parametrize("path", ["/three/hello/me", "/", "/one/goodbye", "/onetwo/hello/me"])
async def test_what_nobody_serves_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
