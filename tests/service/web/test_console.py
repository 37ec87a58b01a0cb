"""What people see at each phase, and what their clicks do, over a real store."""

from __future__ import annotations

import re

import httpx
import pytest

from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from incidents.rejection import Hold, Wish
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of
from orchestrator.store.proposals import proposal_by
from orchestrator.store.rejections import rejection_on
from tests.service.web.casebook import Casebook
from tests.service.web.estate import NASTY, PODS
from tests.service.web.signing import csrf_of, sign_in

SEEN_AT = {
    Phase.OPEN: ("opened", "Nothing yet", "not asked yet"),
    Phase.INVESTIGATING: ("investigating", "Still looking", "working", "traces", "Ruled out"),
    Phase.AWAITING_DECISION: ("waiting for a decision", "94 %", "Approve", "Reject", "256Mi", "512Mi", "expires in"),
    Phase.REJECTED: ("rejected", "Payments are reconciled until 03:00", "People own it now"),
    Phase.EXECUTING: ("executing", "Approved by", "4/6 ready", "dispatched"),
    Phase.VERIFYING: ("verifying", "Did it help", "measuring", "6/6 ready on revision 41"),
    Phase.VERIFIED: ("verified", "7.1 %", "0.2 %", "held", "Post-mortem, draft 1"),
    Phase.UNDONE: ("undone", "worse", "back on revision 42", "People own it now"),
    Phase.INCONCLUSIVE: ("inconclusive", "at their baseline", "nothing is proposed"),
}
NOT_SEEN_AT = {
    Phase.INVESTIGATING: ("Approve<", "Did it help"),
    Phase.REJECTED: ("Approve<", "data-until"),
    Phase.EXECUTING: ("Approve<",),
    Phase.INCONCLUSIVE: ("Approve<", "% sure"),
}


@pytest.mark.parametrize("phase", SEEN_AT, ids=lambda phase: phase.value)
async def test_the_page_says_what_is_so(client: httpx.AsyncClient, book: Casebook, phase: Phase) -> None:
    incident = await book.reach(phase)
    await sign_in(client, "dana")
    html = (await client.get(f"/incidents/{incident}")).text
    shown = re.sub(r"\s+", " ", re.sub(r"<title>.*?</title>", "", html))
    wanted = [words for words in SEEN_AT[phase] if words not in shown and words != "traces"]
    assert wanted == []
    assert [words for words in NOT_SEEN_AT.get(phase, ()) if words in shown] == []


