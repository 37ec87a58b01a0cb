"""The JSON API: incidents to read, proposals to decide, the kill switch, the audit; with a person's token."""

import base64
import binascii
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, JsonValue, ValidationError, computed_field

from incidents.alert import Severity
from incidents.approval import Accepted, Channel, Choice, Person, Refusal, Refused
from incidents.evidence import Evidence
from incidents.ids import EvidenceId, IncidentId, ProposalDigest
from incidents.incident import Incident, Phase
from incidents.rejection import Rejection, Wish
from incidents.ticket import Target, Ticket
from incidents.value import Value
from orchestrator.decisions import SWITCH_ROLES, decide, set_paused
from orchestrator.ledger import Audit, verify_ledger
from orchestrator.remembering import lift
from orchestrator.stopping import stop_investigation
from orchestrator.store.casefiles import one_evidence
from orchestrator.store.control import Switch
from orchestrator.store.errors import StaleStateError, UnknownError
from orchestrator.store.overview import Cursor, Wanted, incidents_page
from orchestrator.store.rejections import rejections
from service.story.record import IncidentRecord, record_of
from service.tickets.asking import ask
from service.web.access import ContextDep, DigestPath, EvidencePath, IncidentPath, PersonDep
from service.web.at_work import at_work
from service.web.body import read_json
from service.web.checkup import Checkup
from service.web.context import WebContext
from service.web.description import takes
from service.web.problems import Problem
from service.web.working import Working

router = APIRouter(prefix="/api/v1")

STATUS = {
    Refusal.UNKNOWN_PROPOSAL: HTTPStatus.NOT_FOUND,
    Refusal.NOT_PENDING: HTTPStatus.CONFLICT,
    Refusal.ALREADY_DECIDED: HTTPStatus.CONFLICT,
    Refusal.EXPIRED: HTTPStatus.GONE,
    Refusal.REASON_NEEDED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.BOT: HTTPStatus.FORBIDDEN,
    Refusal.OWN_REQUEST: HTTPStatus.FORBIDDEN,
    Refusal.MISSING_ROLE: HTTPStatus.FORBIDDEN,
    Refusal.POLICY_DENIES: HTTPStatus.FORBIDDEN,
}
"""Every refusal is a client's error: nothing gets better by sending it again unchanged."""


class IncidentPage(Value):
    """Some incidents, newest first. `next` is the cursor of the following page, None at the end."""

    incidents: tuple[Incident, ...]
    next: str | None


class DecisionRequest(Value):
    """What a person decides."""

    choice: Choice
    reason: str = ""
    wish: Wish = Wish()
    """Of whoever rejects: how long it holds, and whether the next best is wanted."""


class AuditAnswer(Audit):
    """The result of a check, with its verdict."""

    @computed_field  # type: ignore[prop-decorator] # mypy has no decorated properties
    @property
    def intact(self) -> bool:
        """Whether the chain holds, and every head that was signed of it."""
        return super().intact

    @computed_field  # type: ignore[prop-decorator] # the same
    @property
    def summary(self) -> str:
        """One line for people."""
        return super().summary


class CheckupAnswer(Value):
    """Doctor's checks: whether they run, why the last gave no report, and the last report."""

    running: bool
    failure: str
    report: dict[str, JsonValue] | None


class StopRequest(Value):
    """Why an investigation is stopped."""

    reason: str = ""


class TicketRequest(Value):
    """Where a ticket goes; may be left out where only one place is configured."""

    target: Target | None = None


class LiftRequest(Value):
    """Why what was rejected may be proposed again."""

    reason: str = ""


class PauseRequest(Value):
    """Why execution is paused or resumed."""

    reason: str = ""
    until: AwareDatetime | None = None
    """When a pause ends by itself; when somebody resumes, if not given."""


