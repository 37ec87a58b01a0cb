"""What a person is asked to approve: actions with all that was seen, identified by the digest of exactly that."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from incidents.action import ActionRequest, BlastRadius, Fence, Preview, Reversibility, Snapshot
from incidents.bound import Bound
from incidents.canonical import digest_of
from incidents.ids import CauseSlug, EntityId, EvidenceId, IncidentId, ProposalDigest
from incidents.narrowed import Narrowing
from incidents.policy import PolicyVerdict
from incidents.prediction import Prediction
from incidents.value import Value
from incidents.verification import Check


class CostDelta(Value):
    """What a proposal changes in money; None with a reason when no price is known."""

    usd_per_hour: float | None
    basis: str
    """How it was computed, or why it is unknown."""


class Risk(StrEnum):
    """From reversibility and reach, by code."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ProposedAction(Value):
    """One action with its previewed effect, the state it is bound to, and its undo."""

    request: ActionRequest
    summary: str
    """`Roll checkout back to revision 41`."""
    fence: Fence
    snapshot: Snapshot
    preview: Preview
    blast_radius: BlastRadius
    reversibility: Reversibility
    undo: str
    """`put revision 42 back, about 40 s`."""
    bounds: tuple[Bound, ...] = Field(default=(), exclude_if=lambda bounds: not bounds)
    """What a person may choose instead; an argument without a bound stays as it is."""


class Alternative(Value):
    """An action that was considered and not proposed, with the reason."""

    request: ActionRequest
    because: str
    rejection: ProposalDigest | None = None
    """The proposal with which a person rejected just this, when that is the reason."""
    rehearsed: Prediction | None = Field(default=None, exclude_if=lambda rehearsed: rehearsed is None)
    """What its rehearsal in a twin showed, when that is the reason."""


class ProposalBody(Value):
    """Everything the digest covers.

    What is added to it, or to a part of it, has a default and is left out of the canonical form while it has that
    (`exclude_if`): a proposal keeps its digest when a later version reads it.
    """

    incident: IncidentId
    cause: CauseSlug
    entity: EntityId
    confidence: float = Field(ge=0, le=1)
    actions: tuple[ProposedAction, ...] = Field(min_length=1)
    checks: tuple[Check, ...]
    watch_seconds: int = Field(gt=0)
    """Length of the verification window."""
    cost: CostDelta
    risk: Risk
    policy: PolicyVerdict
    rehearsal: Prediction | None = None
    """What the change did in a twin; None when none was asked."""
    evidence: tuple[EvidenceId, ...]
    alternatives: tuple[Alternative, ...] = ()
    created_at: datetime
    expires_at: datetime
    supersedes: ProposalDigest | None = None
    narrowings: tuple[Narrowing, ...] = Field(default=(), exclude_if=lambda narrowings: not narrowings)
    """What people narrowed since Midwatch proposed it, oldest first: each bounded by the proposal before it."""


class Proposal(Value):
    """A body and the digest of exactly that body."""

    digest: ProposalDigest
    body: ProposalBody

    @classmethod
    def of(cls, body: ProposalBody) -> Self:
        """Seal a body."""
        return cls(digest=ProposalDigest(digest_of(body)), body=body)

    @property
    def intact(self) -> bool:
        """Whether the digest still is that of the body. The executor recomputes it before anything runs."""
        return str(self.digest) == digest_of(self.body)


class ProposalStatus(StrEnum):
    """Where a proposal stands. Only `pending` takes decisions; only `approved` may be executed."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DENIED = "denied"
    """Policy said no, or the target system refused the preview: shown, never executable."""
    EXECUTED = "executed"
