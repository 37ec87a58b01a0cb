"""The argument of a round: the diagnostician weighs, the challenger attacks, and what changed is told."""

from collections.abc import Iterator, Sequence

from langgraph.runtime import Runtime

from agents.challenger import challenge as attack
from agents.diagnostician.diagnose import diagnose as weigh
from agents.headline import headline
from incidents.canonical import Json
from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from orchestrator.context import Context
from orchestrator.modelling import argued
from orchestrator.state import Doubt, State
from orchestrator.store.casefiles import add_questions, load_case
from orchestrator.store.diagnoses import diagnoses_of, latest_diagnosis, save_diagnosis
from orchestrator.store.incidents import retitle
from orchestrator.store.ledger import record
from orchestrator.store.timeline import Line, append_events
from orchestrator.store.transaction import Tx

TOLD = 0.05
"""A change of probability that is worth a line; smaller ones are noise to a reader."""
SHOWN = 3
"""Hypotheses whose changes are told."""
DISMISSED = 3
"""Suspicions whose end is told; the page lists all."""


async def diagnose(state: State, runtime: Runtime[Context]) -> State:
    """Weigh all facts of the case; with a model, let it argue over the same case, checked by code."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction() as tx:
        case = await load_case(tx, incident, bodies=context.model is not None)
    diagnosis = await argued(context, case, weigh(case, context.library, now=context.clock.now()))
    diagnosis = diagnosis.model_copy(update={"round": state["round"]})
    async with context.store.transaction(lease=context.lease) as tx:
        await save_diagnosis(tx, incident, diagnosis)
    return {}


async def challenge(state: State, runtime: Runtime[Context]) -> State:
    """Attack the diagnosis of this round, keep what stands, and tell how it differs from the round before."""
    context, incident = runtime.context, state["incident"]
    async with context.store.transaction(lease=context.lease) as tx:
        case = await load_case(tx, incident, bodies=False)
        standing = await latest_diagnosis(tx, incident)
        if standing is None:
            raise ValueError(f"{incident} has no diagnosis to challenge: the graph's edges lead here too early")
        before = [item for item in await diagnoses_of(tx, incident) if item.round < state["round"]]
        result = attack(case, standing, context.library, now=context.clock.now())
        revised = result.diagnosis.model_copy(update={"round": state["round"]})
        await add_questions(tx, incident, result.questions)
        await save_diagnosis(tx, incident, revised)
        if title := headline(case):
            await retitle(tx, incident, title=title)
        await _tell(tx, context, state, revised, before[-1] if before else None)
    doubt = Doubt(agrees=result.agrees, reason=result.reason, questions=[q.id for q in result.questions])
    return {"doubt": doubt}


async def _tell(tx: Tx, context: Context, state: State, now: Diagnosis, before: Diagnosis | None) -> None:
    at, incident = context.clock.now(), state["incident"]
    lines = [*_changes(now.hypotheses, before.hypotheses if before else ()), *_dismissals(now, before)]
    events = [
        Line(
            incident=incident,
            kind=EventKind.HYPOTHESIS,
            actor="diagnostician",
            text=line,
            data={"round": now.round},
            key=f"hypothesis:{context.lease.fence}:{now.round}:{number}",
        )
        for number, line in enumerate(lines)
    ]
    await append_events(tx, events, at=at)
    payload: dict[str, Json] = {"round": now.round, "diagnosis": now.model_dump(mode="json")}
    record(tx, kind=EntryKind.DIAGNOSED, incident=incident, actor="worker", at=at, payload=payload)


def _changes(now: Sequence[Hypothesis], before: Sequence[Hypothesis]) -> Iterator[str]:
    known = {(h.cause, h.entity): h.probability for h in before}
    for hypothesis in now[:SHOWN]:
        name = f"{hypothesis.title} at {hypothesis.entity.split('/', 3)[-1]}"
        was = known.get((hypothesis.cause, hypothesis.entity))
        if was is None:
            yield f"suspected: {name} ({hypothesis.probability:.0%})"
        elif abs(hypothesis.probability - was) >= TOLD:
            word = "stronger" if hypothesis.probability > was else "weaker"
            yield f"{word}: {name} ({was:.0%} -> {hypothesis.probability:.0%})"


def _dismissals(now: Diagnosis, before: Diagnosis | None) -> Iterator[str]:
    known = {item.suspicion for item in before.ruled_out} if before else set()
    for item in now.ruled_out[:DISMISSED]:
        if item.suspicion not in known:
            yield f"ruled out: {item.suspicion}: {item.because}"
