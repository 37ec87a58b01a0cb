"""Event streams of open pages: `change` when what the page shows has a new line, `waiting` when what waits for you has.

A page has one stream: browsers open few connections to one host, and people have many tabs.
"""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from incidents.approval import Person
from incidents.ids import IncidentId
from orchestrator.store.incidents import incident_of
from service.web.access import ContextDep, IncidentPath, SessionDep
from service.web.context import WebContext
from service.web.live import EVERYTHING, Hub, Topic, topic_of
from service.web.rendering import Pages, pages_of
from service.web.waiting import waiting_for

router = APIRouter()

RETRY_MILLISECONDS = 2000
"""How long a browser waits before it opens a broken stream again."""


@router.get("/incidents/{incident}/events")
async def events(
    request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath
) -> EventSourceResponse:
    """Says `change` whenever the incident has a new line."""
    async with context.store.transaction() as tx:
        topic = topic_of((await incident_of(tx, IncidentId(incident))).id)
    return _stream(request, context, session.person, topic=topic)


@router.get("/events")
async def all_events(request: Request, context: ContextDep, session: SessionDep) -> EventSourceResponse:
    """Says `change` whenever any incident has a new line."""
    return _stream(request, context, session.person, topic=EVERYTHING)


def _stream(request: Request, context: WebContext, person: Person, *, topic: Topic) -> EventSourceResponse:
    hub: Hub = request.app.state.hub
    told = _told(hub, pages_of(request), context, person, topic=topic)
    return EventSourceResponse(told, ping=0)


async def _told(
    hub: Hub, pages: Pages, context: WebContext, person: Person, *, topic: Topic
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="hello", data="", retry=RETRY_MILLISECONDS)
    count = await _count(context, person)
    yield _badge(pages, count)  # always: a stream that is opened again may have missed several
    async for changed in hub.changes(*{topic, EVERYTHING}, stopping=context.stopping):
        if not changed:
            yield ServerSentEvent(comment="still here")
        if topic in changed:
            yield ServerSentEvent(event="change", data=topic)
        if changed and (now := await _count(context, person)) != count:
            count = now
            yield _badge(pages, count)


async def _count(context: WebContext, person: Person) -> int:
    async with context.store.transaction() as tx:
        return len(await waiting_for(tx, person, now=context.clock.now()))


def _badge(pages: Pages, count: int) -> ServerSentEvent:
    return ServerSentEvent(event="waiting", data=pages.html("_badge.html", waiting=count))
