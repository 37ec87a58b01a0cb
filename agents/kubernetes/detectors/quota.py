"""Quotas that are used up or nearly so."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import entity_namespace
from agents.reporting import state
from agents.wording import percent
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.quota import Quota, QuotaLine, Quotas
from tools.probe import Observation

NEARLY = 0.9
"""Share from which a rollout with the default surge of 25 % may not fit any more."""

NEARLY_FULL = FactSpec(
    kind=FactKind("quota.nearly_full"),
    role=FactRole.STATE,
    meaning="A namespace has used at least 90 % of a quota.",
    attributes={
        "quota": "name of the ResourceQuota",
        "resource": "the resource",
        "ratio": "used share, 1 is full",
        "used": "what is used, in base units (cores, bytes, objects)",
        "hard": "what may be used",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per line of a quota."""
    for seen in sightings.of(Quotas):
        for quota in seen.view.quotas:
            yield from (_fact(quota, line, seen) for line in quota.lines if line.hard > 0 and line.ratio >= NEARLY)


def _fact(quota: Quota, line: QuotaLine, seen: Observation[Quotas]) -> Fact:
    return state(
        NEARLY_FULL,
        entity=entity_namespace(quota.meta.entity),
        text=f"quota {quota.meta.name} of {quota.meta.namespace}: {line.resource} {line.used_text} of {line.hard_text} "
        f"used ({percent(line.ratio)})",
        seen=[seen],
        at=None,
        related=[quota.meta.entity],
        detector=DETECTOR.name,
        quota=quota.meta.name,
        resource=line.resource,
        ratio=round(line.ratio, 4),
        used=line.used,
        hard=line.hard,
    )


DETECTOR = Detector(name="kubernetes.quota", emits=(NEARLY_FULL,), needs=(Quotas,), detect=detect)
