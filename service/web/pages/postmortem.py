"""The post-mortem as a page that prints well, and to take away: as Markdown, and as one HTML file on its own."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from agents.wording import duration
from incidents.course import Course, Statistics, statistics
from incidents.ids import IncidentId
from incidents.incident import Incident
from incidents.value import Value
from orchestrator.store.courses import courses
from orchestrator.store.incidents import incident_of
from orchestrator.store.postmortems import Draft, postmortem_of
from orchestrator.ticketing import tickets_of
from service.story.places import absolute
from service.web.access import ContextDep, IncidentPath, SessionDep
from service.web.context import WebContext
from service.web.markdown import render
from service.web.problems import Problem
from service.web.rendering import pages_of
from service.web.tickets import ticket_panel

router = APIRouter()

SHOWN = (
    ("detect", "Detected after"),
    ("diagnose", "Diagnosed after"),
    ("acknowledge", "Decided after"),
    ("restore", "Restored after"),
)


FOLDED = frozenset({"Timeline", "Sources"})
"""Sections that are looked something up in, not read."""


class Part(Value):
    """One section of the rendered document. Its heading and body were made safe together."""

    title: str
    html: str
    folded: bool


class Times(Value):
    """How long the steps of one incident took, in words, and what came before it."""

    steps: tuple[tuple[str, str], ...]
    again: tuple[Course, ...]
    """Earlier incidents with the same cause at the same place, newest first."""


@router.get("/incidents/{incident}/postmortem")
async def page(request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath) -> Response:
    """The newest draft."""
    head, draft, times = await _draft(context, IncidentId(incident))
    async with context.store.transaction() as tx:
        made = await tickets_of(tx, head.id)
    return await pages_of(request).page(
        request,
        "postmortem.html",
        session=session,
        incident=head,
        draft=draft,
        times=times,
        parts=parts_of(render(draft.markdown)),
        panel=ticket_panel(made, given=context.settings.tickets, person=session.person),
    )


@router.get("/incidents/{incident}/postmortem.md")
async def markdown(context: ContextDep, _: SessionDep, incident: IncidentPath) -> Response:
    """The newest draft as a file, its sources with the console's address."""
    head, draft, _times = await _draft(context, IncidentId(incident))
    return PlainTextResponse(
        absolute(draft.markdown, base=context.base_url), media_type="text/markdown", headers=_file(head, "md")
    )


@router.get("/incidents/{incident}/postmortem.html")
async def html(request: Request, context: ContextDep, _: SessionDep, incident: IncidentPath) -> Response:
    """The newest draft as one HTML file that needs nothing beside it."""
    head, draft, times = await _draft(context, IncidentId(incident))
    body = render(absolute(draft.markdown, base=context.base_url))
    whole = pages_of(request).html("postmortem_file.html", incident=head, draft=draft, times=times, html=body)
    return HTMLResponse(whole, headers=_file(head, "html"))


def parts_of(html: str) -> tuple[Part, ...]:
    """The document by its headings, in order; those that are for machines and auditors first are folded on the page."""
    first, *rest = html.split("<h2>")
    named = (section.partition("</h2>") for section in rest)
    told = (Part(title=title, html=body, folded=title in FOLDED) for title, _, body in named)
    return (Part(title="", html=first, folded=False), *told)


def times_of(known: tuple[Course, ...], incident: Incident) -> Times:
    """Its own times, by the definitions of docs/metrics.md, and whether it came again."""
    own = next(course for course in known if course.incident == incident.id)
    figures = statistics(known, since=own.noticed, until=own.noticed + timedelta(microseconds=1))
    steps = [(name, _mean(figures, key)) for key, name in SHOWN]
    waited = [("Waited for people", duration(own.waited))] if own.waited else []
    toil = [("Toil saved, about", duration(figures.toil_saved))] if own.observations else []
    same = (own.cause, own.entity)
    earlier = (c for c in known if own.cause and (c.cause, c.entity) == same and c.noticed < own.noticed)
    return Times(
        steps=tuple((name, text) for name, text in (*steps, *waited, *toil) if text),
        again=tuple(sorted(earlier, key=lambda course: course.noticed, reverse=True)),
    )


def _mean(figures: Statistics, key: str) -> str:
    mean = figures.span(key).mean
    return "" if mean is None else duration(mean)


def _file(head: Incident, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{head.id}.{ending}"'}


async def _draft(context: WebContext, incident: IncidentId) -> tuple[Incident, Draft, Times]:
    async with context.store.transaction() as tx:
        head, draft = await incident_of(tx, incident), await postmortem_of(tx, incident)
        if draft is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no post-mortem yet: it is drafted when the incident ends.")
        until = head.opened_at + timedelta(microseconds=1)
        known = await courses(tx, since=head.opened_at, until=until)
    return head, draft, times_of(known, head)
