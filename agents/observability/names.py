"""Which entity a name in telemetry means: names of services are no ids, and stand in several namespaces. Pure."""

from collections.abc import Iterable, Mapping

from agents.detector import Scene, Sightings
from incidents.casefile import CaseFile
from incidents.entity import WORKLOADS, Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Relation, Topology
from tools.kubernetes.naming import outside as is_outside
from tools.prometheus.probes.workloads import WorkloadsView

_PREFERRED = (EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET, EntityKind.CRONJOB, EntityKind.JOB)


class Names:
    """Resolves names to the workloads that are known to exist; what is unknown stays a name outside."""

    def __init__(self, known: Iterable[EntityId], *, topology: Topology, near: Iterable[EntityId]) -> None:
        """`near` are the entities of the incident: of namesakes, the one in their namespace is meant."""
        entities = [Entity.parse(text) for text in sorted(set(known))]
        self._workloads = _by_name(entity for entity in entities if entity.kind in WORKLOADS)
        self._services = _by_name(entity for entity in entities if entity.kind is EntityKind.SERVICE)
        self._topology = topology
        self._spaces = {entity.namespace for entity in entities if entity.namespace}
        spaces = [Entity.parse(text).namespace for text in near]
        self._namespaces = [space for space in dict.fromkeys(spaces) if space]

    @classmethod
    def of(cls, sightings: Sightings, scene: Scene) -> "Names":
        """From the inventory of the case and what kube-state-metrics lists."""
        return cls.seen(sightings, scene.case, near=scene.entities)

    @classmethod
    def seen(cls, sightings: Sightings, case: CaseFile, *, near: Iterable[EntityId]) -> "Names":
        """The same, while looking."""
        listed = {entity for seen in sightings.of(WorkloadsView) for entity in seen.view.workloads}
        around = (*near, *case.focus)
        return cls(case.inventory | listed | set(around), topology=case.topology, near=around)

    def resolve(self, name: str, *, namespace: str | None = None) -> EntityId | None:
        """The workload of that name, or behind the Service of that name. None when nobody or several have it."""
        short, _, space = _split(name)
        wanted = namespace or space or None
        found = self._pick(self._workloads.get(short, ()), wanted)
        if found is not None:
            return found.id
        service = self._pick(self._services.get(short, ()), wanted)
        if service is None:
            return None
        selected = self._topology.targets(service.id, Relation.SELECTS)
        return selected[0] if selected else None

    def peer(self, host: str, *, namespace: str | None, cluster: str) -> EntityId | None:
        """Whom a log means by `host` or `host:port`: a workload here, or a host that can only be outside the cluster.

        A bare name means the namespace of whoever wrote it. None when it may be anybody: an address, or a name of two
        parts of which the second is a namespace.
        """
        found = self.resolve(host, namespace=namespace) or self.resolve(host)
        if found is not None:
            return found
        name = host.partition(":")[0].lower()
        inside = name.partition(".")[2] in self._spaces
        return self.outside(name, cluster=cluster) if is_outside(name) and not inside else None

    def outside(self, name: str, *, cluster: str) -> EntityId:
        """The id of something that is not in the inventory: a dependency outside the cluster."""
        return Entity(cluster=cluster, kind=EntityKind.EXTERNAL, name=name.replace("/", ".")).id

    def _pick(self, entities: Iterable[Entity], namespace: str | None) -> Entity | None:
        candidates = list(entities)
        if namespace is not None:
            candidates = [entity for entity in candidates if entity.namespace == namespace]
        else:
            for space in self._namespaces:
                here = [entity for entity in candidates if entity.namespace == space]
                if here:
                    candidates = here
                    break
        spaces = {entity.namespace for entity in candidates}
        if len(spaces) != 1:
            return None
        return min(candidates, key=lambda entity: (_rank(entity.kind), entity.id))


def workloads_of(entities: Iterable[EntityId], topology: Topology) -> tuple[EntityId, ...]:
    """The workloads among entities, those that own their pods, and those that their services select; in order."""
    found: list[EntityId] = []
    for text in entities:
        entity = Entity.parse(text)
        if entity.kind is EntityKind.SERVICE:
            found += topology.targets(text, Relation.SELECTS)
        owner = topology.owner_of(text)
        if Entity.parse(owner).is_workload:
            found.append(owner)
    return tuple(dict.fromkeys(found))


def _by_name(entities: Iterable[Entity]) -> Mapping[str, tuple[Entity, ...]]:
    found: dict[str, tuple[Entity, ...]] = {}
    for entity in entities:
        found[entity.name] = (*found.get(entity.name, ()), entity)
    return found


def _split(name: str) -> tuple[str, str, str]:
    """Name, separator and namespace of `name`, `namespace/name`, `name.namespace.svc...`."""
    if "/" in name:
        space, separator, short = name.partition("/")
        return short, separator, space
    host = name.split(":", 1)[0]
    parts = host.split(".")
    if len(parts) > 2 and parts[2] == "svc":  # noqa: PLR2004 - name, namespace, `svc`
        return parts[0], ".", parts[1]
    return host, "", ""


def _rank(kind: EntityKind) -> int:
    return _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)
