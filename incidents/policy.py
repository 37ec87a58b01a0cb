"""What policy says of a proposal: allow with approvals, or deny, always with the reason and the policy's version."""

from enum import StrEnum

from pydantic import Field

from incidents.ids import Digest
from incidents.value import Value


class Effect(StrEnum):
    """The verdict of a policy. There is no silent default: no rule that matches means deny."""

    ALLOW = "allow"
    """May run without a click: only by a human-written, scoped, expiring pre-approval."""
    ASK = "ask"
    DENY = "deny"


class PolicyVerdict(Value):
    """What policy says of one proposal."""

    effect: Effect
    approvals: int = Field(ge=0)
    """How many different people have to approve."""
    approvers: tuple[str, ...]
    """Roles, any of which may approve."""
    rule: str
    """Name of the rule that matched, or `default`."""
    reason: str
    version: Digest
    """Digest of the whole policy as it was read."""
    expires_in_seconds: int = Field(gt=0)
    """How long a proposal under this verdict may wait for its decision."""


class PolicyRule(Value):
    """One row of the matrix. Empty tuple means any. The first matching row decides."""

    name: str
    actions: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    """Shell-style patterns."""
    clusters: tuple[str, ...] = ()
    max_pods: int | None = None
    """The row applies only when the blast radius has at most that many pods."""
    effect: Effect
    approvals: int = Field(default=1, ge=0)
    approvers: tuple[str, ...] = ("oncall",)
    expires_in_seconds: int = Field(default=900, gt=0)
    reason: str = ""


class Policy(Value):
    """The matrix as read from a file. `version` is the digest of its content."""

    rules: tuple[PolicyRule, ...]
    version: Digest
    source: str
