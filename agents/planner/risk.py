"""Risk of a change, by code: from how it is taken back and how far it reaches."""

from collections.abc import Sequence

from incidents.action import BlastRadius, Reversibility
from incidents.proposal import Risk

MANY_PODS = 20
"""Pods. About where a rollout takes longer than people like to watch."""

MANY_CALLERS = 5
"""Callers. A workload with more is a shared one: a mistake there is an outage."""


def risk(changes: Sequence[tuple[Reversibility, BlastRadius]]) -> Risk:
    """The risk of doing all of these: high when something is not exactly undone or touches nodes, or reaches far."""
    return max((_risk(how, radius) for how, radius in changes), key=tuple(Risk).index, default=Risk.LOW)


def _risk(how: Reversibility, radius: BlastRadius) -> Risk:
    wide = radius.pods > MANY_PODS or len(radius.callers) > MANY_CALLERS
    if how is Reversibility.IRREVERSIBLE or radius.nodes or (wide and how is not Reversibility.EXACT):
        return Risk.HIGH
    return Risk.LOW if how is Reversibility.EXACT and not wide else Risk.MEDIUM
