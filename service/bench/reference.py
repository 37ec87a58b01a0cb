"""The reference incident, model off: real seconds from the webhook to the proposal, and to the verified fix."""

import asyncio
import time

from rich.console import Console

from service.bench.figure import Figure, spread
from service.demo.command import Options, play
from service.demo.outcome import Outcome

RUNS = 5
AIM_SECONDS = 3.0


def measure() -> list[Figure]:
    """Play the headless demo several times, each from an empty database."""
    quiet = Console(quiet=True)
    outcomes, spent = [], []
    for _ in range(RUNS):
        before = time.process_time()
        outcomes.append(asyncio.run(play(Options(headless=True), quiet)))
        spent.append(time.process_time() - before)
    verified = sum(outcome.good for outcome in outcomes)
    return [
        *spread("reference incident, alert to first word", _times(outcomes, "first_summary"), "s"),
        *spread("reference incident, alert to proposal", _times(outcomes, "proposal"), "s", most=AIM_SECONDS),
        *spread("reference incident, start to post-mortem: CPU of Midwatch alone", spent, "s"),
        Figure(name="reference incidents verified", value=verified, unit=f"of {RUNS}", aim="all", met=verified == RUNS),
    ]


def _times(outcomes: list[Outcome], name: str) -> list[float]:
    """The times that there are; a run without one counts as the demo's whole limit, so that it cannot flatter."""
    return [300.0 if (value := getattr(outcome.seconds, name)) is None else value for outcome in outcomes]
