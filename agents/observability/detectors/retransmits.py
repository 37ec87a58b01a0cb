"""Nodes whose connections have to send again what got lost: far more than a little while before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.curve import Curve
from tools.prometheus.probes.nodes import NodesView, NodeUse

LEAST = 2.0
"""Segments per second from which loss is felt: a request of a service crosses the network a few times."""
TIMES = 5.0
"""How many times as many as before; connections of a healthy network lose some all the time."""
LATELY = 3
"""Samples whose median is the level now."""

PACKET_LOSS = FactSpec(
    kind=FactKind("node.packet_loss"),
    role=FactRole.MECHANISM,
    meaning="Connections of a node send again far more of what they sent than before: packets get lost.",
    attributes={"per_second": "TCP segments sent again per second now", "before": "the same before"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per node; of several at once the one that loses most by far: the others are at the far end of it."""
    for seen in sightings.of(NodesView):
        found = [(use, *levels) for use in seen.view.nodes if use.retransmits and (levels := _levels(use.retransmits))]
        worst = max((now for _, now, _ in found), default=0.0)
        for use, now, before in found:
            if now < LEAST or now < TIMES * before or now * 2 < worst:
                continue
            at = _since(use, now=now, before=before)
            yield state(
                PACKET_LOSS,
                entity=Entity(cluster=scene.case.incident.cluster, kind=EntityKind.NODE, name=use.node).id,
                text=f"node {use.node} sends {now:.1f} TCP segments a second again, {before:.1f} before"
                f"{since(at, now=scene.now)}",
                seen=[seen],
                at=at,
                detector=DETECTOR.name,
                per_second=round(now, 3),
                before=round(before, 3),
            )


def _levels(curve: Curve) -> tuple[float, float] | None:
    """The level now and the one before, of a curve long enough to have both."""
    known = [value for value in curve.values if value is not None]
    if len(known) < 2 * LATELY:
        return None
    return median(known[-LATELY:]), median(_earlier(known))


def _earlier(known: Sequence[float]) -> Sequence[float]:
    return known[: max(LATELY, len(known) // 3)]


def _since(use: NodeUse, *, now: float, before: float) -> datetime | None:
    curve = use.retransmits
    middle = (now + before) / 2
    below = [index for index, value in enumerate(curve.values) if value is not None and value < middle] if curve else []
    return curve.time(below[-1] + 1) if curve and below and below[-1] + 1 < len(curve.values) else None


DETECTOR = Detector(name="observability.retransmits", emits=(PACKET_LOSS,), needs=(NodesView,), detect=detect)
