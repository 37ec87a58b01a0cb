"""At which workload of a namespace trouble begins, of all whose metrics were compared: the farthest and unexplained."""

import math
from collections.abc import Iterable, Mapping

from agents.detector import Detector, Scene, Sightings
from agents.observability.calls import edges_of
from agents.observability.columns import columns_of
from agents.observability.flows import Calls
from agents.observability.names import Names, workloads_of
from agents.observability.origins import Origin, Place, Ranking, rank
from agents.observability.period import ALERTS_LATE
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation
from tools.probe import Observation
from tools.prometheus.probes.table import TableView

ORIGIN = FactSpec(
    kind=FactKind("anomaly.origin"),
    role=FactRole.STATE,
    meaning="Of all workloads that were compared, the metrics of this one departed far from their past by themselves.",
    attributes={
        "family": "what the metric measures: cpu, memory, disk, network, queue, pool, errors, latency, traffic, other",
        "metric": "its name",
        "before": "usual level, in its own unit (counters per second)",
        "after": "farthest level that was held since",
        "score": "distance in robust standard deviations, less what its callees explain",
        "rank": "1 for the workload that departed farthest",
    },
)
MOST = 8
"""Workloads that are told: the farthest."""
LEAST_SCORE = 4.0
"""Robust standard deviations: farther than an outlier (3.5), since many are compared."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload that departed, the farthest first."""
    names = Names.of(sightings, scene)
    calls = _calls(sightings, scene)
    for seen in sightings.of(TableView):
        columns = columns_of(seen.view, _resolved(seen.view, names))
        ranking = rank(seen.view, columns, calls=calls, place=_place(scene))
        if ranking is not None:
            yield from _facts(seen, ranking, scene)


def _resolved(view: TableView, names: Names) -> Mapping[str, EntityId]:
    space = Entity.parse(view.namespace).name
    found = {name: names.resolve(name, namespace=space) for name in {row.workload for row in view.rows}}
    return {name: entity for name, entity in found.items() if entity is not None}


def _calls(sightings: Sightings, scene: Scene) -> Calls:
    topology = scene.case.topology
    found = {(edge.source, edge.target) for edge in topology.edges if edge.relation is Relation.CALLS}
    found |= {(caller, callee) for caller, callee, _ in edges_of(sightings, scene)}
    calls: dict[EntityId, list[EntityId]] = {}
    for caller, callee in sorted(found):
        calls.setdefault(caller, []).append(callee)
    return calls


def _place(scene: Scene) -> Place:
    alerted = workloads_of(scene.case.incident.entities, scene.case.topology)
    return Place(alerted=frozenset(alerted), started=scene.case.incident.started_at, earlier=ALERTS_LATE)


def _facts(seen: Observation[TableView], ranking: Ranking, scene: Scene) -> Iterable[Fact]:
    told = [origin for origin in ranking.origins if origin.score >= LEAST_SCORE][:MOST]
    for place, origin in enumerate(told, start=1):
        rivals = [other.score for other in told if other is not origin]
        yield _fact(seen, origin, ranking, scene, place=place, strength=_strength(origin.score, max(rivals, default=0)))


def _strength(score: float, rival: float) -> float:
    """How much likelier than its strongest rival it is the origin (Bradley and Terry, 1952), on the scale of orders."""
    own, other = math.log1p(score), math.log1p(rival)
    return round(own / (own + other), 4)


def _fact(
    seen: Observation[TableView], origin: Origin, ranking: Ranking, scene: Scene, *, place: int, strength: float
) -> Fact:
    change = f"{origin.before:.4g} -> {origin.after:.4g}"
    return state(
        ORIGIN,
        entity=origin.entity,
        text=f"{origin.metric} of {name_of(origin.entity)} went {change}{since(ranking.at, now=scene.now)}, "
        f"{_place_word(place)} of {len({row.workload for row in seen.view.rows})} workloads",
        seen=[seen],
        at=ranking.at,
        strength=strength,
        detector=DETECTOR.name,
        family=origin.family.value,
        metric=origin.metric,
        before=float(f"{origin.before:.4g}"),
        after=float(f"{origin.after:.4g}"),
        score=round(origin.score, 1),
        rank=place,
    )


def _place_word(place: int) -> str:
    return "the farthest departure" if place == 1 else f"number {place} by departure"


DETECTOR = Detector(name="observability.origin", emits=(ORIGIN,), needs=(TableView,), detect=detect)
