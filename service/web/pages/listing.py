"""The list of incidents: what waits for the person who looks comes first, then the rest, newest first."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from incidents.alert import Severity
from incidents.approval import Person, same_person
from incidents.diagnosis import Diagnosis
from incidents.ids import IncidentId, PersonId
from incidents.incident import CLOSED, SETTLED, Incident, Phase
from incidents.proposal import ProposalStatus
from incidents.value import Value
from orchestrator.store import overview
from orchestrator.store.incidents import count_by_phase
from orchestrator.store.overview import Wanted, incidents_page
from orchestrator.store.proposals import StoredProposal, pending_proposals
from orchestrator.store.transaction import Tx
from service.web.access import ContextDep, SessionDep
from service.web.api import read_cursor, write_cursor
from service.web.rendering import pages_of

router = APIRouter()

PAGE = 50
MOST_MINE = 200
"""Incidents that wait for a decision at the same time; more is a storm, and its newest are on the page anyway."""
WITH_WAITING = ("all", "active")
VIEWS = {
    "active": tuple(phase for phase in Phase if phase not in SETTLED),
    "people": tuple(phase for phase in Phase if phase in SETTLED - CLOSED),
    "closed": tuple(phase for phase in Phase if phase in CLOSED),
    "all": (),
}
"""Name of a filter -> the phases that it shows."""


class Line(Value):
    """One incident in the list."""

    incident: Incident
    diagnosis: Diagnosis | None
    proposal: StoredProposal | None
    approvals: int
    waits_for_me: bool
    firing: int
    alerts: int


class Listing(Value):
    """What the list shows."""

    waiting: tuple[Line, ...]
    """Waits for the person who looks."""
    others: tuple[Line, ...]
    counts: dict[str, int]
    view: str
    search: str
    severity: int | None
    next: str | None
    """Cursor of the next page."""


@router.get("/")
async def incidents(
    request: Request,
    context: ContextDep,
    session: SessionDep,
    *,
    view: str = "all",
    q: Annotated[str, Query(max_length=200)] = "",
    severity: str = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The list, or only its changing part for a page that is open."""
    wanted = Wanted(phases=VIEWS.get(view, ()), severity=_severity(severity), search=q)
    async with context.store.transaction() as tx:
        listing = await _read(tx, wanted, person=session.person, view=view, cursor=cursor)
    if request.headers.get("hx-target") == "incidents":
        html = pages_of(request).html("_incidents.html", listing=listing, now=context.clock.now(), path="/")
        return Response(html, media_type="text/html")
    return await pages_of(request).page(request, "incidents.html", session=session, listing=listing)


async def _read(tx: Tx, wanted: Wanted, *, person: Person, view: str, cursor: str) -> Listing:
    found = await incidents_page(tx, wanted, after=read_cursor(cursor), limit=PAGE + 1)
    undecided = (
        () if cursor or view not in WITH_WAITING else await incidents_page(tx, _undecided(wanted), limit=MOST_MINE)
    )
    mine = {
        stored.proposal.body.incident
        for stored in await pending_proposals(tx)
        if set(stored.proposal.body.policy.approvers) & set(person.roles)
    }
    page = found[:PAGE]
    older = [incident for incident in undecided if incident.id in mine and incident not in page]
    lines = await _lines(tx, (*page, *older), mine=mine, person=person)
    phases = await count_by_phase(tx)
    counts = {name: sum(phases.get(p, 0) for p in chosen or tuple(Phase)) for name, chosen in VIEWS.items()}
    return Listing(
        waiting=tuple(line for line in lines if line.waits_for_me),
        others=tuple(line for line in lines if not line.waits_for_me),
        counts=counts,
        view=view if view in VIEWS else "all",
        search=wanted.search,
        severity=int(wanted.severity) if wanted.severity else None,
        next=write_cursor(page[-1]) if len(found) > PAGE else None,
    )


async def _lines(tx: Tx, page: tuple[Incident, ...], *, mine: set[IncidentId], person: Person) -> list[Line]:
    ids = [incident.id for incident in page]
    diagnoses = await overview.diagnoses_by_incident(tx, ids)
    proposals = await overview.proposals_by_incident(tx, ids)
    decided = await overview.approvals_by_digest(tx, [stored.proposal.digest for stored in proposals.values()])
    alerts = await overview.alert_counts(tx, ids)
    lines = []
    for incident in page:
        stored = proposals.get(incident.id)
        people = decided.get(stored.proposal.digest, ()) if stored else ()
        pending = stored is not None and stored.status is ProposalStatus.PENDING
        again = any(same_person(PersonId(one), person.id) for one in people)
        firing, total = alerts.get(incident.id, (0, 0))
        lines.append(
            Line(
                incident=incident,
                diagnosis=diagnoses.get(incident.id),
                proposal=stored,
                approvals=len(people),
                waits_for_me=pending and incident.id in mine and not again,
                firing=firing,
                alerts=total,
            )
        )
    return lines


def _undecided(wanted: Wanted) -> Wanted:
    """The same filter, but only what waits for a decision: it is shown first, however old it is."""
    return wanted.model_copy(update={"phases": (Phase.AWAITING_DECISION,)})


def _severity(text: str) -> Severity | None:
    return Severity(int(text)) if text in {"1", "2", "3", "4"} else None
