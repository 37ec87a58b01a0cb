"""What the specialist for changes adds to the map: which application deploys what, and from which repository. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from agents.cicd.gitops import deployers, slug
from agents.detector import Sightings
from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Edge, Relation, Topology
from tools.kubernetes.config_ref import ConfigRefs
from tools.kubernetes.workload import Workloads

SOURCE_MARKS = ("org.opencontainers.image.source",)
"""Annotations that name the repository that an image was built from."""
REGISTRY = "ghcr.io/"
"""GitHub's own image registry."""


def topology_of(sightings: Sightings, *, configured: Mapping[str, str]) -> Topology:
    """DEPLOYS, BUILT_FROM and USES edges. `configured`: pattern of a workload's name -> `owner/name`."""
    return Topology.of((*_deploying(sightings), *_built(sightings, configured), *_using(sightings)))


def inventory_of(sightings: Sightings) -> tuple[EntityId, ...]:
    """What was seen to exist."""
    found = [one.meta.entity for seen in sightings.of(Workloads) for one in seen.view.workloads]
    found += [one.meta.entity for seen in sightings.of(ConfigRefs) for one in seen.view.objects]
    for one in deployers(sightings):
        found += [one.entity, *([repository_entity(one.entity, one.repository)] if one.repository else [])]
    return tuple(dict.fromkeys(found))


def repository_entity(beside: EntityId, repository: str) -> EntityId:
    """The entity of a repository `owner/name`, in the cluster of another entity."""
    return Entity(cluster=Entity.parse(beside).cluster, kind=EntityKind.REPOSITORY, name=repository).id


def _deploying(sightings: Sightings) -> Iterator[Edge]:
    for one in deployers(sightings):
        for item in one.objects:
            yield Edge(source=one.entity, relation=Relation.DEPLOYS, target=item)
        for built in (one.entity, *one.workloads) if one.repository else ():
            target = repository_entity(one.entity, one.repository)
            yield Edge(source=built, relation=Relation.BUILT_FROM, target=target)


def _built(sightings: Sightings, configured: Mapping[str, str]) -> Iterator[Edge]:
    """Repositories that settings, the template's annotations or the place of its image name."""
    owners = {name.partition("/")[0] for name in (*configured.values(), *(d.repository for d in deployers(sightings)))}
    for seen in sightings.of(Workloads):
        for one in seen.view.workloads:
            marks = {**one.meta.annotations, **one.template.annotations}
            names = [slug(marks[key]) for key in SOURCE_MARKS if key in marks]
            names += [name for pattern, name in configured.items() if fnmatchcase(one.meta.name, pattern)]
            names = names or [image_repository(one.template.images, owners=owners - {""})]
            for name in filter(None, names):
                target = repository_entity(one.meta.entity, name)
                yield Edge(source=one.meta.entity, relation=Relation.BUILT_FROM, target=target)


def image_repository(images: Sequence[str], *, owners: Collection[str]) -> str:
    """`owner/name` of the first image where GitHub's own registry holds it: there an image lives under its repository.

    Only of owners that are known to be the estate's, when any is: a database's image has a foreign repository.
    """
    path = images[0].removeprefix(REGISTRY) if images and images[0].startswith(REGISTRY) else ""
    parts = path.partition("@")[0].partition(":")[0].split("/")
    if len(parts) < 2 or (owners and parts[0] not in owners):  # noqa: PLR2004 - owner and name
        return ""
    return "/".join(parts[:2])


def _using(sightings: Sightings) -> Iterator[Edge]:
    for seen in sightings.of(ConfigRefs):
        for item in seen.view.objects:
            for workload in item.used_by:
                yield Edge(source=workload, relation=Relation.USES, target=item.meta.entity)
