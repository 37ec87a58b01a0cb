"""A case as the argument needs it: facts in effect by kind, what hurts, what was looked for, when it began."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from agents.diagnostician.places import PEERS, Places, kind_of, name_of
from agents.diagnostician.weights import ALERT_SYMPTOM, DISTANT_SYMPTOM, LINGERS, ONSET_WINDOW, TOLERANCE
from incidents.casefile import CaseFile
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, FactId, FactKind
from incidents.topology import Edge, Relation, Topology

OF_THE_PAST = "_before"
"""Kinds that end so state how things were before the onset: that they ended then is their point, not a flaw."""

FIGURES = "metric."
"""Facts of this domain say that a figure moved, whatever it means."""

ALARMS = "alert."
"""Facts of this domain say that an alarm rings, not that telemetry shows harm."""

OWN_BUSINESS_DOMAINS = frozenset({"container", "pod", "workload", "statefulset", "daemonset", "cronjob", "service"})
"""Symptoms of these domains are about an entity's own pods; a failing callee brings them about only sometimes."""

HEALTHY = FactKind("estate.healthy")


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """Something that hurts and wants to be explained. `fact` is None for the place an alert points at."""

    entity: EntityId
    at: datetime | None
    weight: float
    own_business: bool
    fact: Fact | None = None

    @cached_property
    def key(self) -> str:
        """What tells it from others."""
        return self.fact.id if self.fact else f"alert@{self.entity}"


