"""What was really done. One row per action of an approved proposal; its status moves forward only."""

from datetime import datetime
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
