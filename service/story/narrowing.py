"""What stands while a change of a proposal is being previewed and rehearsed: who narrowed it, and from what to what."""

from incidents.incident import EventKind, Phase
from incidents.proposal import ProposalStatus
from orchestrator.changing import CHANGE
from service.story.record import IncidentRecord


def being_narrowed(record: IncidentRecord) -> str:
    """`Narrowed by Dana: replicas of checkout 12 -> 8`; empty when nothing is."""
    newest = record.proposals[-1] if record.proposals else None
    waits = record.incident.phase is Phase.INVESTIGATING
    if newest is None or not waits or newest.status is not ProposalStatus.SUPERSEDED:
        return ""
    said = [
        event.text
        for event in record.timeline
        if event.kind is EventKind.DECISION and event.data.get("choice") == CHANGE and newest.digest in event.refs
    ]
    return said[-1] if said else ""
