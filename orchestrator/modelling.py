"""Lets the model engine argue, when there is one. Whatever happens to it, the rule engine's diagnosis stands.

The conversation is kept as evidence of the case, what it cost in the incident's spending.
"""

from collections.abc import Sequence

from agents.model.engine import Argued, ModelEngine
from agents.model.record import Ending
from agents.model.settings import ModelBudget
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.evidence import Evidence, Source
from incidents.finding import AgentName
from incidents.incident import EventKind
from incidents.recording import Look
from orchestrator.context import Context
from orchestrator.desk import LiveDesk
from orchestrator.store.casefiles import add_evidence
from orchestrator.store.recordings import keep_look
from orchestrator.store.spending import Spending, add_spending, spending_of
from orchestrator.store.timeline import append_event
from tools.clock import ManualClock


async def argued(context: Context, case: CaseFile, rules: Diagnosis) -> Diagnosis:
    """The model's diagnosis, checked by code, or the rules' one with the reason in `engine_note`."""
    engine = context.model
    if engine is None:
        return rules
    async with context.store.transaction() as tx:
        left = _left(engine.budget, await spending_of(tx, case.incident.id))
    if left is None:
        return rules.model_copy(update={"engine_note": f"the budget of {engine.name} for this incident is spent"})
    now = context.clock.now()
    desk = LiveDesk(
        cluster=context.cluster(case.incident.cluster),
        clock=ManualClock(now),
        agent=AgentName.DIAGNOSTICIAN,
        probes=left.tool_calls,
        seconds=left.seconds,
    )
    result = await engine.argue(case, rules, context.library, desk, now=now, budget=left)
    if result.record.ending is not Ending.NOT_ASKED:
        look = Look(agent=desk.agent, round=case.round, at=now, answers=desk.answers, calls=result.calls)
        await _keep(context, case, engine, result, look)
    return result.diagnosis


def _left(budget: ModelBudget, spent: Sequence[Spending]) -> ModelBudget | None:
    """What this incident may still use; the engine's budget is one for all its rounds."""
    calls = budget.calls - sum(item.calls for item in spent)
    tokens = budget.tokens - sum(item.tokens_in + item.tokens_out for item in spent)
    usd = budget.usd - sum(item.usd for item in spent)
    if calls < 1 or tokens < 1 or usd < 0:
        return None
    return budget.model_copy(update={"calls": calls, "tokens": tokens, "usd": usd})


async def _keep(context: Context, case: CaseFile, engine: ModelEngine, result: Argued, look: Look) -> None:
    record, incident, now = result.record, case.incident.id, context.clock.now()
    conversation = Evidence.of(
        probe="model.conversation",
        source=Source.MIDWATCH,
        query=f"{engine.name}, round {case.round}",
        observed_at=now,
        body=record.model_dump_json(),
        title=f"conversation with {engine.name}",
    )
    spent = Spending(
        model=engine.name,
        calls=record.calls,
        tokens_in=record.tokens_in,
        tokens_out=record.tokens_out,
        usd=record.usd,
        seconds=record.seconds,
    )
    async with context.store.transaction(lease=context.lease) as tx:
        await add_evidence(tx, incident, [*result.evidence, conversation])
        await keep_look(tx, incident, look)
        await add_spending(tx, incident, spent)
        await append_event(
            tx,
            incident,
            kind=EventKind.AGENT,
            actor="model",
            text=result.diagnosis.engine_note or f"{engine.name}: {record.cost}",
            at=now,
            refs=(conversation.id,),
            key=f"model:{case.round}:{conversation.id}",
        )
