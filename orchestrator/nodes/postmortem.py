"""Writes the draft of the post-mortem: every sentence from the ledger or the case file, none invented."""

from langgraph.runtime import Runtime

from agents.scribe import draft
from incidents.incident import EventKind
from orchestrator.context import Context
from orchestrator.dossier import load_dossier
from orchestrator.state import State
from orchestrator.store.postmortems import save_postmortem
from orchestrator.store.timeline import append_event


async def write(state: State, runtime: Runtime[Context]) -> State:
    """Write it; the same text again is not a new version."""
    context, incident = runtime.context, state["incident"]
    now = context.clock.now()
    async with context.store.transaction(lease=context.lease) as tx:
        text = draft(await load_dossier(tx, incident, library=context.library), now=now)
        version = await save_postmortem(tx, incident, markdown=text, author="worker", at=now)
        await append_event(
            tx,
            incident,
            kind=EventKind.NOTE,
            actor="scribe",
            text="the draft of the post-mortem is there",
            at=now,
            key=f"postmortem:{version.version}",
        )
    return {}
