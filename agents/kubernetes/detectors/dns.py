"""Names that cannot be resolved: what logs say, and how the cluster's own DNS does."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenWorkload, earliest, name, workloads_of
from agents.reporting import state
from agents.wording import count, since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.log import LogLine, Logs
from tools.kubernetes.workload import Workloads
from tools.probe import Observation

ENOUGH = 2
"""Lines from which it is no single slip."""
_DNS_LABEL = "k8s-app"
_DNS_NAMES = {"coredns", "kube-dns", "rke2-coredns-rke2-coredns"}

FAILING = FactSpec(
    kind=FactKind("dns.failing"),
    role=FactRole.MECHANISM,
    meaning="Names cannot be resolved, by a workload or because the cluster's DNS is down.",
    attributes={
        "name": "the name that fails most often",
        "coredns": "ready of wanted pods of the cluster's DNS, for example 0/2",
        "lines": "log lines that complain",
        "reason": "not_found, timeout, refused or other",
    },
)
_COMPLAINT = re.compile(
    r"no such host|server misbehaving|name resolution|getaddrinfo|EAI_AGAIN|ENOTFOUND|NXDOMAIN|SERVFAIL"
    r"|could not resolve host|UnknownHostException|name or service not known|nodename nor servname"
    r"|lookup \S+ on \S+:53",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"lookup (?P<go>[\w.-]+)|(?:ENOTFOUND|EAI_AGAIN) (?P<node>[\w.-]+)|resolve host:? ['\"]?(?P<curl>[\w.-]+)"
    r"|UnknownHostException: (?P<java>[\w.-]+)|host name ['\"](?P<pg>[\w.-]+)['\"]",
    re.IGNORECASE,
)
_REASONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("timeout", re.compile(r"timeout|timed out|EAI_AGAIN|temporary failure", re.IGNORECASE)),
    ("refused", re.compile(r"connection refused|SERVFAIL|server misbehaving", re.IGNORECASE)),
    (
        "not_found",
        re.compile(r"no such host|NXDOMAIN|ENOTFOUND|not known|UnknownHost|could not resolve", re.IGNORECASE),
    ),
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per complaining workload, and one about the cluster when its DNS has no ready pod."""
    for logs in sightings.of(Logs):
        found: dict[EntityId, list[LogLine]] = {}
        for log in logs.view.logs:
            found.setdefault(log.workload, []).extend(line for line in log.lines if _COMPLAINT.search(line.text))
        for workload, lines in found.items():
            if len(lines) >= ENOUGH:
                yield _complaint(workload, lines, logs, scene)
    for one in workloads_of(sightings).values():
        replicas = one.workload.replicas
        short = replicas.available < replicas.desired or not replicas.desired
        if short and _resolves(one):
            yield _cluster(one)


def _resolves(one: SeenWorkload) -> bool:
    """Whether a workload is the cluster's DNS: by the label that kubeadm and its like give it, or by its name."""
    meta, labels = one.workload.meta, {**one.workload.template.labels, **one.workload.meta.labels}
    named = meta.namespace == "kube-system" and meta.name in _DNS_NAMES
    return named or labels.get(_DNS_LABEL) in _DNS_NAMES


def _complaint(workload: EntityId, lines: Sequence[LogLine], seen: Observation[Any], scene: Scene) -> Fact:
    names = [part for line in lines if (match := _NAME.search(line.text)) for part in match.groups() if part]
    host = Counter(names).most_common(1)[0][0] if names else None
    at = earliest(line.at for line in lines)
    reason = next((kind for kind, pattern in _REASONS if any(pattern.search(line.text) for line in lines)), "other")
    what = f"cannot resolve {host}" if host else "cannot resolve names"
    return state(
        FAILING,
        entity=workload,
        text=f"{name(workload)} {what} ({count(len(lines), 'log line')}){since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        strength=0.9,
        detector=DETECTOR.name,
        name=host,
        lines=len(lines),
        reason=reason,
    )


def _cluster(one: SeenWorkload) -> Fact:
    meta, replicas = one.workload.meta, one.workload.replicas
    cluster = Entity.parse(meta.entity).cluster
    ready = f"{replicas.available}/{replicas.desired}"
    return state(
        FAILING,
        entity=Entity(cluster=cluster, kind=EntityKind.CLUSTER, name=cluster).id,
        text=f"cluster DNS: {ready} pods of {meta.name} available",
        seen=[one.seen],
        at=None,
        related=[meta.entity],
        strength=1.0 if replicas.available == 0 else 0.5,
        detector=DETECTOR.name,
        coredns=ready,
    )


DETECTOR = Detector(name="kubernetes.dns", emits=(FAILING,), needs=(Logs, Workloads), detect=detect)
