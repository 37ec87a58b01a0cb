"""Quotas over what leaves no event behind when it is refused: claims and services, created by people and pipelines."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import entity_namespace
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quota import Quota, QuotaLine, Quotas
from tools.probe import Observation

IN_FORCE = FactSpec(
    kind=FactKind("quota.in_force"),
    role=FactRole.STATE,
    meaning="A namespace limits how much storage, or how many services, it may hold.",
    attributes={
        "quota": "name of the ResourceQuota",
        "resource": "the resource",
        "limits": "storage or services: what cannot be created once it is used up",
        "full": "whether nothing of it is left",
        "used": "what is used, in base units (bytes, objects)",
        "hard": "what may be used",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per line of a quota that limits storage or services."""
    for seen in sightings.of(Quotas):
        for quota in seen.view.quotas:
            yield from (_fact(quota, line, limits, seen) for line in quota.lines if (limits := _limits(line.resource)))


def _limits(resource: str) -> str:
    """What a line limits, as far as it is told here; empty for what pods use."""
    if "ephemeral" in resource:
        return ""
    if "storage" in resource or "persistentvolumeclaims" in resource:
        return "storage"
    return "services" if resource.removeprefix("count/").startswith("services") else ""


def _fact(quota: Quota, line: QuotaLine, limits: str, seen: Observation[Quotas]) -> Fact:
    return state(
        IN_FORCE,
        entity=entity_namespace(quota.meta.entity),
        text=f"quota {quota.meta.name} of {quota.meta.namespace} allows {line.resource} {line.hard_text}; "
        f"{line.used_text} is used",
        seen=[seen],
        at=None,
        related=[quota.meta.entity],
        detector=DETECTOR.name,
        quota=quota.meta.name,
        resource=line.resource,
        limits=limits,
        full=line.used >= line.hard,
        used=line.used,
        hard=line.hard,
    )


DETECTOR = Detector(name="kubernetes.quota_in_force", emits=(IN_FORCE,), needs=(Quotas,), detect=detect)
