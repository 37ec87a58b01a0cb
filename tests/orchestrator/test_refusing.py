"""What somebody asked for and was not given stands in the ledger, under their name and with the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from incidents.approval import Channel, Person, Refused
from incidents.ids import EntityId
from incidents.incident import Phase
from incidents.ledger import EntryKind, verify
from incidents.proposal import Proposal
from orchestrator.decisions import set_paused
from orchestrator.steering import leave_alone, look_again, rehearse_again
from orchestrator.stopping import stop_investigation
from orchestrator.store.database import Store
from orchestrator.store.incidents import move
from orchestrator.store.ledger import entries
from tests.incidents.making import NOW, person
from tests.orchestrator.making import INCIDENT, a_proposal

Asking = Callable[[Store, Person], Awaitable[object]]
SAID = {"incident": INCIDENT, "channel": Channel.SLACK, "now": NOW, "key": "k"}
ASKED: dict[str, Asking] = {
    "pause": lambda store, who: set_paused(store, paused=True, person=who, reason="no", now=NOW),
    "stop": lambda store, who: stop_investigation(store, INCIDENT, person=who, reason="no", now=NOW),
    "more_evidence": lambda store, who: look_again(store, person=who, **SAID),
    "rehearse": lambda store, who: rehearse_again(store, person=who, **SAID),
    "leave_alone": lambda store, who: leave_alone(
        store, entity=EntityId("prod-eu/shop/deployment/checkout"), person=who, text="hands off", **SAID
    ),
}


@pytest.fixture
async def proposal(store: Store) -> Proposal:
    """It waits for a decision."""
    return await a_proposal(store)


async def refusals(store: Store) -> list[tuple[str, object, object]]:
    async with store.transaction() as tx:
        found = [entry async for entry in entries(tx)]
    assert verify(found) == []
    refused = [entry for entry in found if entry.kind is EntryKind.STEERING_REFUSED]
    return [(entry.actor, entry.payload["asked"], entry.payload["refusal"]) for entry in refused]


@pytest.mark.parametrize("asked", list(ASKED))
async def test_who_has_no_role_is_refused_and_noted(store: Store, proposal: Proposal, asked: str) -> None:
    viewer = person("ada", "viewer")
    assert isinstance(await ASKED[asked](store, viewer), Refused)
    assert await refusals(store) == [(viewer.id, asked, "missing_role")]


@pytest.mark.parametrize("asked", ["stop", "more_evidence"])
async def test_who_comes_too_late_is_refused_and_noted(store: Store, proposal: Proposal, asked: str) -> None:
    dana = person("dana", "oncall")
    async with store.transaction() as tx:
        await move(tx, INCIDENT, to=Phase.RESOLVED, because="all alerts resolved", actor="worker", now=NOW)
    assert isinstance(await ASKED[asked](store, dana), Refused)
    assert await refusals(store) == [(dana.id, asked, "not_pending")]


async def test_what_is_given_is_no_refusal(store: Store, proposal: Proposal) -> None:
    assert not isinstance(await ASKED["leave_alone"](store, person("dana", "oncall")), Refused)
    assert not isinstance(await ASKED["stop"](store, person("dana", "oncall")), Refused)
    assert await refusals(store) == []
