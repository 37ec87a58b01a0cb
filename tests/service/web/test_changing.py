"""Narrowing on the page and over the API: the same bounds, the same door, refusals with their reason."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from incidents.approval import Channel
from incidents.incident import Phase
from incidents.narrowed import Difference, Narrowing
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.store.database import Store
from orchestrator.store.narrowings import narrowing_of
from orchestrator.store.proposals import proposal_by
from tests.incidents.making import NOW
from tests.incidents.narrowings import scale, step
from tests.service.web import argument, casebook
from tests.service.web.browsing import PHONE, WIDE, window
from tests.service.web.casebook import Casebook
from tests.service.web.signing import bearer, csrf_of, sign_in

NODE = step("cordon_node", target="prod-eu/-/node/worker-1", summary="Cordon node worker-1")


@pytest.fixture(autouse=True)
def _two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story's proposal scales checkout from 4 to 12 and cordons a node."""
    made = argument.proposal

    def scaling(*given: Any, **named: Any) -> Proposal:
        return Proposal.of(made(*given, **named).body.model_copy(update={"actions": (scale(), NODE)}))

    monkeypatch.setattr(casebook, "proposal", scaling)


async def status_of(store: Store, book: Casebook) -> ProposalStatus:
    async with store.transaction() as tx:
        return (await proposal_by(tx, book.digest)).status


