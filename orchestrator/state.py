"""What the graph carries from node to node: ids and small counters.

Everything else is in the store (STACK: checkpoints copy it).
"""

from typing import Literal, TypedDict

from incidents.ids import IncidentId, ProposalDigest, QuestionId

Ending = Literal["verified", "undone", "escalated", "rejected", "expired", "inconclusive", "resolved"]


class Doubt(TypedDict):
    """What the challenger said of the last round."""

    agrees: bool
    reason: str
    questions: list[QuestionId]
    """Ids of the questions that it wants asked, the most telling first."""


class State(TypedDict, total=False):
    """State of one incident's thread."""

    incident: IncidentId
    round: int
    """Rounds of questions that were asked so far."""
    delivered: list[QuestionId]
    """Ids of questions that were put to a colleague."""
    doubt: Doubt
    attempt: int
    """Proposals made so far; a target that changed asks for another."""
    narrowed: int
    """How many of them are what a person made of another."""
    proposal: ProposalDigest | None
    ending: Ending | None
    """How it ended, once it has."""
    detail: str
    """Why it ended so, in a sentence for people."""


class Errand(TypedDict):
    """What a specialist is sent with: its assignments of this round as JSON."""

    incident: IncidentId
    assignments: list[str]
