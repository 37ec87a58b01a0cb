"""Which workloads an Argo CD application deploys, and from which repository. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from agents.detector import Sightings
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from tools.argocd.application import Application
from tools.argocd.probes.applications import ApplicationsView
from tools.kubernetes.metadata import entity_id, kind_of
from tools.probe import Observation

_SLUG = re.compile(r"[/:](?P<slug>[^/:\s]+/[^/:\s]+?)(?:\.git)?/?$")


@dataclass(frozen=True, kw_only=True)
class Deployer:
    """One application with its place among the entities."""

    entity: EntityId
    application: Application
    seen: Observation[ApplicationsView]

    @cached_property
    def objects(self) -> tuple[EntityId, ...]:
        """Everything that it manages and that has a name here."""
        cluster, app = Entity.parse(self.entity).cluster, self.application
        found = [
            entity_id(cluster, kind, one.name, one.namespace or app.destination_namespace)
            for one in app.resources
            if (kind := kind_of(one.kind)) is not None
        ]
        return tuple(found)

    @cached_property
    def workloads(self) -> tuple[EntityId, ...]:
        """The workloads among them."""
        return tuple(one for one in self.objects if Entity.parse(one).is_workload)

    @property
    def repository(self) -> str:
        """`owner/name`; empty when its source is no repository of a forge."""
        return slug(self.application.repository)


def deployers(sightings: Sightings) -> Iterator[Deployer]:
    """All applications that were seen, each once."""
    known: dict[EntityId, Deployer] = {}
    for seen in sightings.of(ApplicationsView):
        for app in seen.view.applications:
            entity = application_entity(app, seen)
            if entity is not None:
                known[entity] = Deployer(entity=entity, application=app, seen=seen)
    yield from known.values()


def application_entity(app: Application, seen: Observation[ApplicationsView]) -> EntityId | None:
    """The entity that the probe gave to an application."""
    for one in seen.evidence.entities:
        entity = Entity.parse(one)
        if entity.kind is EntityKind.APPLICATION and (entity.name, entity.namespace or "") == (app.name, app.namespace):
            return one
    return None


def slug(url: str) -> str:
    """`owner/name` of a repository's address: https, ssh or git; empty when it has no such form."""
    match = _SLUG.search(url.strip())
    return match["slug"] if match and not url.startswith("oci:") else ""
