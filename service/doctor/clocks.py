"""Whether this machine's clock and those of the systems agree: causes are told from effects by what came first."""

from collections.abc import Mapping
from datetime import datetime

from service.doctor.finding import Finding, State

SKEW_SECONDS = 5.0
"""HTTP dates are whole seconds, and an answer is under way for up to some: less than this cannot be told."""


def check(said: Mapping[str, datetime], *, now: datetime, virtual: bool, cluster: str) -> Finding | None:
    """The row, of what each system's Date header said; None when none said anything. Pure."""
    if virtual:
        found = "Midwatch runs in virtual time (MIDWATCH_CLOCK): not compared"
        return Finding(cluster=cluster, what="Clocks", state=State.OK, found=found)
    if not said:
        return None
    apart = {name: (at - now).total_seconds() for name, at in said.items()}
    skewed = {name: seconds for name, seconds in apart.items() if abs(seconds) > SKEW_SECONDS}
    if skewed:
        return Finding(
            cluster=cluster,
            what="Clocks",
            state=State.DEGRADED,
            found="; ".join(f"{name} is {abs(s):.0f} s {'ahead' if s > 0 else 'behind'}" for name, s in skewed.items()),
            means="what came first is judged wrongly, and time windows miss what just happened",
            do="synchronise the clocks (NTP) of this machine and of those",
        )
    return Finding(
        cluster=cluster,
        what="Clocks",
        state=State.OK,
        found=f"{', '.join(apart)} agree within {SKEW_SECONDS:.0f} s",
        means="the order of events can be trusted",
    )
