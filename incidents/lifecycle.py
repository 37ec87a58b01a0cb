"""Which phases an incident may pass through, and what alerts that come or go do to it. Pure; the store enforces it.

Every change of phase in the database is conditional on a phase that this table allows as its source.
"""

from collections.abc import Mapping
from typing import assert_never

from incidents.incident import CLOSED, Phase
from incidents.value import Value

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.OPEN: frozenset({Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}),
    Phase.INVESTIGATING: frozenset(
        {Phase.AWAITING_DECISION, Phase.EXECUTING, Phase.INCONCLUSIVE, Phase.ESCALATED, Phase.RESOLVED}
    ),
    Phase.AWAITING_DECISION: frozenset(
        {Phase.EXECUTING, Phase.REJECTED, Phase.EXPIRED, Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}
    ),
    Phase.EXECUTING: frozenset(
        {Phase.VERIFYING, Phase.INVESTIGATING, Phase.AWAITING_DECISION, Phase.UNDONE, Phase.ESCALATED}
    ),
    Phase.VERIFYING: frozenset({Phase.VERIFIED, Phase.UNDONE, Phase.ESCALATED}),
    Phase.UNDONE: frozenset({Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}),
    Phase.ESCALATED: frozenset({Phase.INVESTIGATING, Phase.RESOLVED}),
    Phase.REJECTED: frozenset({Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}),
    Phase.EXPIRED: frozenset({Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}),
    Phase.INCONCLUSIVE: frozenset({Phase.INVESTIGATING, Phase.ESCALATED, Phase.RESOLVED}),
    Phase.VERIFIED: frozenset(),
    Phase.RESOLVED: frozenset(),
}
"""Phase -> phases that may follow it. Executing leads back to a decision when the target changed since the approval."""


def sources_of(phase: Phase) -> frozenset[Phase]:
    """Phases from which `phase` may be entered."""
    return frozenset(source for source, targets in TRANSITIONS.items() if phase in targets)


def may_move(current: Phase, to: Phase) -> bool:
    """Whether an incident in `current` may enter `to`."""
    return to in TRANSITIONS[current]


class AlertEffect(Value):
    """What alerts that came or went do to the phase; `to` None leaves it as it is."""

    to: Phase | None
    because: str


def after_alerts(phase: Phase, *, firing: int, joined: int) -> AlertEffect:
    """Decide what a delivery does to the phase: `firing` alerts of the incident still fire, `joined` are new in it."""
    if phase in CLOSED:
        return AlertEffect(to=None, because="the incident is closed")
    if firing == 0:
        return _all_resolved(phase)
    if joined and phase is Phase.INCONCLUSIVE:
        return AlertEffect(
            to=Phase.INVESTIGATING, because=f"{joined} new alerts may show what could not be seen before"
        )
    return AlertEffect(to=None, because="alerts are still firing")


def _all_resolved(phase: Phase) -> AlertEffect:
    match phase:
        case Phase.EXECUTING | Phase.VERIFYING:
            return AlertEffect(to=None, because="a change is under way: verification decides, not the alerts")
        case (
            Phase.OPEN
            | Phase.INVESTIGATING
            | Phase.AWAITING_DECISION
            | Phase.UNDONE
            | Phase.ESCALATED
            | Phase.REJECTED
            | Phase.EXPIRED
            | Phase.INCONCLUSIVE
        ):
            return AlertEffect(to=Phase.RESOLVED, because="all alerts resolved")
        case Phase.VERIFIED | Phase.RESOLVED:
            return AlertEffect(to=None, because="the incident is closed")
        case _:
            assert_never(phase)
