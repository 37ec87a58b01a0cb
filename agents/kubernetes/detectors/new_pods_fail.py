"""Rollouts of which only the new pods fail: beside them the old ones run well, on the same nodes and the same callees.

That is the experiment that tells a release from its surroundings; no reading of the difference says it as surely.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenPod, by_workload, name, pods_of
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.pod import Pods

PATIENCE = timedelta(minutes=2)
"""New pods that are not ready for longer do not merely start."""
TEMPLATE = ("pod-template-hash", "controller-revision-hash")
"""Labels by which Deployments and the other controllers tell the pods of one template from those of another."""

ONLY_NEW = FactSpec(
    kind=FactKind("revision.only_new_fails"),
    role=FactRole.MECHANISM,
    meaning="In a rollout all pods of the new template fail, while all pods of the one before are well.",
    attributes={"failing": "pods of the new template", "well": "ready pods of the one before"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    for entity, pods in by_workload(pods_of(sightings)).items():
        new, old = _sides(pods)
        if new and old and all(_fails(one, scene) for one in new) and all(one.pod.ready for one in old):
            yield _fact(entity, new, old, scene)


def _sides(pods: Iterable[SeenPod]) -> tuple[Sequence[SeenPod], Sequence[SeenPod]]:
    """Living pods of the newest template, and those of all templates before."""
    groups: dict[str, list[SeenPod]] = {}
    for one in pods:
        if not one.pod.ended and one.pod.meta.deleted is None and one.pod.meta.created is not None:
            groups.setdefault(_template(one.pod.meta.labels), []).append(one)
    if len(groups) < 2 or "" in groups:  # noqa: PLR2004 - a rollout has two sides
        return (), ()
    newest = max(groups, key=lambda key: min(_created(groups[key])))
    return groups.pop(newest), [one for group in groups.values() for one in group]


def _template(labels: Mapping[str, str]) -> str:
    return next((labels[key] for key in TEMPLATE if key in labels), "")


def _created(pods: Iterable[SeenPod]) -> Iterator[datetime]:
    yield from (one.pod.meta.created for one in pods if one.pod.meta.created)


def _fails(one: SeenPod, scene: Scene) -> bool:
    created = one.pod.meta.created
    return not one.pod.ready and created is not None and scene.now - created > PATIENCE


def _fact(entity: EntityId, new: Sequence[SeenPod], old: Sequence[SeenPod], scene: Scene) -> Fact:
    at = min(_created(new))
    return state(
        ONLY_NEW,
        entity=entity,
        text=f"all {count(len(new), 'pod')} of the new revision of {name(entity)} fail{since(at, now=scene.now)}, "
        f"and all {count(len(old), 'pod')} of the one before are well",
        seen=list({one.seen.evidence.id: one.seen for one in (*new, *old)}.values()),
        at=at,
        detector=DETECTOR.name,
        failing=len(new),
        well=len(old),
    )


DETECTOR = Detector(name="kubernetes.new_pods_fail", emits=(ONLY_NEW,), needs=(Pods,), detect=detect)
