"""The reference incident's records in every state that a card has, for tests that need no database of their own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from incidents.approval import Channel, Choice, Decision, Person
from incidents.ids import DecisionId, PersonId
from incidents.incident import EventKind, Phase, TimelineEvent
from incidents.policy import Effect
from incidents.proposal import ProposalStatus, Risk
from orchestrator.store.database import Store
from orchestrator.store.migrate import migrate
from service.story.record import IncidentRecord, record_of
from tests.orchestrator.servers import database, embedded_server
from tests.service.web.casebook import NOW, Casebook
from tests.service.web.serving import web_settings
from tools.clock import ManualClock

PLAYED = {
    "looking, just opened": Phase.OPEN,
    "looking, some reported": Phase.INVESTIGATING,
    "waiting for a decision": Phase.AWAITING_DECISION,
    "executing": Phase.EXECUTING,
    "verifying": Phase.VERIFYING,
    "verified": Phase.VERIFIED,
    "undone": Phase.UNDONE,
    "rejected": Phase.REJECTED,
    "inconclusive": Phase.INCONCLUSIVE,
}


def all_records() -> dict[str, IncidentRecord]:
    """Every state by its name: those that the product plays, and those that follow from them."""
    played = asyncio.run(_played())
    pending = played["waiting for a decision"]
    return played | {
        "waiting, one of two approved": _half_approved(pending),
        "waiting, of high risk": with_body(pending, risk=Risk.HIGH),
        "approved": _settled(_half_approved(pending, needed=1), ProposalStatus.APPROVED, Phase.EXECUTING),
        "expired": _settled(pending, ProposalStatus.EXPIRED, Phase.EXPIRED, "Nobody decided in time"),
        "escalated": _settled(
            pending, ProposalStatus.SUPERSEDED, Phase.ESCALATED, "stopped by Dana: the vendor works on it"
        ),
        "denied by policy": _denied(pending),
        "resolved by itself": _settled(played["inconclusive"], None, Phase.RESOLVED, "all alerts resolved"),
    }


async def _played() -> dict[str, IncidentRecord]:
    found = {}
    with embedded_server() as server, database(server, "cards_template") as template:
        await migrate(template)
        for number, (name, phase) in enumerate(PLAYED.items()):
            clock = ManualClock(NOW)
            with database(server, f"cards_{number}", template="cards_template") as url:
                async with Store(url, clock=clock) as store:
                    incident = await Casebook(store, web_settings(), clock).reach(phase)
                    async with store.transaction() as tx:
                        record = await record_of(tx, incident, now=clock.now())
                    found[name] = _with_a_stable_id(record)
    return found


def _with_a_stable_id(record: IncidentRecord) -> IncidentRecord:
    return IncidentRecord.model_validate_json(
        record.model_dump_json().replace(record.incident.id, "inc-reference").replace("inc-inc-", "inc-")
    )


def with_body(record: IncidentRecord, **changes: object) -> IncidentRecord:
    """The same incident with something else in its proposal."""
    [proposal] = record.proposals
    body = proposal.body.model_copy(update=changes)
    return record.model_copy(update={"proposals": (proposal.model_copy(update={"body": body}),)})


def _settled(record: IncidentRecord, status: ProposalStatus | None, phase: Phase, because: str = "") -> IncidentRecord:
    now = record.now + timedelta(seconds=90)
    head = record.incident.model_copy(update={"phase": phase, "closed_at": now if phase is Phase.RESOLVED else None})
    told = TimelineEvent(
        incident=head.id,
        seq=99,
        at=now,
        kind=EventKind.PHASE,
        actor="worker",
        text=because,
        data={"phase": phase.value},
    )
    proposals = tuple(p.model_copy(update={"status": status}) for p in record.proposals) if status else ()
    changes = {"incident": head, "proposals": proposals, "timeline": (*record.timeline, told), "now": now}
    return record.model_copy(update=changes)


def _half_approved(record: IncidentRecord, *, needed: int = 2) -> IncidentRecord:
    [proposal] = record.proposals
    policy = proposal.body.policy.model_copy(update={"approvals": needed})
    decision = Decision(
        id=DecisionId("de-1"),
        digest=proposal.digest,
        person=Person(id=PersonId("dana@example.com"), name="Dana", roles=("oncall",)),
        choice=Choice.APPROVE,
        at=record.now,
        channel=Channel.SLACK,
    )
    changed = proposal.model_copy(
        update={"body": proposal.body.model_copy(update={"policy": policy}), "decisions": (decision,)}
    )
    return record.model_copy(update={"proposals": (changed,)})


def _denied(record: IncidentRecord) -> IncidentRecord:
    [proposal] = record.proposals
    policy = proposal.body.policy.model_copy(
        update={"effect": Effect.DENY, "rule": "freeze", "reason": "No changes to shop while the sale runs."}
    )
    denied = with_body(record, policy=policy)
    return _settled(denied, ProposalStatus.DENIED, Phase.ESCALATED, "policy does not allow it: the sale runs")
