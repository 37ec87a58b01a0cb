"""Nodes in another region than all the others: their traffic is paid for, and their data may not be there."""

from collections import Counter
from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.node import Nodes

WRONG_REGION = FactSpec(
    kind=FactKind("cost.wrong_region"),
    role=FactRole.STATE,
    meaning="A node runs in another region than the cluster's nodes do.",
    attributes={"region": "its region", "usual": "the region of the others"},
)
USUAL = 0.8
"""Share of the nodes that makes a region the cluster's own; below it the cluster is spread on purpose."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - the form of a detector
    """One fact per node."""
    for seen in sightings.of(Nodes):
        regions = Counter(node.region for node in seen.view.nodes if node.region)
        if len(regions) < 2:  # noqa: PLR2004 - one region is no other region
            continue
        usual, most = regions.most_common(1)[0]
        if most < USUAL * regions.total():
            continue
        for node in seen.view.nodes:
            if node.region and node.region != usual:
                yield state(
                    WRONG_REGION,
                    entity=node.meta.entity,
                    text=f"node {node.meta.name} runs in {node.region}, the others in {usual}",
                    seen=[seen],
                    at=None,
                    detector=DETECTOR.name,
                    region=node.region,
                    usual=usual,
                )


DETECTOR = Detector(name="cost.regions", emits=(WRONG_REGION,), needs=(Nodes,), detect=detect)
