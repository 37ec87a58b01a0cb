"""The page of agents at work: what they do, what is left of the budget, and the stop that people click."""

from __future__ import annotations

import re

import httpx
import pytest

from incidents.incident import Phase
from incidents.ledger import EntryKind
from incidents.proposal import ProposalStatus
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of
from orchestrator.store.ledger import entries
from orchestrator.store.proposals import proposal_by
from orchestrator.store.spending import Spending, add_spending
from service.web.context import WebContext
from tests.service.web.casebook import Casebook
from tests.service.web.serving import web_settings
from tests.service.web.signing import csrf_of, sign_in

WHY = "The database team is on it."


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_agents_at_work_with_what_they_do_and_used(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.INVESTIGATING)
    await sign_in(client, "ada")
    page = await client.get("/agents")
    shown = plain(page.text)
    assert "observability working" in shown
    assert "looking at checkout, web, mobile-api, payments and 4 more" in shown
    assert "1 agent at work" in shown
    assert re.search(r"probes \d+ of 200", shown)
    assert "rounds 1 of 3" in shown
    assert "tokens" not in shown, "without a model there is nothing to spend on one"
    assert f"/incidents/{incident}/stop" not in page.text, "a viewer stops nothing"


async def test_what_a_model_cost_is_shown(client: httpx.AsyncClient, book: Casebook, context: WebContext) -> None:
    object.__setattr__(context, "settings", web_settings(model={"name": "openai:gpt-5.2", "max_usd": 2}))
    incident = await book.reach(Phase.INVESTIGATING)
    async with book.store.transaction() as tx:
        await add_spending(tx, incident, Spending(model="m", calls=3, tokens_in=1500, tokens_out=700, usd=0.041))
    await sign_in(client, "dana")
    shown = plain((await client.get("/agents")).text)
    assert "tokens 2,200 of 200,000" in shown
    assert "money 0.041 $ of 2.00 $" in shown


async def test_what_waits_or_changes_is_there_too_and_an_idle_page_says_so(
    client: httpx.AsyncClient, book: Casebook
) -> None:
    await sign_in(client, "ada")
    assert "No agent is at work." in (await client.get("/agents")).text
    await book.reach(Phase.AWAITING_DECISION)
    await book.reach(Phase.EXECUTING, group="search")
    shown = plain((await client.get("/agents", headers={"HX-Target": "agents"})).text)
    assert "Executing and verifying 1" in shown
    assert "Waiting for people 1" in shown
    assert "Midwatch" not in shown, "only the changing part is sent to a page that is open"


@pytest.mark.parametrize("phase", [Phase.INVESTIGATING, Phase.AWAITING_DECISION], ids=lambda phase: phase.value)
async def test_a_stop_is_done_and_recorded(
    client: httpx.AsyncClient, book: Casebook, store: Store, phase: Phase
) -> None:
    incident = await book.reach(phase)
    await sign_in(client, "dana")
    csrf = await csrf_of(client, f"/incidents/{incident}")
    answer = await client.post(f"/incidents/{incident}/stop", data={"csrf": csrf, "reason": WHY, "next": "/agents"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/agents")
    async with store.transaction() as tx:
        assert (await incident_of(tx, incident)).phase is Phase.ESCALATED
        told = [e async for e in entries(tx, incident=incident) if e.kind is EntryKind.ESCALATED]
        if phase is Phase.AWAITING_DECISION:
            assert (await proposal_by(tx, book.digest)).status is ProposalStatus.SUPERSEDED
    assert [entry.actor for entry in told] == ["dana@example.com"]
    assert WHY in (await client.get(f"/incidents/{incident}")).text


async def test_a_stop_that_does_not_count_is_told_to_who_clicked(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.EXECUTING)
    await sign_in(client, "dana")
    csrf = await csrf_of(client, "/agents")
    page = await client.post(f"/incidents/{incident}/stop", data={"csrf": csrf, "reason": WHY})
    assert page.status_code == 409
    assert "pause execution instead" in page.text
    await sign_in(client, "ada")
    csrf = await csrf_of(client, "/agents")
    assert (await client.post(f"/incidents/{incident}/stop", data={"csrf": csrf, "reason": WHY})).status_code == 403
    assert (await client.post(f"/incidents/{incident}/stop", data={"reason": WHY})).status_code == 403
