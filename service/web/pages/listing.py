"""The list of incidents: what waits for the person who looks comes first, then the rest, newest first."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from incidents.approval import Person
from incidents.diagnosis import Diagnosis
from incidents.entity import NO_NAMESPACE
from incidents.ids import IncidentId
from incidents.incident import Incident, Phase
from incidents.value import Value
from orchestrator.store import overview
from orchestrator.store.overview import Wanted, count_wanted, incidents_page, places
from orchestrator.store.proposals import StoredProposal
from orchestrator.store.transaction import Tx
from service.web.access import ContextDep, SessionDep
from service.web.api import read_cursor, write_cursor
from service.web.pages.filters import LABELS, PERIODS, VIEWS, Filter, FilterDep
from service.web.rendering import pages_of
from service.web.waiting import waiting_for

router = APIRouter()

PAGE = 50
MOST_MINE = 200
"""Incidents that wait for a decision at the same time; more is a storm, and its newest are on the page anyway."""
WITH_WAITING = ("all", "active")


class Line(Value):
    """One incident in the list."""

    incident: Incident
    diagnosis: Diagnosis | None
    proposal: StoredProposal | None
    approvals: int
    waits_for_me: bool
    firing: int
    alerts: int


class Tab(Value):
    """One view of the list, and how many incidents it has under the other filters."""

    key: str
    label: str
    count: int
    url: str


class Listing(Value):
    """What the list shows."""

    waiting: tuple[Line, ...]
    """Waits for the person who looks."""
    others: tuple[Line, ...]
    tabs: tuple[Tab, ...]
    chosen: Filter
    url: str
    """Address of this page of the list."""
    older: str | None
    """Address of the next page."""


@router.get("/")
async def incidents(
    request: Request,
    context: ContextDep,
    session: SessionDep,
    chosen: FilterDep,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The list, or only its changing part for a page that is open."""
    now = context.clock.now()
    async with context.store.transaction() as tx:
        listing = await _read(tx, chosen, person=session.person, now=now, cursor=cursor)
        places_known = await places(tx)
    if request.headers.get("hx-target") == "incidents":
        return await pages_of(request).part(
            "_incidents.html", session=session, path="/", title="_incidents_title.html", listing=listing, now=now
        )
    return await pages_of(request).page(
        request,
        "incidents.html",
        session=session,
        listing=listing,
        services=sorted({place.name for place in places_known}),
        namespaces=sorted({place.namespace for place in places_known} - {"", NO_NAMESPACE}),
        periods=PERIODS,
    )


async def _read(tx: Tx, chosen: Filter, *, person: Person, now: datetime, cursor: str) -> Listing:
    mine = await waiting_for(tx, person, now=now)
    wanted = chosen.wanted(now=now, mine=mine)
    found = await incidents_page(tx, wanted, after=read_cursor(cursor), limit=PAGE + 1)
    page, older = found[:PAGE], tuple[Incident, ...]()
    if chosen.view in WITH_WAITING and not cursor:
        waiting = await incidents_page(tx, _only(wanted, mine), limit=MOST_MINE)
        older = tuple(incident for incident in waiting if incident not in page)
    lines = await _lines(tx, (*page, *older), mine=mine)
    return Listing(
        waiting=tuple(line for line in lines if line.waits_for_me),
        others=tuple(line for line in lines if not line.waits_for_me),
        tabs=await _tabs(tx, chosen, mine=mine, now=now),
        chosen=chosen,
        url=chosen.url(cursor=cursor),
        older=chosen.url(cursor=write_cursor(page[-1])) if len(found) > PAGE else None,
    )


def _only(wanted: Wanted, mine: frozenset[IncidentId]) -> Wanted:
    """The same filter, but only what waits for this person: it is shown first, however old it is."""
    return wanted.model_copy(update={"among": tuple(sorted(mine))})


async def _tabs(tx: Tx, chosen: Filter, *, mine: frozenset[IncidentId], now: datetime) -> tuple[Tab, ...]:
    everything = chosen.model_copy(update={"view": "all"}).wanted(now=now, mine=mine)
    phases = await count_wanted(tx, everything)
    counts = {key: sum(phases.get(phase, 0) for phase in of or tuple(Phase)) for key, of in VIEWS.items()}
    counts["mine"] = sum((await count_wanted(tx, _only(everything, mine))).values()) if mine else 0
    return tuple(Tab(key=key, label=LABELS[key], count=counts[key], url=chosen.url(view=key)) for key in VIEWS)


async def _lines(tx: Tx, page: tuple[Incident, ...], *, mine: frozenset[IncidentId]) -> list[Line]:
    ids = [incident.id for incident in page]
    diagnoses = await overview.diagnoses_by_incident(tx, ids)
    proposals = await overview.proposals_by_incident(tx, ids)
    decided = await overview.approvals_by_digest(tx, [stored.proposal.digest for stored in proposals.values()])
    alerts = await overview.alert_counts(tx, ids)
    lines = []
    for incident in page:
        stored = proposals.get(incident.id)
        firing, total = alerts.get(incident.id, (0, 0))
        lines.append(
            Line(
                incident=incident,
                diagnosis=diagnoses.get(incident.id),
                proposal=stored,
                approvals=len(decided.get(stored.proposal.digest, ())) if stored else 0,
                waits_for_me=incident.id in mine,
                firing=firing,
                alerts=total,
            )
        )
    return lines
