"""Names that several workloads cannot resolve at once: then it is nobody's own setting, but what resolves names."""

from collections.abc import Iterable
from datetime import timedelta

from agents.detector import Detector, Scene, Sightings
from agents.observability.error_class import ErrorClass, read_error
from agents.observability.spreading import workload_of
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.loki.line import message_of
from tools.loki.probes.everywhere import EverywhereView, Saying
from tools.probe import Observation

FAILING = FactSpec(
    kind=FactKind("dns.failing_everywhere"),
    role=FactRole.MECHANISM,
    meaning="Workloads that have nothing else in common cannot resolve names since the same moment.",
    attributes={"workloads": "how many complain", "names": "names that are not resolved, comma separated"},
)
TOGETHER = timedelta(minutes=3)
"""How far apart their first complaints may lie: callers notice when they next ask."""
ENOUGH = 2


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact about the cluster per look."""
    for seen in sightings.of(EverywhereView):
        found = _complaining(seen)
        hosts = {read.peer for _, said in found for one in said if (read := read_error(message_of(one.example)))} - {
            None
        }
        names = {name for name, _ in found}
        if len(names) >= ENOUGH and len(hosts) >= ENOUGH:
            yield _fact(
                seen, scene, names=names, hosts={str(host) for host in hosts}, said=[s for _, g in found for s in g]
            )


def _complaining(seen: Observation[EverywhereView]) -> list[tuple[str, list[Saying]]]:
    """Workloads whose log speaks of names that do not resolve, with those that began with the first."""
    speaking = [
        one
        for one in seen.view.pods
        if (read := read_error(message_of(one.example))) is not None and read.kind is ErrorClass.DNS
    ]
    start = min((one.first for one in speaking), default=None)
    found: dict[str, list[Saying]] = {}
    for one in speaking:
        if start is not None and one.first - start <= TOGETHER:
            found.setdefault(workload_of(one.pod), []).append(one)
    return sorted(found.items())


def _fact(
    seen: Observation[EverywhereView], scene: Scene, *, names: set[str], hosts: set[str], said: list[Saying]
) -> Fact:
    cluster = scene.case.incident.cluster
    first = min(one.first for one in said)
    return state(
        FAILING,
        entity=Entity(cluster=cluster, kind=EntityKind.CLUSTER, name=cluster).id,
        text=f"{listed(sorted(names))} cannot resolve {listed(sorted(hosts))} since {clock_time(first, now=scene.now)}",
        seen=[seen],
        at=first,
        strength=0.9,
        detector=DETECTOR.name,
        workloads=len(names),
        names=", ".join(sorted(hosts)),
    )


DETECTOR = Detector(name="observability.names_everywhere", emits=(FAILING,), needs=(EverywhereView,), detect=detect)
