"""How good the diagnosis is, run after run: the newest figures against the run before, families, and what is wrong."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from incidents.value import Value
from service.web.access import ContextDep, SessionDep
from service.web.evalruns import Run, Runs, runs_in
from service.web.pictures.trend import trend
from service.web.rendering import pages_of

router = APIRouter()

SHOWN = {
    "right": ("Right", "the whole answer: cause and place, or rightly nothing"),
    "AC@1": ("AC@1", "the first suspect is a true cause"),
    "AC@3": ("AC@3", "true causes among the first three"),
    "healed": ("Healed", "the estate was well after the fix"),
    "harmed": ("Harmed", "something was worse than before"),
    "cited": ("Cited", "all that the argument cites exists"),
    "quiet": ("Quiet", "no diagnosis where nothing was wrong"),
    "abstained": ("Abstained", "no diagnosis where nothing could be known"),
    "ECE": ("ECE", "how far stated confidence is from what is true"),
}
"""Metric -> its name and what it means, in the order of the page."""
LOW_IS_GOOD = frozenset({"harmed", "ECE", "brier"})
UNCHANGED = 0.0005


class Score(Value):
    """One metric of the newest run."""

    name: str
    meaning: str
    value: str
    bounds: str
    change: str
    """Against the run before; empty without one, or when it is the same."""
    tone: str


class SuiteView(Value):
    """One suite."""

    name: str
    newest: Run
    runs: tuple[Run, ...]
    """Newest first."""
    scores: tuple[Score, ...]
    weakest: tuple[tuple[str, float], ...]
    """Families that are not all right, worst first."""
    trend_svg: str


@router.get("/evals")
async def evals(request: Request, context: ContextDep, session: SessionDep) -> Response:
    """The page."""
    folder = context.settings.eval_results
    found = await asyncio.to_thread(runs_in, folder) if folder else Runs(by_suite={}, unreadable=())
    return await pages_of(request).page(
        request,
        "evals.html",
        session=session,
        folder=folder,
        suites=tuple(_suite(name, runs) for name, runs in found.by_suite.items()),
        unreadable=found.unreadable,
    )


def _suite(name: str, runs: Sequence[Run]) -> SuiteView:
    whole = [run for run in runs if run.complete] or list(runs[-1:])  # only these are compared and drawn
    newest = whole[-1]
    before = whole[-2] if len(whole) > 1 else None
    shares = [(family, figures["right"]) for family, figures in newest.families.items() if "right" in figures]
    return SuiteView(
        name=name,
        newest=newest,
        runs=tuple(reversed(runs)),
        scores=tuple(_score(key, newest, before) for key in SHOWN if key in newest.metrics),
        weakest=tuple(sorted(((f, share) for f, share in shares if share < 1), key=lambda one: one[1])),
        trend_svg=trend(whole),
    )


def _score(key: str, run: Run, before: Run | None) -> Score:
    label, meaning = SHOWN[key]
    value = run.metrics[key]
    moved = value - before.metrics[key] if before and key in before.metrics else 0.0
    better = (moved < 0) == (key in LOW_IS_GOOD)
    low, high = run.bounds.get(key, (value, value))
    return Score(
        name=label,
        meaning=meaning,
        value=f"{value:.1%}".replace("%", " %"),
        bounds=f"{low:.0%} to {high:.0%}".replace("%", " %"),
        change=f"{moved * 100:+.1f} points" if abs(moved) >= UNCHANGED else "",
        tone="plain" if abs(moved) < UNCHANGED else "good" if better else "bad",
    )
