"""Whether what stands behind a workload takes the connections of more pods. Pure.

A pool is opened per pod, so pods times pool has to stay below what the server accepts; beyond it new connections are
turned away, for everybody who uses that server.
"""

import math

from incidents.action import name_of
from incidents.prediction import Foreseen, Obstacle
from orchestrator.twin.around import Connections
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.obstacles.room import PLACED
from orchestrator.twin.trial import Trial

MARGIN = 0.05
"""Share of what a server accepts that its count is unsure by: sessions of exporters, backups and people are in it."""


def look(trial: Trial) -> Looked:
    """Every server whose connections were seen."""
    if trial.workload is None or trial.kind not in PLACED or trial.wanted <= trial.replicas:
        return Looked()
    if not trial.around.connections:
        unknown = "how many connections its pods hold to what is behind it, and how many that accepts"
        return Looked(not_foreseen=(unknown,) if trial.callees else ())
    found = Looked(evidence=(trial.around.evidence["connections"],))
    for one in trial.around.connections:
        found += _of(one, now=trial.replicas, wanted=trial.wanted)
    return found


def _of(one: Connections, *, now: int, wanted: int) -> Looked:
    """Least: pods open on average what they have open now. Most: every pod fills its pool."""
    held = min(one.per_pod, one.opened / now) if now else one.per_pod
    adds, server = wanted - now, name_of(one.server)
    least, most = one.opened + adds * held, one.opened + adds * one.per_pod
    opened = Foreseen(
        measure=f"connections to {server}", unit="connections", before=one.opened, after=most, low=least, high=most
    )
    seen = f"{one.opened:.0f} of {one.most:.0f} connections to {server} in use, up to {one.per_pod:.0f} of each pod"
    if most <= one.most:
        return Looked(figures=(opened,), built_from=(seen,))
    if least <= one.most * (1 + MARGIN):
        range_ = f"{least:.0f} to {most:.0f} would be open, it takes {one.most:.0f}"
        unsure = f"whether {server} runs out of connections: {range_}"
        return Looked(figures=(opened,), built_from=(seen,), not_foreseen=(unsure,))
    text = (
        f"{wanted} pods would hold up to {most:.0f} connections to {server}, which takes {one.most:.0f}: "
        f"{1 - one.most / most:.0%} would be turned away, for everybody who uses it"
    )
    fits = now + max(0, math.floor((one.most * (1 + MARGIN) - one.opened) / one.per_pod))
    obstacle = Obstacle(what="connections", text=text, harms=True, most=fits)
    return Looked(obstacles=(obstacle,), figures=(opened,), built_from=(seen,))
