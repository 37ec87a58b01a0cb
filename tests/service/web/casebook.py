"""Fills a store with the reference incident at any phase, through the product's own functions and at virtual times.

`Casebook.reach(Phase.X)` plays the story up to there; the pages and their tests see exactly what a running Midwatch writes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from agents.scribe import draft
from incidents.action import ActionRequest, BlastRadius, Fence, FieldChange, Preview, Reversibility, Snapshot
from incidents.approval import Accepted, Channel, Choice, Person
from incidents.canonical import digest_of
from incidents.casefile import Report
from incidents.diagnosis import Argument, Diagnosis, Engine, Hypothesis, Verdict
from incidents.evidence import Window
from incidents.execution import Execution, ExecutionStatus
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId, ProposalDigest
from incidents.incident import EventKind, Phase
from incidents.ledger import EntryKind
from incidents.policy import Effect, PolicyVerdict
from incidents.proposal import CostDelta, Proposal, ProposalBody, ProposalStatus, ProposedAction, Risk
from incidents.verification import (
    Check,
    CheckRole,
    Comparison,
    Judgement,
    Measurement,
    Outcome,
    Verification,
    judge,
)
from orchestrator.decisions import decide
from orchestrator.dossier import load_dossier
from orchestrator.intake.take_in import take_in
from orchestrator.settings import Settings
from orchestrator.store.casefiles import add_questions, add_report
from orchestrator.store.database import Store
from orchestrator.store.diagnoses import save_diagnosis
from orchestrator.store.executions import executions_of, note_progress, plan_undo, set_execution_status
from orchestrator.store.incidents import move
from orchestrator.store.ledger import record
from orchestrator.store.postmortems import save_postmortem
from orchestrator.store.proposals import save_proposal, set_proposal_status
from orchestrator.store.timeline import append_event
from orchestrator.store.verifications import add_measurements, save_verification
from tests.service.web import estate
from tests.service.web.estate import CHECKOUT, NOW
from tools.clock import ManualClock

CHECKS = (
    ("success", "error_rate", "<=", 0.005, "ratio", 300, 0.071, 0.001, "5xx < 0.5 % for 5 min"),
    ("success", "workload_available", ">=", 6, "pods", 0, 4, 6, "6/6 pods ready"),
    ("success", "alert_resolved", "<=", 0, "alerts", 0, 2, 0, "alerts resolved"),
    ("must_not_worsen", "latency_p99", "<=", 0.45, "seconds", 0, 0.41, 0.24, "p99 of checkout <= 450 ms"),
)


class Casebook:
    """One store, one clock that is moved by hand, and the story."""

    def __init__(self, store: Store, settings: Settings, clock: ManualClock) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.incident = IncidentId("")
        self.group = "checkout"
        self.proposal: Proposal | None = None

    async def reach(self, phase: Phase, *, title: str = "", group: str = "checkout", approvals: int = 1) -> IncidentId:
        """Play the story until the incident stands in this phase."""
        self.group = group
        await self._open(group=group, summary=title)
        steps: dict[Phase, tuple[Callable[[], Awaitable[None]], ...]] = {
            Phase.OPEN: (),
            Phase.INVESTIGATING: (self.begin, self.first_round),
            Phase.INCONCLUSIVE: (self.begin, self.nothing_found),
        }
        story = (
            self.begin,
            self.first_round,
            self.second_round,
            self.diagnose,
            lambda: self.propose(approvals=approvals),
        )
        approved = (*story, self.approve)
        steps |= {
            Phase.AWAITING_DECISION: story,
            Phase.REJECTED: (*story, self.reject),
            Phase.EXECUTING: (*approved, self.dispatch),
            Phase.VERIFYING: (*approved, self.dispatch, self.done, self.measure),
            Phase.VERIFIED: (*approved, self.dispatch, self.done, self.measure, self.verify),
            Phase.UNDONE: (*approved, self.dispatch, self.done, self.worsen),
        }
        for step in steps[phase]:
            await step()
        return self.incident

    async def say(
        self, kind: EventKind, actor: str, text: str, *, refs: tuple[str, ...] = (), **data: str | float | bool
    ) -> None:
        async with self.store.transaction() as tx:
            await append_event(
                tx, self.incident, kind=kind, actor=actor, text=text, at=self.clock.now(), refs=refs, data=data
            )

    async def to(self, phase: Phase, because: str) -> None:
        async with self.store.transaction() as tx:
            await move(tx, self.incident, to=phase, because=because, actor="worker", now=self.clock.now())

    async def _open(self, *, group: str, summary: str) -> None:
        body = json.dumps(notification(group, summary=summary or f"{group} returns 5xx")).encode()
        receipt = await take_in(self.store, body, settings=self.settings, now=self.clock.now())
        [self.incident] = receipt.opened

    async def begin(self) -> None:
        await self.to(Phase.INVESTIGATING, "looking for the cause")
        await self.say(EventKind.AGENT, "supervisor", "looking: kubernetes, cicd, observability, cost")
        for report in estate.FIRST_ROUND:
            text = "looking at checkout, web, mobile-api, payments and 4 more"
            await self.say(EventKind.AGENT, report.agent, text, round=1, step="start")
        await self.clock.advance(4)

    async def _report(self, report: Report, key: str = "") -> None:
        async with self.store.transaction() as tx:
            await add_report(tx, self.incident, report, key=key)
        for finding in report.findings:
            await self.say(EventKind.FINDING, report.agent, finding.text, refs=(finding.id, *finding.evidence))
        text = f"done: {len(report.findings)} findings from {len(report.evidence)} observations"
        await self.say(EventKind.AGENT, report.agent, text, round=report.round, step="end", probes=report.probes)
        await self.clock.advance(1)

    async def first_round(self) -> None:
        """Three of four have reported; observability is still looking."""
        for report in (estate.FIRST_ROUND[0], estate.FIRST_ROUND[1], estate.FIRST_ROUND[3]):
            await self._report(report)

    async def second_round(self) -> None:
        await self._report(estate.FIRST_ROUND[2])
        async with self.store.transaction() as tx:
            await add_questions(tx, self.incident, (estate.QUESTION,))
        question = estate.QUESTION
        await self.say(EventKind.QUESTION, "supervisor", f"supervisor -> observability: {question.text}")
        await self.say(EventKind.AGENT, "observability", f"looking into: {question.text}", round=2, step="start")
        await self.clock.advance(2)
        await self._report(estate.SECOND_ROUND, key=question.id)

    async def diagnose(self) -> None:
        await self._save(diagnosis(1, leading=0.61, at=self.clock.now()))
        await self.say(EventKind.HYPOTHESIS, "diagnostician", "memory limit too low at checkout: 61 %")
        await self._save(diagnosis(2, leading=0.94, at=self.clock.now()))
        await self.say(EventKind.HYPOTHESIS, "diagnostician", "stronger: memory limit too low at checkout (61 -> 94 %)")
        await self.clock.advance(3)

    async def nothing_found(self) -> None:
        found = Diagnosis(
            verdict=Verdict.INCONCLUSIVE,
            hypotheses=(),
            engine=Engine.RULES,
            reason="Errors, latency and availability of checkout are at their baseline: nothing is wrong that could be seen.",
            at=self.clock.now(),
            round=1,
        )
        await self._save(found)
        await self.to(Phase.INCONCLUSIVE, found.reason)

    async def _save(self, found: Diagnosis) -> None:
        async with self.store.transaction() as tx:
            await save_diagnosis(tx, self.incident, found)
            payload = {"verdict": found.verdict.value, "round": found.round}
            record(
                tx,
                kind=EntryKind.DIAGNOSED,
                incident=self.incident,
                actor="worker",
                at=self.clock.now(),
                payload=payload,
            )

    async def propose(self, *, approvals: int = 1) -> None:
        self.proposal = proposal(self.incident, at=self.clock.now(), approvals=approvals)
        async with self.store.transaction() as tx:
            await save_proposal(tx, self.proposal)
            record(
                tx,
                kind=EntryKind.PROPOSED,
                incident=self.incident,
                actor="worker",
                at=self.clock.now(),
                payload={"digest": self.proposal.digest},
            )
        summary = self.proposal.body.actions[0].summary
        await self.to(Phase.AWAITING_DECISION, f"proposed: {summary}")
        await self.say(EventKind.PROPOSAL, "planner", f"proposed: {summary}", refs=(self.proposal.digest,))

    @property
    def digest(self) -> ProposalDigest:
        assert self.proposal is not None
        return self.proposal.digest

    async def approve(self) -> None:
        await self.clock.advance(65)
        await self._decide(Choice.APPROVE, "")

    async def reject(self) -> None:
        await self.clock.advance(65)
        await self._decide(Choice.REJECT, "Payments are reconciled until 03:00, no rollback before that.")

    async def _decide(self, choice: Choice, reason: str) -> None:
        person: Person = self.settings.people[0].person
        now = self.clock.now()
        answer = await decide(
            self.store, self.digest, person=person, choice=choice, reason=reason, channel=Channel.CONSOLE, now=now
        )
        assert isinstance(answer, Accepted)

    async def _move_execution(self, to: ExecutionStatus, detail: str = "", *, undo: bool = False) -> Execution:
        async with self.store.transaction() as tx:
            row = next(r for r in await executions_of(tx, self.digest) if r.undo == undo)
            return await set_execution_status(tx, row, to=to, now=self.clock.now(), detail=detail)

    async def dispatch(self) -> None:
        await self.clock.advance(2)
        row = await self._move_execution(ExecutionStatus.DISPATCHED)
        await self.say(EventKind.EXECUTION, "executor", "rolling checkout back to revision 41")
        await self.clock.advance(20)
        async with self.store.transaction() as tx:
            await note_progress(tx, row, "4/6 ready")
        await self.say(EventKind.EXECUTION, "executor", "4/6 ready")

    async def done(self) -> None:
        await self.clock.advance(20)
        await self._move_execution(ExecutionStatus.SUCCEEDED, "6/6 ready on revision 41")
        async with self.store.transaction() as tx:
            await set_proposal_status(
                tx, self.digest, to=ProposalStatus.EXECUTED, sources=(ProposalStatus.APPROVED,), now=self.clock.now()
            )
        await self.say(EventKind.EXECUTION, "executor", "done: 6/6 ready on revision 41")
        await self.to(Phase.VERIFYING, "executed: watching whether it helps")

    async def measure(self) -> None:
        """Six measurements, a quarter of a minute apart: errors fall, the pods are back."""
        for step in range(6):
            errors = max(0.002, 0.071 * 0.35**step)
            values = (errors, 6.0, 2.0 if step < 4 else 0.0, max(0.24, 0.41 - 0.05 * step))
            await self._measured(values)

    async def _measured(self, values: tuple[float, ...], *, seconds: float = 15) -> None:
        await self.clock.advance(seconds)
        now = self.clock.now()
        async with self.store.transaction() as tx:
            taken = [Measurement(check=index, at=now, value=value) for index, value in enumerate(values)]
            await add_measurements(tx, self.digest, taken)
        await self.say(EventKind.VERIFICATION, "worker", f"measured: 5xx {values[0] * 100:.1f} %")

    async def verify(self) -> None:
        started = self.clock.now()
        for _ in range(8):
            await self._measured((0.002, 6.0, 0.0, 0.24), seconds=45)
        await self.resolve()
        await self._conclude(Outcome.VERIFIED, Judgement.HELPED, started)
        await self.to(Phase.VERIFIED, "5xx 7.1 % -> 0.2 %, p99 410 -> 240 ms, 6/6 ready")
        await self._postmortem()

    async def resolve(self) -> None:
        """Alertmanager says that both alerts ended."""
        ended = self.clock.now().isoformat()
        body = notification(self.group)
        alerts = [{**alert, "status": "resolved", "endsAt": ended} for alert in body["alerts"]]  # type: ignore[attr-defined] # a list
        await take_in(
            self.store, json.dumps({**body, "alerts": alerts}).encode(), settings=self.settings, now=self.clock.now()
        )

    async def worsen(self) -> None:
        started = self.clock.now()
        for p99 in (0.5, 0.62, 0.7):
            await self._measured((0.064, 6.0, 2.0, p99))
        assert self.proposal is not None
        async with self.store.transaction() as tx:
            await plan_undo(tx, self.proposal, index=0, now=self.clock.now())
        await self._move_execution(ExecutionStatus.DISPATCHED, undo=True)
        await self.clock.advance(30)
        await self._move_execution(ExecutionStatus.UNDONE, "back on revision 42", undo=True)
        await self._conclude(Outcome.UNDONE, Judgement.WORSENED, started)
        await self.to(Phase.UNDONE, "p99 rose 410 -> 700 ms. Back on revision 42.")
        await self._postmortem()

    async def _conclude(self, outcome: Outcome, judgement: Judgement, started: datetime) -> None:
        assert self.proposal is not None
        checks, now = self.proposal.body.checks, self.clock.now()
        async with self.store.transaction() as tx:
            from orchestrator.store.verifications import measurements_of

            measured = await measurements_of(tx, self.digest)
            reading = judge(checks, measured, window=Window(start=started - timedelta(minutes=5), end=now), now=now)
            verdict = Verification(
                outcome=outcome,
                judgement=judgement,
                results=reading.results,
                evidence=(),
                started_at=started,
                ended_at=now,
                reason=reading.reason,
            )
            await save_verification(tx, self.incident, self.digest, verdict)
        await self.say(EventKind.VERIFICATION, "worker", f"{outcome}: {verdict.reason}", refs=(self.digest,))

    async def _postmortem(self) -> None:
        async with self.store.transaction() as tx:
            text = draft(await load_dossier(tx, self.incident), now=self.clock.now())
            await save_postmortem(tx, self.incident, markdown=text, author="worker", at=self.clock.now())
        await self.say(EventKind.NOTE, "scribe", "the draft of the post-mortem is there")


def notification(workload: str = "checkout", *, summary: str = "checkout returns 5xx") -> dict[str, object]:
    """Two alerts as Alertmanager posts them; one label is an attack."""
    common = {"cluster": estate.CLUSTER, "namespace": "shop", "deployment": workload, "severity": "critical"}
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": name, **common, **extra},
            "annotations": {"summary": text, "description": estate.NASTY},
            "startsAt": starts,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
        }
        for name, text, starts, extra in (
            ("ServiceErrorsHigh", summary, "2026-11-17T02:46:30Z", {}),
            ("KubePodCrashLooping", f"Pods of {workload} restart", "2026-11-17T02:46:50Z", {"note": estate.NASTY}),
        )
    ]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{deployment="{workload}"}}',
        "receiver": "midwatch",
        "status": "firing",
        "groupLabels": {"deployment": workload},
        "externalURL": "http://alertmanager:9093",
        "alerts": alerts,
    }


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


__all__ = ["NOW", "Casebook", "notification"]
