"""Values that many tests need, made with as little noise as possible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from incidents.action import ActionRequest, BlastRadius, Fence, FieldChange, Preview, Reversibility, Snapshot
from incidents.alert import Alert, AlertStatus
from incidents.approval import Person
from incidents.canonical import digest_of
from incidents.ids import ActionKind, CauseSlug, EntityId, Fingerprint, IncidentId, PersonId
from incidents.policy import Effect, PolicyVerdict
from incidents.proposal import CostDelta, Proposal, ProposalBody, ProposedAction, Risk
from incidents.verification import Check, CheckRole, Comparison

NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
CHECKOUT = EntityId("prod-eu/shop/deployment/checkout")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def alert(
    name: str = "CheckoutErrors",
    *,
    fingerprint: str = "00000000000000a1",
    status: AlertStatus = AlertStatus.FIRING,
    starts_at: datetime = NOW,
    **labels: str,
) -> Alert:
    return Alert(
        fingerprint=Fingerprint(fingerprint),
        status=status,
        labels={"alertname": name, "severity": "critical", **labels},
        starts_at=starts_at,
        ends_at=NOW if status is AlertStatus.RESOLVED else None,
    )


def person(name: str = "ada", *roles: str, bot: bool = False) -> Person:
    return Person(id=PersonId(f"{name}@example.com"), name=name, roles=roles or ("oncall",), bot=bot)


def verdict(
    *, approvals: int = 1, effect: Effect = Effect.ASK, approvers: tuple[str, ...] = ("oncall",)
) -> PolicyVerdict:
    return PolicyVerdict(
        effect=effect,
        approvals=approvals,
        approvers=approvers,
        rule="workload changes",
        reason="one of on-call",
        version=digest_of(b"policy"),
        expires_in_seconds=900,
    )


def check(role: CheckRole = CheckRole.SUCCESS, **changes: object) -> Check:
    given: dict[str, object] = {
        "role": role,
        "measure": "error_rate",
        "entity": CHECKOUT,
        "comparison": Comparison.AT_MOST,
        "threshold": 0.005,
        "unit": "ratio",
        "baseline": 0.071,
        "text": "5xx < 0.5 %",
    }
    return Check.model_validate(given | changes)


def proposed(kind: str = "rollback_workload") -> ProposedAction:
    request = ActionRequest(kind=ActionKind(kind), target=CHECKOUT, arguments={"to_revision": 41})
    fence = Fence(uid="uid-1", generation=7, content=digest_of(b"spec"))
    return ProposedAction(
        request=request,
        summary="Roll checkout back to revision 41",
        fence=fence,
        snapshot=Snapshot(target=CHECKOUT, taken_at=NOW, fence=fence, state="{}"),
        preview=Preview(
            accepted=True,
            by="server-side dry-run",
            diff=(
                FieldChange(
                    path="spec.template.spec.containers[checkout].resources.limits.memory",
                    before="256Mi",
                    after="512Mi",
                ),
            ),
        ),
        blast_radius=BlastRadius(workloads=(CHECKOUT,), pods=6),
        reversibility=Reversibility.EXACT,
        undo="revision 42, about 40 s",
    )


def proposal(
    *,
    incident: str = "inc-aaaaaaaaaaaa",
    approvals: int = 1,
    effect: Effect = Effect.ASK,
    approvers: tuple[str, ...] = ("oncall",),
    lives_seconds: float = 900,
    actions: Sequence[ProposedAction] = (),
    created_at: datetime = NOW,
) -> Proposal:
    return Proposal.of(
        ProposalBody(
            incident=IncidentId(incident),
            cause=CauseSlug("memory_limit_too_low"),
            entity=CHECKOUT,
            confidence=0.94,
            actions=tuple(actions) or (proposed(),),
            checks=(check(),),
            watch_seconds=600,
            cost=CostDelta(usd_per_hour=0.04, basis="node prices"),
            risk=Risk.LOW,
            policy=verdict(approvals=approvals, effect=effect, approvers=approvers),
            evidence=(),
            created_at=created_at,
            expires_at=created_at + timedelta(seconds=lives_seconds),
        )
    )
