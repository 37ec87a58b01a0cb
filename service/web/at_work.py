"""Reads what agents do now, for the page and for the API."""

from incidents.incident import SETTLED, Phase
from orchestrator.store.overview import Wanted, incidents_page
from orchestrator.store.working import agents_said, used_by
from service.web.context import WebContext
from service.web.working import Working, working

MOST = 60
"""Incidents that are told; in a storm the newest are looked at first anyway."""
AT_WORK = tuple(phase for phase in Phase if phase not in SETTLED)


async def at_work(context: WebContext) -> Working:
    """Everything at work."""
    async with context.store.transaction() as tx:
        incidents = await incidents_page(tx, Wanted(phases=AT_WORK), limit=MOST)
        ids = [incident.id for incident in incidents]
        said, used = await agents_said(tx, ids), await used_by(tx, ids)
    settings = context.settings
    return working(incidents, said=said, used=used, budget=settings.budget, model=settings.model)
