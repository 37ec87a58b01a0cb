"""Who calls whom, read from configuration: variables, arguments and files that name a service or an outside host.

What is found here is an intention, not traffic: metrics and traces of other systems add weights to these edges. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping

from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId
from incidents.topology import Edge, Relation
from tools.kubernetes.document import Document
from tools.kubernetes.naming import Directory, hosts_in, outward

MAX_VALUE = 64 * 1024
"""Characters of one configuration value that are searched."""

Config = Mapping[tuple[str, str], Mapping[str, str]]
"""(namespace, ConfigMap) -> its data. Lives only while edges are computed."""


def calls_of(
    workload: EntityId,
    template: Document,
    *,
    directory: Directory,
    behind: Mapping[EntityId, tuple[EntityId, ...]],
    config: Config,
) -> frozenset[Edge]:
    """CALLS edges of a workload to the workloads behind the services that it names, and to outside hosts."""
    caller = Entity.parse(workload)
    namespace = caller.namespace or ""
    found: set[EntityId] = set()
    for name, value in _values(template, namespace=namespace, config=config):
        for host in hosts_in(name, value):
            service = directory.find(host, namespace=namespace)
            found |= set(behind.get(service) or (service,)) if service else set()
        found |= {
            Entity(cluster=caller.cluster, kind=EntityKind.EXTERNAL, name=host).id
            for host in outward(name, value)
            if directory.find(host, namespace=namespace) is None
        }
    return frozenset(Edge(source=workload, relation=Relation.CALLS, target=one) for one in found - {workload})


def _values(template: Document, *, namespace: str, config: Config) -> Iterator[tuple[str, str]]:
    spec = template.at("spec")
    for container in (*spec.items("containers"), *spec.items("initContainers")):
        yield from _of_container(container, namespace=namespace, config=config)
    for volume in spec.items("volumes"):
        names = [volume.word("configMap", "name")]
        names += [source.word("configMap", "name") for source in volume.items("projected", "sources")]
        for name in filter(None, names):
            yield from _bounded(config.get((namespace, name), {}).items())


def _of_container(container: Document, *, namespace: str, config: Config) -> Iterator[tuple[str, str]]:
    for variable in container.items("env"):
        name, ref = variable.word("name"), variable.at("valueFrom", "configMapKeyRef")
        value = variable.word("value") or config.get((namespace, ref.word("name")), {}).get(ref.word("key"), "")
        yield name, value[:MAX_VALUE]
    for source in container.items("envFrom"):
        yield from _bounded(config.get((namespace, source.word("configMapRef", "name")), {}).items())
    for word in (*container.texts("command"), *container.texts("args")):
        name, _, value = word.lstrip("-").partition("=")
        yield (name, value) if value else ("", word)


def _bounded(items: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from ((name, value[:MAX_VALUE]) for name, value in items)
