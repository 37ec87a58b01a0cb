"""The reference incident's records in every state that a card has, for tests that need no database of their own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from incidents.approval import Channel, Choice, Decision, Person
from incidents.execution import ExecutionStatus
from incidents.ids import DecisionId, EntityId, PersonId
from incidents.incident import EventKind, Phase, TimelineEvent
from incidents.policy import Effect
from incidents.proposal import ProposalStatus, Risk
from orchestrator.steering import SNOOZE
from orchestrator.store.database import Store
from orchestrator.store.instructions import Instruction, InstructionKind
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
        "taken over": _settled(
            pending, ProposalStatus.SUPERSEDED, Phase.ESCALATED, "stopped by Dana: taken over in Slack"
        ),
        "looking again, the proposal withdrawn": _withdrawn(pending),
        "looking, still checking a first guess": _guessing(pending),
        "waiting, snoozed, with something left alone": _told(pending),
        "executing step 2 of 3": _second_of_three(played["executing"]),
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


def _withdrawn(record: IncidentRecord) -> IncidentRecord:
    found = _settled(record, ProposalStatus.SUPERSEDED, Phase.INVESTIGATING, "Dana asked for more evidence")
    told = TimelineEvent(
        incident=found.incident.id,
        seq=98,
        at=found.now,
        kind=EventKind.PROPOSAL,
        actor="dana@example.com",
        text="Proposal withdrawn: Dana asked for more evidence",
    )
    return found.model_copy(update={"timeline": (*found.timeline[:-1], told, found.timeline[-1]), "diagnosis": None})


def _guessing(record: IncidentRecord) -> IncidentRecord:
    head = record.incident.model_copy(update={"phase": Phase.INVESTIGATING})
    return record.model_copy(update={"incident": head, "proposals": ()})


def _told(record: IncidentRecord) -> IncidentRecord:
    """Dana snoozed it, and said to leave payments alone."""
    common = {
        "incident": record.incident.id,
        "person_id": PersonId("dana@example.com"),
        "person": "Dana",
        "channel": Channel.SLACK,
        "at": record.now,
    }
    snooze = Instruction(kind=InstructionKind.SNOOZE, until=record.now + SNOOZE, key="1", **common)
    alone = EntityId("prod-eu/shop/deployment/payments")
    hands_off = Instruction(kind=InstructionKind.HANDS_OFF, entity=alone, text="leave it", key="2", **common)
    return record.model_copy(update={"said": (snooze, hands_off)})


def _second_of_three(record: IncidentRecord) -> IncidentRecord:
    [proposal] = record.proposals
    [action], [step] = proposal.body.actions, proposal.steps
    summaries = (action.summary, "Restart cart", "Scale web to 8 replicas")
    actions = tuple(action.model_copy(update={"summary": summary}) for summary in summaries)
    states = (ExecutionStatus.SUCCEEDED, ExecutionStatus.DISPATCHED, ExecutionStatus.APPROVED)
    steps = tuple(
        step.model_copy(
            update={
                "execution": step.execution.model_copy(
                    update={"index": index, "status": status, "ended_at": None if index else record.now}
                ),
                "progress": "4/6 ready" if index == 1 else "",
            }
        )
        for index, status in enumerate(states)
    )
    body = proposal.body.model_copy(update={"actions": actions})
    return record.model_copy(update={"proposals": (proposal.model_copy(update={"body": body, "steps": steps}),)})


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
