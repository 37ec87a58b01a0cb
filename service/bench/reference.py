"""The reference incident, model off: real seconds from the webhook to the proposal, and to the verified fix."""

import asyncio
import time
from collections.abc import Sequence

from rich.console import Console

from service.bench.figure import Figure, spread
from service.demo.command import Options, play
from service.demo.outcome import Outcome

RUNS = 5
"""To the proposal. One more goes on to the end: it takes a minute, most of it waiting for telemetry to settle."""
AIM_SECONDS = 3.0


def measure() -> list[Figure]:
    """Play the headless demo several times, each from an empty database."""
    quiet = Console(quiet=True)
    outcomes, spent = [], []
    for _ in range(RUNS):
        before = time.process_time()
        outcomes.append(asyncio.run(play(Options(headless=True, to_proposal=True), quiet)))
        spent.append(time.process_time() - before)
    whole = asyncio.run(play(Options(headless=True), quiet))
    return [
        *spread("reference incident, alert to first word", _times(outcomes, "first_summary"), "s"),
        *spread("reference incident, alert to proposal", _times(outcomes, "proposal"), "s", most=AIM_SECONDS),
        *spread("reference incident, start to proposal: CPU of Midwatch alone", spent, "s"),
        *spread("reference incident, alert to verified", _times([whole], "verified"), "s"),
        Figure(name="reference incident verified", value=float(whole.good), unit="of 1", aim="1", met=whole.good),
    ]


def _times(outcomes: Sequence[Outcome], name: str) -> list[float]:
    """The times that there are; a run without one counts as the demo's whole limit, so that it cannot flatter."""
    return [300.0 if (value := getattr(outcome.seconds, name)) is None else value for outcome in outcomes]