async def test_every_sentence_opens_its_evidence_with_the_exact_query(
    client: httpx.AsyncClient, book: Casebook
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{incident}")).text
    assert "sum by (code) (rate(http_requests_total{namespace=&#34;shop&#34;,service=&#34;checkout&#34;}[1m]))" in page
    links = sorted(set(re.findall(rf"/incidents/{incident}/evidence/ev-\w+", page)))
    assert len(links) >= 5
    for link in links:
        assert (await client.get(link)).status_code == 200


async def test_evidence_is_text_whatever_it_holds(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{incident}")).text
    commit = next(link for link in set(re.findall(rf"/incidents/{incident}/evidence/ev-\w+", page)) if link)
    for link in set(re.findall(rf"/incidents/{incident}/evidence/ev-\w+", page)):
        html = (await client.get(link)).text
        assert NASTY not in html
    assert commit
    pods = (await client.get(f"/incidents/{incident}/evidence/{PODS.id}")).text
    assert "OOMKilled" in pods
    assert "container.oom_killed" in pods


@pytest.mark.parametrize("who", ["dana", "sam"])
async def test_a_click_of_somebody_entitled_approves(
    client: httpx.AsyncClient, book: Casebook, store: Store, who: str
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, who)
    csrf = await csrf_of(client, f"/incidents/{incident}")
    form = {"digest": book.digest, "choice": "approve", "csrf": csrf}
    answer = await client.post(f"/incidents/{incident}/decision", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{incident}")
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.APPROVED
    again = await client.post(f"/incidents/{incident}/decision", data=form)
    assert again.status_code == 409
    assert "already" in again.text


async def test_a_viewer_sees_no_button_and_is_told_why(client: httpx.AsyncClient, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "ada")
    page = (await client.get(f"/incidents/{incident}")).text
    assert "Only oncall or owner may decide this" in page
    assert 'value="approve"' not in page
    form = {"digest": book.digest, "choice": "approve", "csrf": await csrf_of(client, "/")}
    answer = await client.post(f"/incidents/{incident}/decision", data=form)
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    async with store.transaction() as tx:
        assert (await proposal_by(tx, book.digest)).status is ProposalStatus.PENDING


async def test_a_rejection_needs_its_reason(client: httpx.AsyncClient, book: Casebook, store: Store) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    form = {"digest": book.digest, "choice": "reject", "csrf": await csrf_of(client, "/"), "reason": " "}
    assert (await client.post(f"/incidents/{incident}/decision", data=form)).status_code == 422
    answer = await client.post(f"/incidents/{incident}/decision", data=form | {"reason": "Not <now>"})
    assert answer.status_code == 303
    assert "Not &lt;now&gt;" in (await client.get(f"/incidents/{incident}")).text


async def test_the_live_part_is_sent_only_when_it_changed(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    first = await client.get(f"/incidents/{incident}/live")
    [seen] = re.findall(r"name=\"seen\" value=\"(\w+)\"", first.text)
    await book.clock.advance(30)
    assert (await client.get(f"/incidents/{incident}/live?seen={seen}")).status_code == 204
    await book.approve()
    after = await client.get(f"/incidents/{incident}/live?seen={seen}")
    assert after.status_code == 200
    assert "Approved by" in after.text


async def test_a_session_that_ended_sends_the_open_page_to_the_door(client: httpx.AsyncClient) -> None:
    answer = await client.get("/incidents/inc-x/live", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/sign-in")


async def test_pausing_is_seen_on_every_page(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    form = {"switch": "pause", "reason": "change freeze", "csrf": await csrf_of(client, "/"), "next": "/audit"}
    answer = await client.post("/control", data=form)
    assert answer.headers["location"] == "/audit"
    for path in ("/", "/audit", f"/incidents/{incident}"):
        assert "Execution is paused" in (await client.get(path)).text
    await client.post("/control", data=form | {"switch": "resume"})
    assert "Execution is paused" not in (await client.get("/")).text


async def test_the_audit_page_shows_the_chain_and_its_entries(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.REJECTED)
    await sign_in(client, "ada")
    page = (await client.get("/audit")).text
    assert "The chain holds; nobody has signed it yet." in page
    assert "dana@example.com" in page
    assert incident in (await client.get(f"/audit?incident={incident}")).text


async def test_runbooks_are_rendered_and_an_unknown_one_is_404(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    assert "Memory limit below what the process needs" in (await client.get("/runbooks")).text
    page = (await client.get("/runbooks/memory-limit-too-low")).text
    assert "<h2>Mitigation</h2>" in page
    assert "kubectl -n $NS get pods" in page
    assert (await client.get("/runbooks/nothing")).status_code == 404


async def test_a_rejection_is_shown_with_its_reason_and_can_be_lifted(
    client: httpx.AsyncClient, book: Casebook
) -> None:
    incident = await book.reach(Phase.REJECTED)
    await sign_in(client, "dana")
    page = (await client.get(f"/incidents/{incident}")).text
    assert "Rejected before" in page
    assert "Payments are reconciled until 03:00" in page
    path = f"/incidents/{incident}/rejections/{book.digest}/lift"
    form = {"csrf": await csrf_of(client, f"/incidents/{incident}"), "reason": "reconciled by now"}
    assert (await client.post(path, data=form | {"csrf": "forged"})).status_code == 403
    assert (await client.post(path, data=form)).status_code == 303
    assert "reconciled by now" in (await client.get(f"/incidents/{incident}")).text
    again = await client.post(path, data=form)
    assert again.status_code == 409
    assert "lifted already" in again.text


async def test_who_rejects_says_for_how_long_and_whether_another_is_wanted(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    incident = await book.reach(Phase.AWAITING_DECISION)
    await sign_in(client, "dana")
    form = {"csrf": await csrf_of(client, f"/incidents/{incident}"), "digest": book.digest, "choice": "reject"}
    form |= {"reason": "not tonight", "hold": "day", "another": "yes"}
    assert (await client.post(f"/incidents/{incident}/decision", data=form)).status_code == 303
    async with store.transaction() as tx:
        found = await rejection_on(tx, book.digest)
        phase = (await incident_of(tx, incident)).phase
    assert found is not None
    assert found.wish == Wish(hold=Hold.DAY, another=True)
    assert phase is Phase.INVESTIGATING
