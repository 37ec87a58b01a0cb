"""What policy says of a proposal: allow with approvals, or deny, always with the reason and the policy's version."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import Field

from incidents.action import ActionRequest, BlastRadius
from incidents.entity import NO_NAMESPACE
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
    until: datetime | None = None
    """When a pre-approval (`allow`) ends; an `allow` without it, or after it, never matches."""
    reason: str = ""


class Policy(Value):
    """The matrix as read from a file. `version` is the digest of its content."""

    rules: tuple[PolicyRule, ...]
    version: Digest
    source: str


DEFAULT_EXPIRY_SECONDS = 900
"""How long a proposal that no rule matches is shown as denied."""
_STRICTNESS = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}


def decide(
    policy: Policy | None, *, actions: Sequence[tuple[ActionRequest, BlastRadius]], now: datetime
) -> PolicyVerdict:
    """The verdict on actions that are proposed together: the strictest of any, and somebody whom all of them accept.

    No policy, no action and no matching rule each mean deny.
    """
    if policy is None or not actions:
        return _denied(policy, "no policy is loaded" if policy is None else "there is nothing to decide about")
    rules = [_first_match(policy, request, reach, now=now) for request, reach in actions]
    missing = [request.kind for (request, _), rule in zip(actions, rules, strict=True) if rule is None]
    if missing:
        return _denied(policy, f"no rule of {policy.source} allows {', '.join(sorted(set(missing)))}")
    return _strictest(policy, [rule for rule in rules if rule is not None])


def _first_match(policy: Policy, request: ActionRequest, reach: BlastRadius, *, now: datetime) -> PolicyRule | None:
    return next((rule for rule in policy.rules if _matches(rule, request, reach, now=now)), None)


def _matches(rule: PolicyRule, request: ActionRequest, reach: BlastRadius, *, now: datetime) -> bool:
    cluster, namespace, *_ = request.target.split("/", 3)
    if rule.effect is Effect.ALLOW and (rule.until is None or now >= rule.until):
        return False
    return (
        _among(request.kind, rule.actions)
        and _among(cluster, rule.clusters)
        and _among("" if namespace == NO_NAMESPACE else namespace, rule.namespaces)
        and (rule.max_pods is None or reach.pods <= rule.max_pods)
    )


def _among(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _strictest(policy: Policy, rules: Sequence[PolicyRule]) -> PolicyVerdict:
    hardest = max(rules, key=lambda rule: (_STRICTNESS[rule.effect], rule.approvals))
    asking = [rule for rule in rules if rule.effect is Effect.ASK]
    approvers = [role for role in hardest.approvers if all(role in rule.approvers for rule in asking)]
    if hardest.effect is Effect.ASK and not approvers:
        names = ", ".join(rule.name for rule in asking)
        return _denied(
            policy, f"no role may approve all of it: the rules {names} ask different ones; propose the actions singly"
        )
    asks = hardest.effect is Effect.ASK
    return PolicyVerdict(
        effect=hardest.effect,
        approvals=max(1, hardest.approvals) if asks else 0,
        approvers=tuple(approvers) if asks else (),
        rule=hardest.name,
        reason=hardest.reason or f"rule {hardest.name} of {policy.source}",
        version=policy.version,
        expires_in_seconds=min(rule.expires_in_seconds for rule in rules),
    )


NO_POLICY = Digest("sha256:" + "0" * 64)
"""The version that a verdict names when there is no policy at all."""


def _denied(policy: Policy | None, reason: str) -> PolicyVerdict:
    return PolicyVerdict(
        effect=Effect.DENY,
        approvals=0,
        approvers=(),
        rule="default",
        reason=reason,
        version=policy.version if policy else NO_POLICY,
        expires_in_seconds=DEFAULT_EXPIRY_SECONDS,
    )
