"""What a provider says of itself: an open incident on its status page. That it says nothing proves nothing."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.statuspage.probes.incidents import ProvidersView

INCIDENT = FactSpec(
    kind=FactKind("provider.incident"),
    role=FactRole.STATE,
    meaning="A provider outside tells an incident of its own on its status page.",
    attributes={
        "name": "its title",
        "impact": "minor, major or critical, as the provider sees it",
        "status": "investigating, identified, monitoring, resolved",
        "components": "what of it is affected, by comma",
    },
)
HARMLESS = frozenset({"none", "maintenance"})
"""Impacts of notes and of planned work."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per provider and incident."""
    for seen in sightings.of(ProvidersView):
        for said in seen.view.providers:
            for one in said.incidents:
                if one.impact in HARMLESS:
                    continue
                parts = f" ({', '.join(one.components)})" if one.components else ""
                yield state(
                    INCIDENT,
                    entity=said.provider,
                    text=f"status page of {Entity.parse(said.provider).name}: {one.impact} incident "
                    f'"{one.name}"{parts}, {one.status}{since(one.started, now=scene.now)}',
                    seen=[seen],
                    at=one.started,
                    until=one.resolved,
                    detector=DETECTOR.name,
                    name=one.name,
                    impact=one.impact,
                    status=one.status,
                    components=", ".join(one.components) or None,
                )


DETECTOR = Detector(name="observability.provider_status", emits=(INCIDENT,), needs=(ProvidersView,), detect=detect)
