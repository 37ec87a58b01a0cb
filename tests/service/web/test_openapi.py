"""The description of the JSON API is true: requests made of it are answered as it says, and it has all that pages can do."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.incident import Phase
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.web.app import ROUTERS, create_app
from service.web.context import WebContext
from tests.service.web.casebook import Casebook
from tests.service.web.schema import Description
from tests.service.web.serving import WEBHOOK, web_context, web_settings
from tests.service.web.signing import bearer
from tools.clock import ManualClock

BY_PAGES_ONLY = {"/sign-in", "/sign-out", "/sign-in/oidc/callback"}
"""What has no meaning without a browser: the API has tokens."""
SAME = {
    "/incidents/{incident}/decision": "/api/v1/proposals/{digest}/decision",
    "/incidents/{incident}/rejections/{digest}/lift": "/api/v1/rejections/{digest}/lift",
    "/incidents/{incident}/change": "/api/v1/proposals/{digest}/change",
    "/control": "/api/v1/control/{switch}",
    "/settings/doctor": "/api/v1/doctor",
}
"""Address of a form -> address of the API, where the API's is not that of the form below /api/v1."""
EXAMPLES = 60


@pytest.fixture
def context(store: Store, clock: ManualClock) -> WebContext:
    given_ = {"github": {"url": "http://127.0.0.1:9", "token": "t"}, "repository": "harbour/shop"}
    return web_context(store, web_settings(tickets=given_), clock)


@pytest.fixture
def settings_of_book(context: WebContext) -> Settings:
    return context.settings


def operations(description: Description) -> list[tuple[str, str, dict[str, Any]]]:
    paths = description.document["paths"]
    return [(path, method, operation) for path, methods in paths.items() for method, operation in methods.items()]


