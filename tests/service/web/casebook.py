"""Fills a store with the reference incident at any phase, through the product's own functions and at virtual times.

`Casebook.reach(Phase.X)` plays the story up to there; the pages and their tests see exactly what a running Midwatch writes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from agents.scribe import draft
from incidents.approval import Accepted, Channel, Choice, Person
from incidents.casefile import Report
from incidents.diagnosis import Diagnosis, Engine, Verdict
from incidents.evidence import Window
from incidents.execution import Execution, ExecutionStatus
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import EventKind, Phase
from incidents.ledger import EntryKind
from incidents.proposal import Proposal, ProposalStatus
from incidents.verification import (
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
from tests.service.web.argument import diagnosis, proposal
from tests.service.web.estate import NOW
from tools.clock import ManualClock


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
                payload={"digest": self.proposal.digest, "proposal": self.proposal.body.model_dump(mode="json")},
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
            kind = EntryKind.VERIFIED if outcome is Outcome.VERIFIED else EntryKind.UNDONE
            told = {"digest": self.digest, "verification": verdict.model_dump(mode="json")}
            record(tx, kind=kind, incident=self.incident, actor="worker", at=now, payload=told)
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


__all__ = ["NOW", "Casebook", "notification"]
