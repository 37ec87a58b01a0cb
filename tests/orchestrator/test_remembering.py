"""A rejection in the product: remembered with its ledger entry, and lifted by whoever could have decided."""

from __future__ import annotations

import pytest

from incidents.approval import Channel, Choice, Refusal, Refused
from incidents.incident import Phase
from incidents.ledger import EntryKind
from incidents.rejection import Hold, Rejection, Wish
from orchestrator.decisions import decide
from orchestrator.ledger import evidence_pack, verify_ledger
from orchestrator.remembering import lift
from orchestrator.store.database import Store
from orchestrator.store.errors import StaleStateError, UnknownError
from orchestrator.store.incidents import incident_of
from orchestrator.store.rejections import rejection_on, rejections, rejections_about
from tests.incidents.making import after, person
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal


async def reject(store: Store, wish: Wish | None = None) -> None:
    proposal = await a_proposal(store)
    await decide(
        store,
        proposal.digest,
        person=person("dana"),
        choice=Choice.REJECT,
        reason="payments are reconciled",
        channel=Channel.CONSOLE,
        now=after(60),
        **({"wish": wish} if wish else {}),
    )


@both_servers
async def test_a_rejection_is_remembered_with_its_reason(store: Store) -> None:
    await reject(store, Wish(hold=Hold.DAY))
    proposal = await _only(store)
    async with store.transaction() as tx:
        found = await rejections_about(tx, cause=proposal.cause, entity=proposal.entity, now=after(120))
        later = await rejections_about(tx, cause=proposal.cause, entity=proposal.entity, now=after(60 + 86400))
        phase = (await incident_of(tx, INCIDENT)).phase
    assert [(r.reason, r.person.name, r.wish.hold) for r in found] == [("payments are reconciled", "dana", Hold.DAY)]
    assert later == ()
    assert phase is Phase.REJECTED
    entry = (await evidence_pack(store, INCIDENT))[-1]
    assert entry.payload["wish"] == {"hold": "day", "another": False}


async def test_who_wants_another_keeps_the_investigation_going(store: Store) -> None:
    await reject(store, Wish(another=True))
    async with store.transaction() as tx:
        assert (await incident_of(tx, INCIDENT)).phase is Phase.INVESTIGATING


async def test_the_decision_keeps_the_card_that_was_decided_on(store: Store) -> None:
    await reject(store)
    decided = [e for e in await evidence_pack(store, INCIDENT) if e.kind is EntryKind.DECIDED]
    card = decided[0].payload["card"]
    assert isinstance(card, dict)
    assert card["title"] == "Roll checkout back to revision 41"
    assert any(line["label"] == "Undo" for line in card["lines"])


async def test_a_rejection_is_lifted_once_and_on_the_record(store: Store) -> None:
    await reject(store)
    digest = (await _only(store)).digest
    lifted = await lift(store, digest, person=person("ada"), because="the window is over", now=after(120))
    assert not isinstance(lifted, Refused)
    assert not lifted.active(after(180))
    async with store.transaction() as tx:
        assert await rejections_about(tx, cause=lifted.cause, entity=lifted.entity, now=after(180)) == ()
    assert (await evidence_pack(store, INCIDENT))[-1].kind is EntryKind.REJECTION_LIFTED
    assert (await verify_ledger(store)).intact
    with pytest.raises(StaleStateError, match="lifted already"):
        await lift(store, digest, person=person("ada"), because="again", now=after(180))


@pytest.mark.parametrize(
    ("who", "because", "refusal"),
    [
        pytest.param(person("eve", "viewer"), "please", Refusal.MISSING_ROLE, id="a viewer may not"),
        pytest.param(person("midwatch", bot=True), "please", Refusal.BOT, id="a bot may not"),
        pytest.param(person("ada"), "  ", Refusal.REASON_NEEDED, id="nobody may without a reason"),
    ],
)
async def test_not_everybody_may_lift_it(store: Store, who: object, because: str, refusal: Refusal) -> None:
    await reject(store)
    digest = (await _only(store)).digest
    answer = await lift(store, digest, person=who, because=because, now=after(120))  # type: ignore[arg-type]
    assert isinstance(answer, Refused)
    assert answer.refusal is refusal
    async with store.transaction() as tx:
        found = await rejection_on(tx, digest)
    assert found is not None
    assert found.lifted is None


async def test_what_was_not_rejected_cannot_be_lifted(store: Store) -> None:
    proposal = await a_proposal(store)
    with pytest.raises(UnknownError, match="no rejection"):
        await lift(store, proposal.digest, person=person("ada"), because="x", now=after(1))


async def _only(store: Store) -> Rejection:
    async with store.transaction() as tx:
        [found] = await rejections(tx)
    return found
