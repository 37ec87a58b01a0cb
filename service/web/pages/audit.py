"""The ledger for people: whether its chain holds, and its entries, newest first."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from incidents.ids import IncidentId
from incidents.ledger import Entry
from orchestrator.ledger import verify_ledger
from orchestrator.store.ledger import entries
from orchestrator.store.transaction import Tx
from service.web.access import ContextDep, SessionDep
from service.web.rendering import pages_of

router = APIRouter()

PAGE = 100


@router.get("/audit")
async def audit(
    request: Request,
    context: ContextDep,
    session: SessionDep,
    incident: Annotated[str, Query(pattern=r"^(inc-[a-z0-9]{1,40})?$")] = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The state of the chain, and a page of entries, all or of one incident."""
    found = await verify_ledger(context.store)
    async with context.store.transaction() as tx:
        newest = await _newest(tx, incident=incident, before=before or found.entries + 1)
    payloads = {entry.seq: json.dumps(entry.payload, indent=2, ensure_ascii=False) for entry in newest}
    return await pages_of(request).page(
        request,
        "audit.html",
        session=session,
        audit=found,
        entries=newest,
        payloads=payloads,
        incident=incident,
        older=newest[-1].seq if len(newest) == PAGE else None,
    )


async def _newest(tx: Tx, *, incident: str, before: int) -> list[Entry]:
    """The last entries with a sequence number below `before`, newest first."""
    chosen = IncidentId(incident) if incident else None
    start = 0 if chosen else max(0, before - PAGE - 1)
    found = [entry async for entry in entries(tx, after=start, incident=chosen) if entry.seq < before]
    return found[::-1][:PAGE]