@router.get("/incidents")
async def incidents(
    context: ContextDep,
    _: PersonDep,
    *,
    phase: Annotated[list[Phase] | None, Query()] = None,
    cluster: str = "",
    severity: Annotated[int | None, Query(ge=1, le=4)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> IncidentPage:
    """Incidents by phase (repeatable), cluster, severity (1 to that number) and words, newest first."""
    wanted = Wanted(
        phases=tuple(phase or ()), cluster=cluster, severity=Severity(severity) if severity else None, search=q
    )
    async with context.store.transaction() as tx:
        found = await incidents_page(tx, wanted, after=read_cursor(cursor), limit=limit + 1)
    page = found[:limit]
    return IncidentPage(incidents=page, next=write_cursor(page[-1]) if len(found) > limit else None)


@router.get("/incidents/{incident}")
async def one_incident(context: ContextDep, _: PersonDep, incident: IncidentPath) -> IncidentRecord:
    """Everything that is known of one incident."""
    async with context.store.transaction() as tx:
        return await record_of(tx, IncidentId(incident), now=context.clock.now())


@router.get("/incidents/{incident}/evidence/{evidence}")
async def evidence_of(context: ContextDep, _: PersonDep, incident: IncidentPath, evidence: EvidencePath) -> Evidence:
    """One observation with its body."""
    async with context.store.transaction() as tx:
        return await one_evidence(tx, IncidentId(incident), EvidenceId(evidence))


@router.post("/proposals/{digest}/decision", openapi_extra=takes(DecisionRequest))
async def decision(request: Request, context: ContextDep, person: PersonDep, digest: DigestPath) -> Accepted:
    """Decide. The answer comes after the decision (or its refusal) was committed."""
    wanted = await read_json(request, DecisionRequest)
    answer = await decide(
        context.store,
        ProposalDigest(digest),
        person=person,
        choice=wanted.choice,
        reason=wanted.reason,
        channel=Channel.API,
        now=context.clock.now(),
        wish=wanted.wish,
    )
    return accepted(answer)


@router.post("/incidents/{incident}/stop", openapi_extra=takes(StopRequest))
async def stopped(request: Request, context: ContextDep, person: PersonDep, incident: IncidentPath) -> Incident:
    """Stop an investigation before anything was changed, and hand the incident to people."""
    wanted = await read_json(request, StopRequest)
    answer = await stop_investigation(
        context.store, IncidentId(incident), person=person, reason=wanted.reason, now=context.clock.now()
    )
    if isinstance(answer, Refused):
        raise refusal(answer)
    return answer


@router.post("/incidents/{incident}/tickets", openapi_extra=takes(TicketRequest))
async def ticket(request: Request, context: ContextDep, person: PersonDep, incident: IncidentPath) -> Ticket:
    """File what is left to do as a ticket: once for each target; asking again answers with the one that is there."""
    wanted = await read_json(request, TicketRequest)
    answer = await ask(
        context.store,
        context.settings,
        IncidentId(incident),
        target=wanted.target,
        person=person,
        console=context.base_url,
    )
    if isinstance(answer, Refused):
        raise refusal(answer)
    return answer


@router.get("/rejections")
async def remembered(context: ContextDep, _: PersonDep) -> tuple[Rejection, ...]:
    """What people rejected and what therefore is not proposed again now, newest first."""
    async with context.store.transaction() as tx:
        return await rejections(tx, active_at=context.clock.now())


@router.post("/rejections/{digest}/lift", openapi_extra=takes(LiftRequest))
async def lifted(request: Request, context: ContextDep, person: PersonDep, digest: DigestPath) -> Rejection:
    """Let it be proposed again."""
    wanted = await read_json(request, LiftRequest)
    return await lift_for(context, ProposalDigest(digest), person=person, because=wanted.reason)


async def lift_for(context: WebContext, digest: ProposalDigest, *, person: Person, because: str) -> Rejection:
    """Lift a rejection. Raises Problem for a refusal, for what was never rejected, and for what is lifted already."""
    try:
        answer = await lift(context.store, digest, person=person, because=because, now=context.clock.now())
    except UnknownError as error:
        raise Problem(HTTPStatus.NOT_FOUND, f"{error}.") from None
    except StaleStateError as error:
        raise Problem(HTTPStatus.CONFLICT, f"{error}.") from None
    if isinstance(answer, Refused):
        raise refusal(answer)
    return answer


@router.post("/control/{switch}", openapi_extra=takes(PauseRequest))
async def control(request: Request, context: ContextDep, person: PersonDep, switch: str) -> Switch:
    """`pause` or `resume` all execution."""
    if switch not in ("pause", "resume"):
        raise Problem(HTTPStatus.NOT_FOUND, "Only /api/v1/control/pause and /api/v1/control/resume exist.")
    wanted = await read_json(request, PauseRequest)
    answer = await set_paused(
        context.store,
        paused=switch == "pause",
        person=person,
        reason=wanted.reason,
        now=context.clock.now(),
        until=wanted.until,
    )
    if isinstance(answer, Refused):
        raise refusal(answer)
    return answer


@router.get("/audit/verify")
async def audit(context: ContextDep, _: PersonDep) -> AuditAnswer:
    """Check the whole ledger, entry by entry."""
    found = await verify_ledger(context.store)
    return AuditAnswer(**found.model_dump())


@router.get("/agents")
async def agents(context: ContextDep, _: PersonDep) -> Working:
    """Who looks at what now, and what is left of the budget."""
    return await at_work(context)


@router.post("/doctor")
async def check(request: Request, _: ContextDep, person: PersonDep) -> CheckupAnswer:
    """Check every connected system in the background; the answer is how it stands. Ask again by GET."""
    if not set(person.roles) & SWITCH_ROLES:
        roles = " or ".join(sorted(SWITCH_ROLES))
        raise Problem(HTTPStatus.FORBIDDEN, f"Only {roles} may start the checks: they ask every connected system.")
    request.app.state.checkup.start()
    return _checkup(request)


@router.get("/doctor")
async def checked(request: Request, _: ContextDep, __: PersonDep) -> CheckupAnswer:
    """The last report of doctor's checks."""
    return _checkup(request)


def _checkup(request: Request) -> CheckupAnswer:
    checkup: Checkup = request.app.state.checkup
    report = checkup.report.model_dump(mode="json") if checkup.report else None
    return CheckupAnswer(running=checkup.running, failure=checkup.failure, report=report)


def accepted(answer: Accepted | Refused) -> Accepted:
    """The answer, when it is one. Raises Problem for a refusal."""
    if isinstance(answer, Refused):
        raise refusal(answer)
    return answer


def refusal(refused: Refused) -> Problem:
    """What the clicker is told."""
    return Problem(STATUS[refused.refusal], refused.message, code=refused.refusal.value)


def write_cursor(last: Incident) -> str:
    """An opaque cursor behind this incident."""
    cursor = Cursor(opened_at=last.opened_at, id=last.id)
    return base64.urlsafe_b64encode(cursor.model_dump_json().encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor | None:
    """The cursor of a request; None for the first page. Raises Problem 422."""
    if not text:
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return Cursor.model_validate_json(plain.replace(rb"\u0000", b""))
    except (ValidationError, binascii.Error, ValueError):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "cursor: take it from `next` of the page before, unchanged"
        ) from None
