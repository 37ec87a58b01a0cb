"""An evidence pack: everything that is recorded of one incident, with the proof that it is what was recorded."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import ValidationError

from incidents.canonical import Json, canonical
from incidents.card import Card, card_of
from incidents.evidence import Evidence
from incidents.ids import DecisionId, EvidenceId, IncidentId
from incidents.ledger import Entry, EntryKind
from incidents.proof import Proof
from incidents.proposal import Proposal
from incidents.value import Value
from orchestrator.store.casefiles import one_evidence
from orchestrator.store.errors import UnknownError
from orchestrator.store.transaction import Tx
from orchestrator.version import GRAPH_VERSION
from service.audit.controls import Answered, answers
from service.audit.proving import prove
from service.story.record import IncidentRecord, ProposalRecord, record_of

FORMAT: Literal["midwatch-evidence/1"] = "midwatch-evidence/1"


class ShownCard(Value):
    """What a person had before them when they decided, as the ledger kept it with the decision."""

    decision: DecisionId
    person: str
    at: datetime
    card: Card


class EvidencePack(Value):
    """One incident, for somebody who was not there."""

    format: Literal["midwatch-evidence/1"] = FORMAT
    made_at: datetime
    made_by: str
    """Versions of Midwatch and of its graph."""
    record: IncidentRecord
    """Alerts, observations, argument, proposals with decisions, execution and verification, timeline, post-mortem."""
    evidence: tuple[Evidence, ...]
    """What proposals and verifications cite, with bodies."""
    cards: tuple[ShownCard, ...]
    proposed: tuple[Card, ...]
    """The card of every proposal, decided or not, as this version of Midwatch tells it."""
    proof: Proof
    controls: tuple[Answered, ...] = ()


async def pack_of(tx: Tx, incident: IncidentId, *, now: datetime) -> EvidencePack:
    """Everything of an incident. Raises UnknownError."""
    record = await record_of(tx, incident, now=now)
    proof = await prove(tx, incident)
    pack = EvidencePack(
        made_at=now,
        made_by=f"midwatch {_version()}, graph {GRAPH_VERSION}",
        record=record,
        evidence=tuple([item async for item in _cited(tx, record)]),
        cards=tuple(_cards(proof.entries)),
        proposed=tuple(card_of(_sealed(proposal)) for proposal in record.proposals),
        proof=proof,
    )
    return pack.model_copy(update={"controls": answers(pack.model_dump(mode="json"))})


def disagreements(pack: EvidencePack) -> tuple[str, ...]:
    """Where what the pack tells is not what the ledger says."""
    return tuple(_disagreements(pack))


def _disagreements(pack: EvidencePack) -> Iterator[str]:
    entries = pack.proof.entries
    sealed = {entry.payload.get("digest"): entry for entry in entries if entry.kind in PROPOSALS}
    decided = {canonical(_plain(entry, "decision")) for entry in entries if entry.kind is EntryKind.DECIDED}
    verified = {canonical(_plain(entry, "verification")) for entry in entries if "verification" in entry.payload}
    for proposal in pack.record.proposals:
        entry = sealed.get(proposal.digest)
        if not _sealed(proposal).intact:
            yield f"proposal {proposal.digest}: its content has not the digest that it is named by"
        if entry is None:
            yield f"proposal {proposal.digest}: the ledger has no entry of it"
        for decision in proposal.decisions:
            if canonical(decision) not in decided:
                yield f"decision {decision.id} of {decision.person.name}: the ledger does not say so"
        if proposal.verification is not None and canonical(proposal.verification) not in verified:
            yield f"proposal {proposal.digest}: the ledger knows no such verification"


PROPOSALS = frozenset({EntryKind.PROPOSED, EntryKind.POLICY_DENIED})
"""Kinds of entries that hold a whole proposal."""


def _plain(entry: Entry, name: str) -> Json:
    found: Json = entry.payload.get(name)  # type: ignore[assignment] # payloads are plain JSON
    return found


def _cards(entries: tuple[Entry, ...]) -> Iterator[ShownCard]:
    for entry in entries:
        decision = entry.payload.get("decision")
        if entry.kind is EntryKind.DECIDED and isinstance(decision, dict) and "card" in entry.payload:
            try:
                card = Card.model_validate(entry.payload["card"])
            except ValidationError:
                continue  # of a later version of Midwatch: the entry itself is in the pack
            yield ShownCard(decision=decision["id"], person=entry.actor, at=entry.at, card=card)


async def _cited(tx: Tx, record: IncidentRecord) -> AsyncIterator[Evidence]:
    cited: dict[EvidenceId, None] = {}
    for proposal in record.proposals:
        verification = proposal.verification
        cited |= dict.fromkeys((*proposal.body.evidence, *(verification.evidence if verification else ())))
    for item in cited:
        try:
            yield await one_evidence(tx, record.incident.id, item)
        except UnknownError:
            continue  # what a model cited and code refused is not there


def _sealed(proposal: ProposalRecord) -> Proposal:
    return Proposal(digest=proposal.digest, body=proposal.body)


def _version() -> str:
    try:
        return version("midwatch")
    except PackageNotFoundError:
        return "from source"
