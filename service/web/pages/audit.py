"""The ledger for people: whether its chain holds, who vouches for it, and its entries, newest first."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from incidents.canonical import short
from incidents.heads import SignedHead
from incidents.ids import IncidentId
from incidents.ledger import Entry
from orchestrator.audit.keys import UnusableKeyError
from orchestrator.audit.places import UnreadableHeadsError
from orchestrator.ledger import Audit, verify_ledger
from orchestrator.store.heads import heads_of
from orchestrator.store.ledger import entries
from orchestrator.store.transaction import Tx
from service.audit.wording import about, tone
from service.web.access import ContextDep, FormDep, SessionDep
from service.web.auditing import Inspector
from service.web.context import WebContext
from service.web.rendering import pages_of

router = APIRouter()

PAGE = 100
LATE = 5
"""Signing periods after which an entry that nobody signed is worth a warning."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the strip at the top says."""

    tone: str
    headline: str
    advice: str
    """What to do about it; empty when nothing has to be done."""
    audit: Audit
    trusts: bool
    """Whether any key was given to this process."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One entry as a line."""

    entry: Entry
    tone: str
    about: str
    payload: str
    head: SignedHead | None
    """The head that was signed at exactly this entry."""


@router.get("/audit")
async def audit(
    request: Request,
    context: ContextDep,
    session: SessionDep,
    incident: Annotated[str, Query(pattern=r"^(inc-[a-z0-9]{1,40})?$")] = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The state of the chain, and a page of entries, all or of one incident."""
    inspector: Inspector = request.app.state.inspector
    standing = await standing_of(context, inspector)
    async with context.store.transaction() as tx:
        newest = await _newest(tx, incident=incident, before=before or standing.audit.entries + 1)
        heads = {signed.head.seq: signed for signed in await heads_of(tx)}
    return await pages_of(request).page(
        request,
        "audit.html",
        session=session,
        standing=standing,
        inspector=inspector,
        lines=[_line(entry, heads.get(entry.seq)) for entry in newest],
        incident=incident,
        older=newest[-1].seq if len(newest) == PAGE else None,
    )


@router.post("/audit/verify")
async def check(request: Request, _: SessionDep, __: FormDep) -> Response:
    """Check every entry, in the background. The page follows until it is done."""
    inspector: Inspector = request.app.state.inspector
    inspector.start()
    return RedirectResponse("/audit", status_code=HTTPStatus.SEE_OTHER)


async def standing_of(context: WebContext, inspector: Inspector) -> Standing:
    """The end of the chain checked, held against what this machine knows of keys and heads."""
    try:
        found, trusted = await inspector.look()
    except (UnusableKeyError, UnreadableHeadsError) as error:
        found = await verify_ledger(context.store)
        return Standing(tone="bad", headline="It cannot be checked.", advice=str(error), audit=found, trusts=False)
    worst = inspector.whole if inspector.whole is not None and not inspector.whole.intact else found
    return judged(
        worst, now=context.clock.now(), period=context.settings.audit.sign_seconds, trusts=trusted.trusts_somebody
    )


def judged(found: Audit, *, now: datetime, period: float, trusts: bool) -> Standing:
    """What the result of a check means for the one who looks."""
    late = found.unsigned_since is not None and now - found.unsigned_since > timedelta(seconds=LATE * period)
    if not found.intact:
        tone, headline = "bad", "The chain is broken."
        advice = "Stop changes (Pause, in your menu) and compare with heads that were kept elsewhere."
    elif found.signed is None and found.self_named is not None:
        tone, headline = "ask", "The chain holds; its key is not known here."
        advice = "Give this process the signer's public key: MIDWATCH_AUDIT__PUBLIC_KEYS (midwatch audit key shows it)."
    elif found.signed is None:
        tone, headline = "ask", "The chain holds; nobody has signed it yet."
        advice = "A worker or an executor signs within a minute of its start: is one running?" if found.entries else ""
    elif late:
        tone, headline = "ask", "The chain holds; its end is not signed."
        advice = "Nothing was signed for a while: see the logs of workers and executors for head_not_signed."
    else:
        tone, headline, advice = "good", "The chain holds and is signed.", ""
    return Standing(tone=tone, headline=headline, advice=advice, audit=found, trusts=trusts)


def _line(entry: Entry, head: SignedHead | None) -> Line:
    return Line(
        entry=entry,
        tone=tone(entry.kind),
        about=about(entry.payload),
        payload=json.dumps(entry.payload, indent=2, ensure_ascii=False),
        head=head if head is not None and short(head.head.hash) == short(entry.hash) else None,
    )


async def _newest(tx: Tx, *, incident: str, before: int) -> list[Entry]:
    """The last entries with a sequence number below `before`, newest first."""
    chosen = IncidentId(incident) if incident else None
    start = 0 if chosen else max(0, before - PAGE - 1)
    found = [entry async for entry in entries(tx, after=start, incident=chosen) if entry.seq < before]
    return found[::-1][:PAGE]