def requests(description: Description, known: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    """Any request that the description allows, some about what is there."""
    found = operations(description)

    @st.composite
    def one(draw: st.DrawFn) -> dict[str, Any]:
        path, method, operation = draw(st.sampled_from(found))
        query: dict[str, Any] = {}
        for parameter in operation.get("parameters", ()):
            values = description.values(parameter["schema"])
            if parameter["in"] == "path":
                chosen = draw(
                    st.sampled_from(known[parameter["name"]]) | values if parameter["name"] in known else values
                )
                path = path.replace("{" + parameter["name"] + "}", quote(str(chosen), safe=""))
            elif parameter["required"] or draw(st.booleans()):
                query[parameter["name"]] = draw(values)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        who = draw(st.sampled_from(["ada", "dana", "sam", ""]))
        return {
            "path": path,
            "method": method,
            "operation": operation,
            "query": {name: value for name, value in query.items() if value is not None},
            "json": draw(description.values(body)) if body else None,
            "headers": headers(operation, who),
        }

    return one()


def headers(operation: dict[str, Any], who: str) -> dict[str, str]:
    if not who:
        return {}
    return (
        {"Authorization": f"Bearer {WEBHOOK}"}
        if operation["security"] and "webhookToken" in operation["security"][0]
        else bearer(who)
    )


async def test_requests_made_of_the_description_are_answered_as_it_says(
    client: httpx.AsyncClient, book: Casebook, context: WebContext
) -> None:
    done = await book.reach(Phase.VERIFIED)
    waiting = await book.reach(Phase.AWAITING_DECISION, group="cart")
    looking = await book.reach(Phase.INVESTIGATING, group="search")
    description = Description((await client.get("/api/v1/openapi.json")).json())
    evidence = (await client.get(f"/api/v1/incidents/{done}", headers=bearer("ada"))).json()["case"]["evidence"][0][
        "id"
    ]
    known = {
        "incident": [done, waiting, looking],
        "digest": [str(book.digest)],
        "evidence": [evidence],
        "switch": ["pause", "resume"],
    }
    seen: set[tuple[str, str, int]] = set()
    strategy = requests(description, known)

    for request in drawn(strategy, EXAMPLES):
        answer = await client.request(
            request["method"].upper(),
            request["path"],
            params=request["query"],
            json=request["json"],
            headers=request["headers"],
        )
        operation = request["operation"]
        seen.add((request["method"], operation["operationId"], answer.status_code))
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None, (request["path"], answer.status_code, answer.text[:300])
        assert answer.status_code != 503, answer.text
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in told["content"], (request["path"], kind)
        if kind == "application/json":
            assert description.problems(told["content"][kind]["schema"], answer.json()) == [], request["path"]
    assert {status for _, _, status in seen} >= {200, 401, 404}
    assert len({operation for _, operation, _ in seen}) > len(operations(description)) / 2
    assert context.settings.tickets.repository


def drawn(strategy: st.SearchStrategy[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """So many examples of a strategy, the same every time."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=number, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: dict[str, Any]) -> None:
        found.append(example)

    collect()
    return found


async def test_every_reading_answer_is_as_described(client: httpx.AsyncClient, book: Casebook) -> None:
    done = await book.reach(Phase.VERIFIED)
    await book.reach(Phase.INVESTIGATING, group="search")
    description = Description((await client.get("/api/v1/openapi.json")).json())
    for path, method, operation in operations(description):
        if method == "get" and "{evidence}" not in path:
            answer = await client.get(path.replace("{incident}", done), headers=bearer("ada"))
            assert answer.status_code == 200, path
            if answer.headers["content-type"].startswith("application/json"):
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                assert description.problems(schema, answer.json()) == [], path


def test_a_wrong_description_is_found() -> None:
    """The reader bites: a field too many, one too few, one of another type."""
    schema = {
        "type": "object",
        "properties": {"at": {"type": "string"}, "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "required": ["at"],
        "additionalProperties": False,
    }
    reader = Description({})
    assert reader.problems(schema, {"at": "x", "n": None}) == []
    for wrong in ({"n": 1}, {"at": 1}, {"at": "x", "n": "1"}, {"at": "x", "more": 1}, {"at": "x", "n": True}):
        assert reader.problems(schema, wrong), wrong


async def test_whatever_a_page_can_do_the_api_can_do(context: WebContext) -> None:
    described = set(create_app(context).openapi()["paths"])
    forms = {
        route.path
        for module in ROUTERS
        for route in module.router.routes
        if isinstance(route, APIRoute) and "POST" in route.methods and not route.path.startswith("/api/")
    }
    assert len(forms) > 6
    missing = {path for path in forms - BY_PAGES_ONLY if SAME.get(path, f"/api/v1{path}") not in described}
    assert missing == set()


@pytest.mark.parametrize(
    ("who", "reason", "status"),
    [("ada", "x", 403), ("dana", " ", 422), ("dana", "the vendor is on it", 200)],
)
async def test_an_investigation_is_stopped_by_the_rules_of_the_page(
    client: httpx.AsyncClient, book: Casebook, who: str, reason: str, status: int
) -> None:
    incident = await book.reach(Phase.INVESTIGATING)
    path = f"/api/v1/incidents/{incident}/stop"
    answer = await client.post(path, json={"reason": reason}, headers=bearer(who))
    assert answer.status_code == status
    now = (await client.get(f"/api/v1/incidents/{incident}", headers=bearer("ada"))).json()["incident"]["phase"]
    assert now == ("escalated" if status == 200 else "investigating")
    if status == 200:
        again = await client.post(path, json={"reason": reason}, headers=bearer(who))
        assert again.status_code == 409


@pytest.mark.parametrize(("who", "status"), [("ada", 403), ("dana", 200)])
async def test_only_some_start_the_checks(client: httpx.AsyncClient, who: str, status: int) -> None:
    answer = await client.post("/api/v1/doctor", headers=bearer(who))
    assert answer.status_code == status
    assert (await client.get("/api/v1/doctor", headers=bearer("ada"))).json()["report"] is None
