"""Finds network policies that were created or changed: from then on traffic may be blocked."""

from collections.abc import Iterator

from agents.cicd.written import written, written_spec
from agents.detector import Detector, Scene, Sightings
from incidents.entity import EntityKind
from incidents.fact import Fact
from tools.kubernetes.network_policy import NetworkPolicies

SPEC = written_spec("change.networkpolicy_changed", "A network policy was created or changed.")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per object and writer."""
    return written(sightings, scene, kind=EntityKind.NETWORKPOLICY, spec=SPEC, detector=DETECTOR.name)


DETECTOR = Detector(name="cicd.networkpolicy_changed", emits=(SPEC,), needs=(NetworkPolicies,), detect=detect)
