"""How facts about changes are declared and said: the same attributes and the same sentence for every kind. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.cicd.deploys import Deploy, deploys
from agents.cicd.period import period_of
from agents.cicd.template_part import TemplatePart, part_of
from agents.detector import Scene, Sightings
from agents.remembered import remembered
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.action import FieldChange, name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from incidents.value import Scalar
from tools.kubernetes.field_path import place_of

PROVENANCE = {
    "revision": "number of the revision that brought it",
    "previous_revision": "number of the revision before it",
    "commit": "commit that brought it, when one is known",
    "actor": "who did it: a commit's author, or the client that wrote it",
    "previous_history_id": "number of the sync before it in the Argo CD application's history",
}
FIELD = {
    "container": "container that it concerns",
    "field": "exact path of the changed field, or of the first of several",
    "fields": "how many fields changed",
    "before": "value before; absent when there was none or several changed",
    "after": "value after; absent when it was removed or several changed",
}


def change_spec(kind: str, meaning: str, **attributes: str) -> FactSpec:
    """Declare a change of a template's fields: with field, before, after and where it came from."""
    return FactSpec(
        kind=FactKind(kind),
        role=FactRole.CHANGE,
        meaning=meaning,
        attributes={**FIELD, **PROVENANCE, **attributes},
    )


@dataclass(frozen=True, kw_only=True)
class PartChange:
    """What one deploy changed in one part of the template, of one container or of the pod."""

    deploy: Deploy
    container: str | None
    changes: tuple[FieldChange, ...]

    @property
    def where(self) -> str:
        """`checkout`, or `checkout (container envoy)` where there are several."""
        name = name_of(self.deploy.workload)
        template = self.deploy.revision.template
        alone = len(template.containers) + len(template.init_containers) <= 1
        return name if alone or self.container in {None, name} else f"{name} (container {self.container})"


@remembered
def told(sightings: Sightings, scene: Scene) -> tuple[Deploy, ...]:
    """Deploys of the period that is looked at."""
    found = deploys(sightings, scene)
    return period_of(scene).chosen(found, at=lambda one: one.at, entities=lambda one: (one.workload,))


def part_changes(sightings: Sightings, scene: Scene, part: TemplatePart) -> Iterator[PartChange]:
    """What deploys changed in a part; containers that came or went as a whole are not changes of their parts."""
    for deploy in told(sightings, scene):
        moved = moved_containers(deploy)
        groups: dict[str | None, list[FieldChange]] = {}
        for change in deploy.changes:
            container = place_of(change.path).container
            if container not in moved and part_of(change.path) is part:
                groups.setdefault(container, []).append(change)
        for container, changes in groups.items():
            yield PartChange(deploy=deploy, container=container, changes=tuple(changes))


def moved_containers(deploy: Deploy) -> frozenset[str]:
    """Containers that were added or removed: their names changed from or to nothing."""
    named = [(place_of(change.path), change) for change in deploy.changes]
    return frozenset(
        place.container
        for place, change in named
        if place.container and place.field == "name" and (change.before is None or change.after is None)
    )


def when(deploy: Deploy, scene: Scene) -> str:
    """` at 02:33`; empty when the time is not known."""
    return f" at {clock_time(deploy.at, now=scene.now)}" if deploy.at else ""


def tell(
    spec: FactSpec, one: PartChange, *, does: str, scene: Scene, detector: str, **attributes: Scalar | None
) -> Fact:
    """State what a deploy did: `deploy 8f2c1d7 <does> at 02:33`."""
    return tell_deploy(
        spec,
        one.deploy,
        text=f"{one.deploy.name} {does}{when(one.deploy, scene)}",
        detector=detector,
        changes=one.changes,
        **{"container": one.container, **attributes},
    )


def tell_deploy(
    spec: FactSpec,
    deploy: Deploy,
    *,
    text: str,
    detector: str,
    changes: tuple[FieldChange, ...],
    **attributes: Scalar | None,
) -> Fact:
    """State a fact about a deploy, with its provenance and what it changed."""
    only = changes[0] if len(changes) == 1 else None
    given: dict[str, Scalar | None] = {
        "field": changes[0].path if changes else None,
        "fields": len(changes),
        "before": only.before if only else None,
        "after": only.after if only else None,
        **provenance(deploy),
        **attributes,
    }
    return state(
        spec,
        entity=deploy.workload,
        text=text,
        seen=deploy.seen,
        at=deploy.at,
        until=deploy.until(change.path for change in changes),
        detector=detector,
        more=given,
    )


def provenance(deploy: Deploy) -> dict[str, Scalar | None]:
    """The attributes that say where a deploy came from."""
    return {
        "revision": deploy.revision.number,
        "previous_revision": deploy.previous.number if deploy.previous else None,
        "commit": deploy.commit or None,
        "actor": deploy.actor or None,
        "previous_history_id": deploy.origin.previous_history_id if deploy.origin else None,
    }


def from_to(change: FieldChange) -> str:
    """`512Mi -> 256Mi`, with `none` for what was not there."""
    return f"{_short(change.before)} -> {_short(change.after)}"


def fields_of(one: PartChange) -> str:
    """What changed, by names below the container: one field with its values, several by name."""
    if len(one.changes) == 1:
        return f"{short_field(one.changes[0])} {from_to(one.changes[0])}"
    return listed(short_field(change) for change in one.changes)


def short_field(change: FieldChange) -> str:
    """The path below the container or the pod's spec."""
    return place_of(change.path).field.removeprefix("spec.template.spec.").removeprefix("spec.template.metadata.")


MAX_SHOWN = 60
"""Characters of one value in a sentence; the attributes have it whole."""


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}..."
