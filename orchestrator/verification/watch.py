"""The watch window: one measurement per timer, judged each time; ends in a verdict, or in an undo that leads to one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from agents.wording import duration
from incidents.action import Reversibility
from incidents.canonical import Json
from incidents.evidence import Window
from incidents.execution import Execution, ExecutionStatus
from incidents.foresight import PredictionCheck
from incidents.ids import ProposalDigest
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from incidents.prediction import held_against
from incidents.proposal import Proposal, ProposedAction
from incidents.verification import AWAY, Judgement, Measurement, Outcome, Reading, Verification, judge
from orchestrator.context import Workbench
from orchestrator.jobs import Task, enqueue
from orchestrator.store import executions, proposals, verifications
from orchestrator.store.casefiles import add_evidence
from orchestrator.store.ledger import record
from orchestrator.store.locks import release_locks
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx
from orchestrator.verification.measuring import take_for


async def look(bench: Workbench, digest: ProposalDigest) -> None:
    """Measure now, judge, and either come again later or act on the judgement. Harmless when it comes twice or late."""
    async with bench.store.transaction() as tx:
        proposal = (await proposals.proposal_by(tx, digest)).proposal
        rows = await executions.executions_of(tx, digest)
        over = await verifications.verification_of(tx, digest) is not None or any(row.undo for row in rows)
    window = window_of(proposal, rows)
    if over or window is None:
        return
    now = bench.clock.now()
    taken = await take_for(bench, proposal.body.incident, proposal.body.checks, now=now)
    async with bench.store.transaction() as tx:
        await add_evidence(tx, proposal.body.incident, [evidence for _, evidence in taken if evidence])
        await verifications.add_measurements(tx, digest, [measurement for measurement, _ in taken])
        measured = await verifications.measurements_of(tx, digest)
        await _say_that_nobody_watched(tx, proposal, measured, window=window, now=now)
        reading = judge(proposal.body.checks, measured, window=window, now=now)
        await _act(tx, bench, proposal, reading, window=window, measured=measured, now=now)


def window_of(proposal: Proposal, rows: Sequence[Execution]) -> Window | None:
    """From the end of the last action that succeeded, for as long as the proposal says; None when nothing succeeded."""
    ends = [row.ended_at for row in rows if row.status is ExecutionStatus.SUCCEEDED and not row.undo and row.ended_at]
    if not ends:
        return None
    return Window(start=max(ends), end=max(ends) + timedelta(seconds=proposal.body.watch_seconds))


async def _say_that_nobody_watched(
    tx: Tx, proposal: Proposal, measured: Sequence[Measurement], *, window: Window, now: datetime
) -> None:
    """A line of the story, once per time away: the watch lasts longer for it."""
    before = max((m.at for m in measured if m.at < now), default=window.start)
    if now - before > AWAY:
        away = f"watching again: nobody did for {duration((now - before).total_seconds())}"
        await _tell(tx, proposal, away, now=now, key=f"again:{now.isoformat()}")


async def _act(
    tx: Tx,
    bench: Workbench,
    proposal: Proposal,
    reading: Reading,
    *,
    window: Window,
    measured: Sequence[Measurement],
    now: datetime,
) -> None:
    match course(reading.judgement, proposal):
        case Course.WAIT:
            later = now + timedelta(seconds=bench.settings.periods.measure_seconds)
            await enqueue(tx, Task.MEASURE, proposal.body.incident, item=proposal.digest, run_at=later)
        case Course.UNDO:
            await _undo(tx, proposal, reading, now=now)
        case Course.VERIFIED:
            await settle(tx, proposal, reading, Outcome.VERIFIED, window=window, measured=measured, now=now)
            await enqueue(tx, Task.ADVANCE, proposal.body.incident)
        case Course.ESCALATED:
            await settle(tx, proposal, reading, Outcome.ESCALATED, window=window, measured=measured, now=now)
            await enqueue(tx, Task.ADVANCE, proposal.body.incident)


class Course(StrEnum):
    """What follows from a judgement."""

    WAIT = "wait"
    VERIFIED = "verified"
    UNDO = "undo"
    ESCALATED = "escalated"


def course(judgement: Judgement, proposal: Proposal) -> Course:
    """What hurt or did not help is taken back where it can be; what nobody can judge goes to people."""
    match judgement:
        case Judgement.WAIT:
            return Course.WAIT
        case Judgement.HELPED:
            return Course.VERIFIED
        case Judgement.WORSENED | Judgement.DID_NOT_HELP if any(map(undoable, proposal.body.actions)):
            return Course.UNDO
        case _:
            return Course.ESCALATED


def undoable(action: ProposedAction) -> bool:
    """Whether an action can be taken back at all."""
    return action.reversibility is not Reversibility.IRREVERSIBLE


async def _undo(tx: Tx, proposal: Proposal, reading: Reading, *, now: datetime) -> None:
    """Plan the undo of every action that was done and can be taken back, and wake the executor."""
    rows = await executions.executions_of(tx, proposal.digest)
    for row in rows:
        action = proposal.body.actions[row.index]
        if row.status is ExecutionStatus.SUCCEEDED and undoable(action):
            await executions.plan_undo(tx, proposal, index=row.index, now=now)
    await _tell(tx, proposal, f"undoing: {reading.reason}", now=now, key="undoing")
    await enqueue(tx, Task.EXECUTE, proposal.body.incident, item=proposal.digest)


async def settle(
    tx: Tx,
    proposal: Proposal,
    reading: Reading,
    outcome: Outcome,
    *,
    window: Window,
    measured: Sequence[Measurement],
    now: datetime,
) -> Verification:
    """Write the verdict with its ledger entry; when there is one already, that one stands."""
    verdict = Verification(
        outcome=outcome,
        judgement=reading.judgement,
        results=reading.results,
        evidence=tuple(dict.fromkeys(m.evidence for m in measured if m.evidence)),
        started_at=window.start,
        ended_at=now,
        reason=reading.reason,
        predicted=_predicted(proposal, outcome, measured, since=window.start),
    )
    before = await verifications.verification_of(tx, proposal.digest)
    stored = await verifications.save_verification(tx, proposal.body.incident, proposal.digest, verdict)
    if before is None:
        kind = EntryKind.VERIFIED if outcome is Outcome.VERIFIED else EntryKind.ESCALATED
        kind = EntryKind.UNDONE if outcome is Outcome.UNDONE else kind
        payload: dict[str, Json] = {"digest": proposal.digest, "verification": stored.model_dump(mode="json")}
        record(tx, kind=kind, incident=proposal.body.incident, actor="worker", at=now, payload=payload)
        await _tell(tx, proposal, words_of(stored), now=now, key="verdict")
        await release_locks(tx, proposal.body.incident)
    return stored


def _predicted(
    proposal: Proposal, outcome: Outcome, measured: Sequence[Measurement], *, since: datetime
) -> PredictionCheck | None:
    """How the rehearsal in a twin did."""
    body = proposal.body
    if body.rehearsal is None:
        return None
    return held_against(body.rehearsal, outcome, checks=body.checks, measured=measured, since=since)


def not_undone(proposal: Proposal, rows: Sequence[Execution]) -> tuple[str, ...]:
    """Why something that was done was not taken back; empty when all of it was: else people take over."""
    undos = [row for row in rows if row.undo]
    tried = {row.index for row in undos}
    done = [row.index for row in rows if not row.undo and row.status is ExecutionStatus.SUCCEEDED]
    left = [f"{proposal.body.actions[index].summary} cannot be taken back" for index in done if index not in tried]
    return (
        *left,
        *(f"the undo {row.status}: {row.detail}" for row in undos if row.status is not ExecutionStatus.UNDONE),
    )


def words_of(verdict: Verification) -> str:
    """`verified: 5xx 7.1 % -> 0.2 %; ...`, or what went wrong."""
    known = [result.text for result in verdict.results if result.before is not None and result.after is not None]
    figures = "; ".join(dict.fromkeys(known))
    return f"{verdict.outcome.value}: {verdict.reason}" + (f" ({figures})" if figures else "")


async def _tell(tx: Tx, proposal: Proposal, text: str, *, now: datetime, key: str) -> None:
    await append_event(
        tx,
        proposal.body.incident,
        kind=EventKind.VERIFICATION,
        actor="worker",
        text=text,
        at=now,
        refs=(proposal.digest,),
        key=f"{key}:{proposal.digest}",
    )
