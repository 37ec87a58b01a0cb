"""Network policies that keep a workload from those it calls or is called by, or from DNS."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.policy_reach import Party, allows, allows_dns, isolating
from agents.kubernetes.sighted import SeenWorkload, latest, name, workloads_of
from agents.reporting import state
from agents.wording import listed
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.network_policy import NetworkPolicies, NetworkPolicy
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

_NAMESPACE_NAME = "kubernetes.io/metadata.name"

BLOCKS = FactSpec(
    kind=FactKind("networkpolicy.blocks"),
    role=FactRole.STATE,
    meaning="Network policies leave no way between a workload and one that it calls or is called by, or to DNS.",
    attributes={
        "policy": "the isolating policies, by comma",
        "direction": "ingress or egress, seen from the workload",
        "peer": "id of the workload that is kept out, or dns",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload, direction and peer, for connections that the topology knows."""
    workloads = workloads_of(sightings)
    calls = _calls(sightings, scene)
    for seen in sightings.of(NetworkPolicies):
        parties = {entity: _party(one, seen.view.namespace_labels) for entity, one in workloads.items()}
        for caller, callee in sorted(calls):
            if caller in parties and callee in parties:
                yield from _between(workloads[caller], workloads[callee], parties, seen)
        for entity, party in parties.items():
            egress = isolating(seen.view.policies, party, ingress=False)
            if egress and not allows_dns(egress):
                yield _fact(workloads[entity], egress, seen, direction="egress", peer="dns")


def _calls(sightings: Sightings, scene: Scene) -> set[tuple[EntityId, EntityId]]:
    known = {(e.source, e.target) for e in scene.case.topology.edges if e.relation is Relation.CALLS}
    for seen in sightings.of(Inventory):
        known |= {(e.source, e.target) for e in seen.view.edges if e.relation is Relation.CALLS}
    return known


def _party(one: SeenWorkload, namespaces: Mapping[str, Mapping[str, str]]) -> Party:
    namespace, template = one.workload.meta.namespace or "", one.workload.template
    ports = [port for container in template.containers for port in container.ports]
    return Party(
        namespace=namespace,
        labels=template.labels,
        namespace_labels={_NAMESPACE_NAME: namespace, **namespaces.get(namespace, {})},
        ports=frozenset({str(port.number) for port in ports} | {port.name for port in ports if port.name}),
    )


def _between(
    caller: SeenWorkload,
    callee: SeenWorkload,
    parties: Mapping[EntityId, Party],
    seen: Observation[NetworkPolicies],
) -> Iterator[Fact]:
    source, target = parties[caller.workload.meta.entity], parties[callee.workload.meta.entity]
    entering = isolating(seen.view.policies, target, ingress=True)
    if entering and not allows(entering, own=target, other=source, ingress=True):
        yield _fact(callee, entering, seen, direction="ingress", peer=caller.workload.meta.entity)
    leaving = isolating(seen.view.policies, source, ingress=False)
    if leaving and not allows(leaving, own=source, other=target, ingress=False):
        yield _fact(caller, leaving, seen, direction="egress", peer=callee.workload.meta.entity)


def _fact(
    one: SeenWorkload,
    policies: list[NetworkPolicy],
    seen: Observation[NetworkPolicies],
    *,
    direction: str,
    peer: str,
) -> Fact:
    names = [policy.meta.name for policy in policies]
    who = "DNS" if peer == "dns" else name(EntityId(peer))
    way = "from" if direction == "ingress" else "to"
    return state(
        BLOCKS,
        entity=one.workload.meta.entity,
        text=f"network policy {listed(names)} of {one.workload.meta.name} lets nothing through {way} {who}",
        seen=[seen, one.seen],
        at=_written(policies),
        related=[*([] if peer == "dns" else [EntityId(peer)]), *(policy.meta.entity for policy in policies)],
        strength=0.9,
        detector=DETECTOR.name,
        policy=",".join(names),
        direction=direction,
        peer=peer,
    )


def _written(policies: list[NetworkPolicy]) -> datetime | None:
    """When the newest of the policies was written last."""
    written = [m.at for policy in policies for m in policy.meta.managers if not m.subresource]
    return latest([*written, *(policy.meta.created for policy in policies)])


DETECTOR = Detector(
    name="kubernetes.network_policy", emits=(BLOCKS,), needs=(NetworkPolicies, Workloads), detect=detect
)
