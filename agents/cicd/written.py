"""Facts about objects of one kind that somebody wrote: who, when, and what their writer owns of them."""

from collections.abc import Iterator

from agents.cicd.edits import writes
from agents.cicd.hands import Hand
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.action import name_of
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind


def written_spec(kind: str, meaning: str) -> FactSpec:
    """The declaration of such a fact."""
    return FactSpec(
        kind=FactKind(kind),
        role=FactRole.CHANGE,
        meaning=meaning,
        attributes={
            "fields": "fields that its writer owns, comma separated; at least one was written then",
            "actor": "client that wrote it",
            "created": "whether the object was created by it",
        },
    )


def written(sightings: Sightings, scene: Scene, *, kind: EntityKind, spec: FactSpec, detector: str) -> Iterator[Fact]:
    """One fact per object of this kind and writer; controllers are no writers."""
    period = period_of(scene)
    for write in writes(sightings):
        if f"/{kind}/" not in write.entity or write.hand is Hand.CONTROLLER or write.at is None:
            continue
        if period.holds(write.at, entities=(write.entity, *write.related)):
            did = "was created" if write.created else "was changed"
            about = f" about {listed(name_of(one) for one in write.related)}" if write.related else ""
            yield state(
                spec,
                entity=write.entity,
                text=f"{label(write.entity)}{about} {did} at {clock_time(write.at, now=scene.now)} by {write.manager}",
                seen=(write.seen,),
                at=write.at,
                related=write.related,
                detector=detector,
                fields=", ".join(write.fields),
                actor=write.manager,
                created=write.created,
            )