async def test_the_form_on_the_page_narrows(client: httpx.AsyncClient, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    page = (await client.get(f"/incidents/{incident}")).text
    assert "Change…" in page
    assert "5 to 12 (4 now)" in page
    assert 'name="steps:2" value="yes" checked' in page
    form = {"digest": book.digest, "csrf": await csrf_of(client, "/"), "steps:1": "yes", "1.replicas": "8"}
    answer = await client.post(f"/incidents/{incident}/change", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{incident}")
    async with store.transaction() as tx:
        asked = await narrowing_of(tx, book.digest)
    assert asked is not None
    assert asked.channel is Channel.CONSOLE
    assert [one.text for one in asked.narrower.differences][:2] == [
        "left out: Cordon node worker-1",
        "replicas of checkout 12 -> 8",
    ]
    assert (await client.post(f"/incidents/{incident}/change", data=form)).status_code == 303, "sent twice"
    assert "narrowed it, and the narrower one takes its place" in (await client.get(f"/incidents/{incident}")).text


async def test_a_widened_form_is_refused_on_the_page(client: httpx.AsyncClient, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    form = {"digest": book.digest, "csrf": await csrf_of(client, "/"), "steps:1": "yes", "1.replicas": "40"}
    answer = await client.post(f"/incidents/{incident}/change", data=form)
    assert answer.status_code == 422
    assert "choose 5 to 12 (4 now)" in answer.text
    elsewhere = await client.post("/incidents/inc-other/change", data=form | {"1.replicas": "8"})
    assert elsewhere.status_code == 409, "a form of one incident changes nothing of another"
    assert await status_of(store, book) is ProposalStatus.PENDING


async def test_a_refused_form_keeps_what_was_typed(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    form = {"digest": book.digest, "csrf": await csrf_of(client, "/"), "steps:1": "yes", "1.replicas": "40"}
    page = (await client.post(f"/incidents/{incident}/change", data=form | {"expires_at": "5"})).text
    assert re.search(r'name="1\.replicas" value="40"[^>]* aria-invalid="true"', page)
    assert 'name="expires_at" value="5"' in page
    assert 'name="steps:1" value="yes" checked' in page
    assert 'name="steps:2" value="yes">' in page, "what was unticked stays so"
    assert re.search(r'<details class="reject change" id="[^"]*" open>', page), "the form is open again"
    fresh = (await client.get(f"/incidents/{incident}")).text
    assert 'name="1.replicas" value="12"' in fresh
    assert "aria-invalid" not in fresh


async def test_without_the_role_there_is_no_form_and_no_change(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "ada")
    assert "Change…" not in (await client.get(f"/incidents/{incident}")).text
    form = {"digest": book.digest, "csrf": await csrf_of(client, "/"), "steps:1": "yes"}
    assert (await client.post(f"/incidents/{incident}/change", data=form)).status_code == 403
    assert (await client.post(f"/incidents/{incident}/change", data=form | {"csrf": "0"})).status_code == 403
    assert await status_of(store, book) is ProposalStatus.PENDING


async def test_the_api_takes_it_once_and_names_what_is_wrong(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    await book.reach(Phase.AWAITING_DECISION)
    path = f"/api/v1/proposals/{book.digest}/change"
    wider = {"arguments": [{"step": 1, "arguments": {"replicas": 99}}], "watch_seconds": 1}
    answer = await client.post(path, json=wider, headers=bearer("dana"))
    assert (answer.status_code, answer.json()["error"]) == (422, "not_narrower")
    assert [field["field"] for field in answer.json()["fields"]] == ["1.replicas", "watch_seconds"]
    narrower = {"arguments": [{"step": 1, "arguments": {"replicas": 8}}]}
    for _ in range(2):
        taken = await client.post(path, json=narrower, headers=bearer("dana"))
        assert taken.status_code == 202
        assert [one["after"] for one in taken.json()["differences"]] == ["8"]
    for who, status in (("dana", 409), ("sam", 409), ("ada", 409)):
        late = await client.post(path, json={"steps": [1]}, headers=bearer(who))
        assert late.status_code == status
        assert "replaced" in late.json()["message"]
    approve = f"/api/v1/proposals/{book.digest}/decision"
    late = await client.post(approve, json={"choice": "approve"}, headers=bearer("sam"))
    assert late.status_code == 409
    assert "narrowed it" in late.json()["message"]
    assert await status_of(store, book) is ProposalStatus.SUPERSEDED


async def test_who_narrowed_it_stands_on_the_page(
    client: httpx.AsyncClient, book: Casebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = casebook.proposal
    difference = Difference(step=1, what="replicas of checkout", before="12", after="<8>")

    def narrowed(*given: Any, **named: Any) -> Proposal:
        before = made(*given, **named)
        change = Narrowing(of=before.digest, by="dana@example.com", name="Dana", at=NOW, differences=(difference,))
        return Proposal.of(before.body.model_copy(update={"narrowings": (change,)}))

    monkeypatch.setattr(casebook, "proposal", narrowed)
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    page = (await client.get(f"/incidents/{incident}")).text
    assert "Narrowed by <strong>Dana</strong>" in page
    assert "&lt;8&gt;" in page


@pytest.mark.browser
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_narrowing_in_a_browser(
    browser: Browser, base: str, book: Casebook, store: Store, size: dict[str, int]
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    seen = await window(browser, base, size=size)
    await seen.open(f"/incidents/{incident}")
    await seen.page.get_by_text("Change…").click()
    number = seen.page.get_by_label("Replicas of checkout")
    await expect(number).to_have_value("12")
    await seen.keep(f"incident-changing-{size['width']}")
    assert await seen.fits()
    assert await seen.barriers() == []
    await number.fill("20")
    await seen.page.get_by_role("button", name="Change", exact=True).click()
    await expect(seen.page.get_by_role("alert")).to_contain_text("choose 5 to 12 (4 now)")
    await expect(number).to_have_value("20")
    await seen.keep(f"incident-changing-refused-{size['width']}")
    assert await seen.fits()
    assert await seen.barriers() == []
    await number.fill("8")
    await seen.page.get_by_label("2. Cordon node worker-1").uncheck()
    await seen.page.get_by_role("button", name="Change", exact=True).click()
    await expect(seen.page.get_by_text("replicas of checkout 12").first).to_be_attached()
    async with store.transaction() as tx:
        asked = await narrowing_of(tx, book.digest)
    assert asked is not None
    assert [request.arguments for request in asked.narrower.requests] == [{"replicas": 8}]
