"""The diagnosis and the proposal of the reference incident, as values."""

from __future__ import annotations

from datetime import datetime, timedelta

from incidents.action import ActionRequest, BlastRadius, Fence, FieldChange, Preview, Reversibility, Snapshot
from incidents.canonical import digest_of
from incidents.diagnosis import Argument, Diagnosis, Engine, Hypothesis, Verdict
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId
from incidents.policy import Effect, PolicyVerdict
from incidents.proposal import CostDelta, Proposal, ProposalBody, ProposedAction, Risk
from incidents.verification import Check, CheckRole, Comparison
from tests.service.web import estate
from tests.service.web.estate import CHECKOUT

CHECKS = (
    ("success", "error_rate", "<=", 0.005, "ratio", 300, 0.071, 0.001, "5xx < 0.5 % for 5 min"),
    ("success", "workload_available", ">=", 6, "pods", 0, 4, 6, "6/6 pods ready"),
    ("success", "alert_resolved", "<=", 0, "alerts", 0, 2, 0, "alerts resolved"),
    ("must_not_worsen", "latency_p99", "<=", 0.45, "seconds", 0, 0.41, 0.24, "p99 of checkout <= 450 ms"),
)


def diagnosis(round_: int, *, leading: float, at: datetime) -> Diagnosis:
    """The argument after a round."""
    arguments = (
        Argument(text=estate.OOM.text, weight=2.1, facts=(estate.OOM.id,)),
        Argument(text=f"{estate.LOWERED.text}, 2 min before it began", weight=1.9, facts=(estate.LOWERED.id,)),
        Argument(text=estate.USED.text, weight=1.2, facts=(estate.USED.id,) if round_ > 1 else ()),
    )
    memory = Hypothesis(
        cause=CauseSlug("memory_limit_too_low"),
        title="Memory limit below what the process needs",
        entity=CHECKOUT,
        probability=leading,
        speaks_for=arguments[: 1 + round_],
        speaks_against=(
            Argument(text="Looked for at checkout and not so: memory that grows steadily", weight=-0.1, facts=()),
        ),
        onset=estate.ONSET,
        change=estate.LOWERED.id,
        explains=(estate.ERRORS.id, estate.SLOW.id, estate.RESTARTS.id),
        statement=f"{estate.LOWERED.text}. Containers are OOMKilled at 256Mi; they used 340Mi before.",
    )
    leak = Hypothesis(
        cause=CauseSlug("memory_leak"),
        title="Memory leak",
        entity=CHECKOUT,
        probability=0.05,
        speaks_for=arguments[:1],
        speaks_against=(Argument(text=estate.USED.text, weight=-1.4, facts=(estate.USED.id,)),),
        would_decide=("memory of checkout over the last 7 days",),
        statement="Memory of checkout grows until it is killed.",
    )
    bad = leak.model_copy(
        update={
            "cause": CauseSlug("bad_deploy"),
            "title": "A deploy broke it",
            "entity": estate.CART,
            "probability": 0.02,
            "speaks_for": (Argument(text=estate.CART_DEPLOY.text, weight=0.3, facts=(estate.CART_DEPLOY.id,)),),
            "speaks_against": (
                Argument(text="Came 9 min after it began at 02:35: cart deployed revision 18", weight=-3.0),
            ),
            "would_decide": (),
        }
    )
    return Diagnosis(
        verdict=Verdict.DIAGNOSED if leading > 0.8 else Verdict.INCONCLUSIVE,
        hypotheses=(memory, leak, bad),
        engine=Engine.RULES,
        reason="One cause explains every symptom; the next best is far behind.",
        at=at,
        round=round_,
    )


def proposal(incident: IncidentId, *, at: datetime, approvals: int = 1) -> Proposal:
    """Roll checkout back to revision 41."""
    fence = Fence(uid="6f1c", generation=42, content=digest_of(b"spec"))
    action = ProposedAction(
        request=ActionRequest(kind=ActionKind("rollback_workload"), target=CHECKOUT, arguments={"to_revision": 41}),
        summary="Roll checkout back to revision 41",
        fence=fence,
        snapshot=Snapshot(target=CHECKOUT, taken_at=at, fence=fence, state="{}"),
        preview=Preview(
            accepted=True,
            by="server-side dry-run",
            diff=(
                FieldChange(
                    path="spec.template.spec.containers[app].resources.limits.memory", before="256Mi", after="512Mi"
                ),
            ),
        ),
        blast_radius=BlastRadius(
            workloads=(CHECKOUT,),
            pods=6,
            services=(EntityId(f"{estate.CLUSTER}/shop/service/checkout"),),
            callers=(estate.WEB, estate.MOBILE),
        ),
        reversibility=Reversibility.EXACT,
        undo="put revision 42 back, about 40 s",
    )
    policy = PolicyVerdict(
        effect=Effect.ASK,
        approvals=approvals,
        approvers=("oncall", "owner"),
        rule="workload changes",
        reason="A change to one workload of up to 50 pods needs one of on-call or its owners.",
        version=digest_of(b"policy"),
        expires_in_seconds=900,
    )
    return Proposal.of(
        ProposalBody(
            incident=incident,
            cause=CauseSlug("memory_limit_too_low"),
            entity=CHECKOUT,
            confidence=0.94,
            actions=(action,),
            checks=tuple(_check(*row) for row in CHECKS),
            watch_seconds=600,
            cost=CostDelta(usd_per_hour=0.04, basis="6 pods x 256 MiB more memory requested at node prices"),
            risk=Risk.LOW,
            policy=policy,
            evidence=(estate.PODS.id, estate.REVISIONS.id),
            created_at=at,
            expires_at=at + timedelta(seconds=900),
        )
    )


def _check(  # noqa: PLR0917 - a row of CHECKS
    role: str,
    measure: str,
    comparison: str,
    threshold: float,
    unit: str,
    hold: float,
    baseline: float,
    healthy: float,
    text: str,
) -> Check:
    return Check(
        role=CheckRole(role),
        measure=measure,
        entity=CHECKOUT,
        comparison=Comparison(comparison),
        threshold=threshold,
        unit=unit,
        hold=timedelta(seconds=hold),
        baseline=baseline,
        healthy=healthy,
        text=text,
        query=f"{measure}(checkout)",
    )
