"""A period in figures, how each is counted, what came again; and the same as a digest to pass on."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from agents.wording import duration
from incidents.course import Span, Statistics
from incidents.value import Value
from orchestrator.store.courses import courses
from service.digest.reading import digest_of
from service.digest.telling import Digest
from service.web.access import ContextDep, SessionDep
from service.web.pictures.bars import bars
from service.web.rendering import pages_of

router = APIRouter()

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days"}
Days = Annotated[int, Query(ge=1, le=366)]
TIMES = (
    (
        "detect",
        "Time to detect",
        "From the onset that the diagnosis dates, or the first alert, to taking it in.",
    ),
    ("diagnose", "Time to diagnosis", "From taken in until a diagnosis first named a cause."),
    ("acknowledge", "Time to a decision", "From taken in until a person first approved or rejected (MTTA)."),
    ("restore", "Time to restore", "From the first alert until closed: verified, or all alerts resolved (MTTR)."),
)


class Tile(Value):
    """One figure with what it means."""

    name: str
    value: str
    detail: str
    against: str
    """The period before."""
    meaning: str


@router.get("/figures")
async def figures(request: Request, context: ContextDep, session: SessionDep, days: Days = 30) -> Response:
    """The page."""
    now = context.clock.now()
    async with context.store.transaction() as tx:
        told = await digest_of(tx, until=now, days=days)
        chosen = await courses(tx, since=told.figures.since, until=now)
    return await pages_of(request).page(
        request,
        "figures.html",
        session=session,
        told=told,
        tiles=tiles(told),
        days=days,
        periods=PERIODS,
        bars_svg=bars(chosen, since=told.figures.since, until=now) if told.figures.incidents else "",
    )


@router.get("/figures/digest")
async def digest(context: ContextDep, _: SessionDep, days: Days = 7) -> Response:
    """The digest as plain text."""
    async with context.store.transaction() as tx:
        told = await digest_of(tx, until=context.clock.now(), days=days)
    return PlainTextResponse("\n".join((told.title, "", *told.lines, "")))


@router.get("/figures/digest.json")
async def digest_json(context: ContextDep, _: SessionDep, days: Days = 7) -> Digest:
    """The digest with its figures."""
    async with context.store.transaction() as tx:
        return await digest_of(tx, until=context.clock.now(), days=days)


def tiles(told: Digest) -> tuple[Tile, ...]:
    """The figures that the page begins with."""
    now, before = told.figures, told.before
    return (
        *(_time(key, name, meaning, told) for key, name, meaning in TIMES),
        _waiting(now, before),
        _fixed(now, before),
    )


def _time(key: str, name: str, meaning: str, told: Digest) -> Tile:
    now, before = told.figures.span(key), told.before.span(key)
    middle = f"median {duration(now.median)}, " if now.median is not None else ""
    return Tile(
        name=name,
        value=_mean(now),
        detail=f"{middle}{now.count} of {told.figures.incidents}",
        against=_mean(before),
        meaning=meaning,
    )


def _mean(span: Span) -> str:
    return duration(span.mean) if span.mean is not None else "-"


def _waiting(now: Statistics, before: Statistics) -> Tile:
    return Tile(
        name="Waited for people",
        value=duration(now.waited),
        detail="all proposals together",
        against=duration(before.waited),
        meaning="From each proposal until it was decided, withdrawn or expired. Pre-approved changes do not wait.",
    )


def _fixed(now: Statistics, before: Statistics) -> Tile:
    return Tile(
        name="Fixes verified",
        value=f"{now.verified} of {now.executed}",
        detail=f"{now.undone} undone" if now.undone else "executed changes",
        against=f"{before.verified} of {before.executed}",
        meaning="Executed proposals of which telemetry said that they helped and hurt nothing.",
    )
