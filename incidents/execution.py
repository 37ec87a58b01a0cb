"""What was really done. One row per action of an approved proposal; its status moves forward only."""

from datetime import datetime, timedelta
from enum import StrEnum

from incidents.ids import ProposalDigest
from incidents.value import Value


class ExecutionStatus(StrEnum):
    """approved -> dispatched -> succeeded | failed | unknown; or approved -> refused."""

    APPROVED = "approved"
    DISPATCHED = "dispatched"
    """Committed before the effect: from here on nobody may start it again, only look whether it happened."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The target system refused it; nothing changed."""
    UNKNOWN = "unknown"
    """Nobody could see whether it happened: escalated to people."""
    REFUSED = "refused"
    """Not run: the fence, the policy, the expiry or the digest no longer matched."""
    UNDONE = "undone"


TERMINAL = frozenset({ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN, ExecutionStatus.REFUSED, ExecutionStatus.UNDONE})

HAPPENED = frozenset({ExecutionStatus.SUCCEEDED, ExecutionStatus.UNDONE})
WITHOUT_EFFECT = frozenset({ExecutionStatus.REFUSED, ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN})
"""Ends of a row that say that nothing was done, or that nobody knows."""
LATE_SECONDS = 900.0
"""How long a request may be under way after its sender died: longer than load balancers keep one (by default nginx,
Envoy and the clouds keep it for 60 s to 600 s)."""


class Execution(Value):
    """One action of one proposal. `key` is the idempotency key that is written onto the changed object."""

    digest: ProposalDigest
    index: int
    key: str
    status: ExecutionStatus
    undo: bool = False
    """Whether this row is the undo of the action."""
    detail: str = ""
    """What the target system answered, or why it was refused, for people."""
    approved_at: datetime
    dispatched_at: datetime | None = None
    ended_at: datetime | None = None

    def may_be_late(self, *, now: datetime) -> bool:
        """Whether a request for it may still arrive whose sender never saw the answer: it is worth another look."""
        if self.status not in WITHOUT_EFFECT or self.dispatched_at is None or self.ended_at is None:
            return False
        return now < self.ended_at + timedelta(seconds=LATE_SECONDS)