class Reading:
    """One case, read once. Facts stand in an order of their own, so that the order of their arrival says nothing."""

    def __init__(self, case: CaseFile) -> None:
        """`case` as it is now."""
        self.case = case
        self.onset: datetime = onset_of(case)
        measured = frozenset((*_measured_calls(case), *_meant(case))) - case.topology.edges
        self.topology = case.topology + Topology(edges=measured) if measured else case.topology
        self.places = Places(self.topology)
        unique = {fact.id: fact for fact in case.facts}
        self.all_facts = tuple(sorted(unique.values(), key=_order))
        self.facts = tuple(fact for fact in self.all_facts if self.in_effect(fact))
        refusing = {fact.entity for fact in self.facts if fact.kind == REFUSED_CERTIFICATE}
        known = {(f.entity, f.attributes.get("host")) for f in self.facts if f.kind == USED_BEFORE}
        complaints = [
            fact
            for fact in self.facts
            if complains(
                fact, refusing=fact.entity in refusing, found=(fact.entity, fact.attributes.get("peer")) in known
            )
        ]
        self.places.peers = {fact.id: _peer_of(fact, case=case) for fact in complaints}
        self._onsets: dict[EntityId, datetime] = {}

    def in_effect(self, fact: Fact) -> bool:
        """What ended before the trouble began explains nothing of it; what hurt and was over does not hurt now."""
        if fact.until is None or fact.kind.endswith(OF_THE_PAST):
            return True
        if fact.role is FactRole.SYMPTOM and fact.until < self.case.incident.started_at - LINGERS:
            return False
        return fact.until >= self.onset - TOLERANCE

    @cached_property
    def by_kind(self) -> dict[FactKind, tuple[Fact, ...]]:
        """Facts in effect by kind."""
        found: dict[FactKind, list[Fact]] = {}
        for fact in self.facts:
            found.setdefault(fact.kind, []).append(fact)
        return {kind: tuple(facts) for kind, facts in found.items()}

    def of(self, kinds: Iterable[FactKind]) -> tuple[Fact, ...]:
        """Facts in effect of these kinds."""
        return tuple(fact for kind in kinds for fact in self.by_kind.get(kind, ()))

    @cached_property
    def by_id(self) -> dict[FactId, Fact]:
        """All facts by id."""
        return {fact.id: fact for fact in self.all_facts}

    @cached_property
    def touched(self) -> frozenset[EntityId]:
        """Entities about which, or about whose parts, some fact speaks: only these can be suspected."""
        found: set[EntityId] = set()
        for fact in self.facts:
            for entity in (fact.entity, *fact.related):
                homes = self.places.homes(entity)
                found |= {entity, *homes, *self.places.around(entity)}
                found.update(part for home in homes for part in self.topology.services_of(home))
                found.update(part for home in homes for part in self.topology.targets(home, Relation.USES))
        return frozenset(found | {peer for peer in self.places.peers.values() if peer})

    @cached_property
    def alarmed(self) -> frozenset[EntityId]:
        """Workloads (and other things) at which the alerts point."""
        return frozenset(home for entity in self.case.incident.entities for home in self.places.homes(entity))

    @cached_property
    def hurting(self) -> tuple[Fact, ...]:
        """Symptoms that telemetry shows."""
        return tuple(f for f in self.facts if f.role is FactRole.SYMPTOM and not f.kind.startswith(ALARMS))

    @cached_property
    def symptoms(self) -> tuple[Symptom, ...]:
        """All that wants to be explained: the places of the alerts, then symptom facts."""
        alarms = [
            Symptom(entity=entity, at=None, weight=ALERT_SYMPTOM, own_business=False)
            for entity in sorted(set(self.case.incident.entities))
        ]
        facts = [f for f in self.facts if f.role is FactRole.SYMPTOM]
        return (*alarms, *(self._symptom(fact) for fact in facts))

    def _symptom(self, fact: Fact) -> Symptom:
        near = bool(self.alarmed & set(self.places.homes(fact.entity)))
        return Symptom(
            entity=fact.entity,
            at=fact.at,
            weight=fact.strength * (1.0 if near else DISTANT_SYMPTOM),
            own_business=fact.kind.split(".", 1)[0] in OWN_BUSINESS_DOMAINS,
            fact=fact,
        )

    def looked_for(self, kinds: Iterable[FactKind], entity: EntityId) -> bool:
        """Whether each of these kinds was looked for at the entity or a part of it, and could have been seen."""
        return all(self._covered(kind, entity) for kind in kinds)

    def _covered(self, kind: FactKind, entity: EntityId) -> bool:
        covered = self.case.covered
        if kind in covered or f"{kind}@{entity}" in covered:
            return True
        return any(part in self.places.own(entity) for part in self._covered_at.get(kind, ()))

    @cached_property
    def _covered_at(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for text in self.case.covered:
            kind, at, entity = text.partition("@")
            if at:
                found.setdefault(kind, []).append(entity)
        return {kind: tuple(entities) for kind, entities in found.items()}

    @cached_property
    def resolvers(self) -> frozenset[EntityId]:
        """What answers for names in the cluster, where it is short of pods: trouble there is trouble everywhere."""
        told = (fact for fact in self.of([NO_PODS]) if kind_of(fact.entity) == EntityKind.CLUSTER)
        return frozenset(entity for fact in told for entity in fact.related)

    def onset_at(self, entity: EntityId) -> datetime:
        """When it began at this entity: its first symptom, else its first mechanism, else the incident's onset."""
        if entity not in self._onsets:
            own = self.places.own(entity)
            mine = telling([f for f in self.facts if f.at and f.entity in own])
            times = {
                role: min((f.at for f in mine if f.role is role and f.at), default=None)
                for role in (FactRole.SYMPTOM, FactRole.MECHANISM)
            }
            self._onsets[entity] = times[FactRole.SYMPTOM] or times[FactRole.MECHANISM] or self.onset
        return self._onsets[entity]


NO_NAMES = frozenset({FactKind("dns.failing"), FactKind("dns.failing_everywhere")})
"""Kinds that say that names do not resolve, whoever's fault that is."""
NO_PODS = FactKind("dns.failing")
"""Said of a cluster, it tells which workload resolves names there."""
REPEATED = frozenset({"readonly", "deadlock", "disk_full"})
"""Classes of log errors in which the writer, when it names somebody, repeats what that one answered about itself."""

NO_ANSWER = frozenset({"connection_refused", "timeout", "reset"})
"""Classes of log errors that speak of whoever was called, more than of the caller that wrote them."""


REFUSED_CERTIFICATE = FactKind("certificate.rejected")
TLS = "tls"


USED_BEFORE = FactKind("address.used_before")
"""A name has long been asked for by the same setting: that it is not found any more is its owner's matter."""
DNS = "dns"


def complains(fact: Fact, *, refusing: bool = False, found: bool = False) -> bool:
    """Whether the fact is what one's log says of another who does not answer, or shows a certificate that has ended.

    `refusing`: its writer refuses such a certificate, so that failing TLS is the other's matter.
    `found`: its writer found the name until now, so that the name's end is its owner's matter.
    """
    said = fact.attributes.get("class")
    theirs = said in NO_ANSWER | REPEATED or (refusing and said == TLS) or fact.kind == REFUSED_CERTIFICATE
    theirs = theirs or (found and said == DNS)
    return bool(fact.attributes.get("peer")) and theirs


def _peer_of(fact: Fact, *, case: CaseFile) -> EntityId | None:
    """Whom a log complains about: `payments:8080` and `payments.shop.svc` are the workload payments. None: unknown.

    A name that nobody in the estate has is what the writer calls its one dependency outside, when it has just one.
    """
    host = str(fact.attributes.get("peer")).partition(":")[0].lower()
    outside = {entity for entity in case.inventory if kind_of(entity) == EntityKind.EXTERNAL}
    callees = set(case.topology.callees(fact.entity))
    inside = host.count(".") <= IN_CLUSTER_DOTS or host.endswith(".local")
    names = {host, host.partition(".")[0]} if inside else {host}
    found = next((entity for entity in sorted(callees | outside) if name_of(entity) in names), None)
    if found is not None or "." in host or any(name_of(entity) == host for entity in case.inventory):
        return found
    own = callees & outside
    return min(own) if len(own) == 1 else None


IN_CLUSTER_DOTS = 2
"""`service.namespace.svc`: a host name with more parts, that does not end in the cluster's domain, is outside."""


def onset_of(case: CaseFile) -> datetime:
    """When the trouble that the alerts are about began.

    The earliest lasting symptom where the alerts point, else anywhere, within hours of the first alert: one that has
    stood for days is not this incident's. Without one, the case's own estimate.
    """
    started = case.incident.started_at
    alarmed = {home for entity in case.incident.entities for home in (entity, *case.topology.behind(entity))}
    lasting = [
        fact
        for fact in case.facts
        if fact.role is FactRole.SYMPTOM
        and fact.at
        and started - ONSET_WINDOW <= fact.at <= started + ONSET_WINDOW
        and (fact.until is None or fact.until >= started - TOLERANCE)
    ]
    near = telling([fact for fact in lasting if fact.entity in alarmed])
    return min((fact.at for fact in near or telling(lasting) if fact.at), default=case.onset or started)


def telling(facts: Sequence[Fact]) -> Sequence[Fact]:
    """These without facts that only say that some figure moved, when others say that something hurts."""
    harm = [fact for fact in facts if fact.role is FactRole.SYMPTOM and not fact.kind.startswith(FIGURES)]
    return [fact for fact in facts if not fact.kind.startswith(FIGURES)] if harm else facts


def _measured_calls(case: CaseFile) -> Iterable[Edge]:
    """A fact measured between a caller and a callee proves that the one calls the other, whatever topology knows."""
    for fact in case.facts:
        if "caller" not in fact.attributes:
            continue
        for caller in fact.related:
            if {kind_of(caller), kind_of(fact.entity)} <= PEERS and caller != fact.entity:
                yield Edge(source=caller, relation=Relation.CALLS, target=fact.entity)


MEANS = {
    FactKind("service.selector_mismatch"): Relation.SELECTS,
    FactKind("ingress.leads_elsewhere"): Relation.ROUTES,
}
"""Kinds that say what something means and misses, and the relation that it would have to it."""


def _meant(case: CaseFile) -> Iterable[Edge]:
    """A service or an ingress that misses what it means still stands for it: whoever asks for that finds nobody."""
    for fact in case.facts:
        if fact.kind in MEANS:
            for missed in fact.related:
                yield Edge(source=fact.entity, relation=MEANS[fact.kind], target=missed)


def _order(fact: Fact) -> tuple[str, str, str, str]:
    return (fact.at.isoformat() if fact.at else "", fact.kind, fact.entity, fact.id)
