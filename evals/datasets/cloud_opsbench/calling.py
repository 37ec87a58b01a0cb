"""How the case reaches Midwatch: alerts as the usual rules would have fired over the recorded objects and findings.

Rules of kube-prometheus and of a blackbox exporter, by the state that was recorded; besides them the anomalies that the
set's own monitoring reported. When no rule fires, the complaint itself is the alert, about the namespace.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from evals.datasets.cloud_opsbench.amounts import amount_of
from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.checks import Check, Unit
from evals.datasets.cloud_opsbench.lines import read_patterns
from worlds.objects.kinds import JsonObject

_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})")
_TIME = "%Y-%m-%d %H:%M:%S"
_WRITTEN = re.compile(r"(?P<kind>[A-Z_]+)\s*(?:\[(?P<detail>[^\]]*)\])?\s*\|")
_SERVICE_ALERTS = {
    "LATENCY_DEGRADATION": "ServiceLatencyHigh",
    "ERROR_SPIKE": "ServiceErrorRateHigh",
    "THROUGHPUT_DROP": "ServiceTrafficDrop",
    "TRAFFIC_ANOMALY": "ServiceTrafficDrop",
    "RESOURCE_SATURATION": "CPUThrottlingHigh",
}
_NODE_ALERTS = {
    "NETWORK_QUALITY_DEGRADED": "NodeNetworkTcpRetransmits",
    "RESOURCE_SATURATION": "NodeCPUHighUsage",
}
_MANY_ERRORS = 8
"""Lines with errors in the minutes that a summary covers, from which somebody would be told."""
_LOG_WINDOW = timedelta(minutes=2)
_FULL = "KubeQuotaFullyUsed"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One alert that fires."""

    name: str
    labels: Mapping[str, str]
    since: datetime
    summary: str
    severity: str = "warning"
    extra: Mapping[str, str] = field(default_factory=dict)


def calls_of(
    cache: Cache,
    objects: Sequence[JsonObject],
    *,
    checks: Iterable[Check],
    units: Iterable[Unit],
    anomalies: Sequence[JsonObject],
    complaint: str,
    now: datetime,
) -> list[Call]:
    """The alerts of the case, those about most specific things first, each once."""
    rules = _Rules(objects, now=now)
    found = [
        *rules.workloads(),
        *rules.pods(),
        *rules.nodes(),
        *rules.claims(),
        *rules.services(checks),
        *rules.units(units),
        *rules.quotas(),
        *_reported(anomalies, rules, zone=cache.zone),
    ]
    if not found:
        found = list(_noisy(cache, rules, now=now))
    unique = {(call.name, tuple(sorted(call.labels.items()))): call for call in found}
    if unique:
        return list(unique.values())
    space = rules.main_namespace()
    labels = {"namespace": space} if space else {}
    return [Call(name="ServiceComplaint", labels=labels, since=now - timedelta(minutes=1), summary=complaint)]


def _noisy(cache: Cache, rules: "_Rules", *, now: datetime) -> Iterator[Call]:
    """Rules over logs, as Loki's ruler has them: services that write many errors, those that write most first."""
    counts: dict[tuple[str, str], int] = {}
    for pattern in read_patterns(cache):
        key = (pattern.namespace, pattern.service)
        counts[key] = counts.get(key, 0) + pattern.count
    for (space, name), count in sorted(counts.items(), key=lambda item: -item[1]):
        if count >= _MANY_ERRORS:
            labels = rules.labels_of(name) or {"namespace": space, "service": name}
            summary = f"{name} writes errors: {count} lines"
            yield Call(name="LogErrorsHigh", labels=labels, since=now - _LOG_WINDOW, summary=summary)


class _Rules:
    """Alert rules over the state of the objects."""

    def __init__(self, objects: Sequence[JsonObject], *, now: datetime) -> None:
        self._by_kind: dict[str, list[JsonObject]] = {}
        for one in objects:
            self._by_kind.setdefault(one["kind"], []).append(one)
        self._now = now

    def _of(self, kind: str) -> list[JsonObject]:
        return self._by_kind.get(kind, [])

    def main_namespace(self) -> str:
        """The namespace in which most workloads run."""
        spaces = [
            one["metadata"].get("namespace", "") for kind in ("Deployment", "StatefulSet") for one in self._of(kind)
        ]
        return max(set(spaces), key=lambda space: (spaces.count(space), space), default="")

    def workload_named(self, name: str) -> JsonObject | None:
        """The deployment, stateful set or daemon set of a name."""
        for kind in ("Deployment", "StatefulSet", "DaemonSet"):
            for one in self._of(kind):
                if one["metadata"]["name"] == name:
                    return one
        return None

    def labels_of(self, name: str) -> dict[str, str]:
        """Labels that name the workload; none when there is no such."""
        found = self.workload_named(name)
        return {"namespace": found["metadata"]["namespace"], found["kind"].lower(): name} if found else {}

    def workloads(self) -> Iterator[Call]:
        """KubeDeploymentReplicasMismatch and its siblings."""
        for kind in ("Deployment", "StatefulSet"):
            for one in self._of(kind):
                meta, wanted = one["metadata"], one["spec"].get("replicas", 1)
                ready = one["status"].get("availableReplicas", 0)
                if ready >= wanted:
                    continue
                labels = {"namespace": meta["namespace"], kind.lower(): meta["name"]}
                summary = f"{meta['name']} has {ready} of {wanted} replicas"
                yield Call(name=f"Kube{kind}ReplicasMismatch", labels=labels, since=self._born(one), summary=summary)

    def pods(self) -> Iterator[Call]:
        """KubePodCrashLooping for what restarts, KubePodNotReady for what runs and is not ready."""
        for one in self._of("Pod"):
            meta, status = one["metadata"], one["status"]
            labels = {"namespace": meta["namespace"], "pod": meta["name"]}
            for container in status.get("containerStatuses", ()):
                reason = container["state"].get("waiting", {}).get("reason", "")
                if container.get("restartCount") or reason == "CrashLoopBackOff":
                    named = {**labels, "container": container["name"]}
                    summary = f"{meta['name']}/{container['name']} restarted {container.get('restartCount', 0)} times"
                    yield Call(name="KubePodCrashLooping", labels=named, since=self._born(one), summary=summary)
            ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), None)
            if status["phase"] in {"Running", "Pending", "Unknown"} and (ready is None or ready["status"] != "True"):
                summary = f"{meta['name']} is not ready"
                yield Call(name="KubePodNotReady", labels=labels, since=self._born(one), summary=summary)

    def nodes(self) -> Iterator[Call]:
        """KubeNodeNotReady."""
        for one in self._of("Node"):
            for condition in one["status"].get("conditions", ()):
                if condition["type"] == "Ready" and condition["status"] != "True":
                    since = _moment(condition.get("lastTransitionTime")) or self._now
                    name = one["metadata"]["name"]
                    yield Call(
                        name="KubeNodeNotReady",
                        labels={"node": name},
                        since=since,
                        summary=f"{name} is not ready",
                        severity="critical",
                    )

    def claims(self) -> Iterator[Call]:
        """KubePersistentVolumeErrors, for claims that wait or lost their volume."""
        for one in self._of("PersistentVolumeClaim"):
            if one["status"].get("phase") != "Bound":
                meta = one["metadata"]
                labels = {"namespace": meta["namespace"], "persistentvolumeclaim": meta["name"]}
                summary = f"{meta['name']} is {one['status'].get('phase')}"
                yield Call(
                    name="KubePersistentVolumeClaimPending", labels=labels, since=self._born(one), summary=summary
                )

    def services(self, checks: Iterable[Check]) -> Iterator[Call]:
        """BlackboxProbeFailed for services that could not be connected to."""
        known = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in self._of("Service")}
        for check in checks:
            service = known.get((check.namespace, check.service))
            if check.worked or service is None:
                continue
            labels = {"namespace": check.namespace, "service": check.service}
            summary = f"{check.service}:{check.port} does not accept connections"
            yield Call(name="BlackboxProbeFailed", labels=labels, since=self._born(service), summary=summary)

    def units(self, units: Iterable[Unit]) -> Iterator[Call]:
        """NodeSystemdServiceFailed."""
        for unit in units:
            if unit.state not in {"active", "activating"}:
                labels = {"node": unit.node, "name": f"{unit.name}.service"}
                summary = f"{unit.name} on {unit.node} is {unit.state}"
                yield Call(name="NodeSystemdServiceFailed", labels=labels, since=unit.since, summary=summary)

    def quotas(self) -> Iterator[Call]:
        """KubeQuotaFullyUsed."""
        for one in self._of("ResourceQuota"):
            meta, status = one["metadata"], one["status"]
            for resource, hard in status["hard"].items():
                if amount_of(status["used"].get(resource, "0")) >= amount_of(hard) > 0:
                    labels = {"namespace": meta["namespace"], "resourcequota": meta["name"], "resource": resource}
                    summary = f"{meta['name']} has no {resource} left"
                    yield Call(name=_FULL, labels=labels, since=self._born(one), summary=summary, severity="info")

    def _born(self, one: JsonObject) -> datetime:
        """Rules fire some time after something was made; what is broken from the start is broken since then."""
        return _moment(one["metadata"].get("creationTimestamp")) or self._now


def read_anomalies(cache: Cache, raw: str) -> list[JsonObject]:
    """What the set's monitoring reported, from the recorded command or from the raw file."""
    for text in (*(answer.text for answer in cache.by("GetAlerts")), raw):
        for reader in (json.loads, ast.literal_eval):
            try:
                found = reader(text)
            except (ValueError, SyntaxError):
                continue
            if isinstance(found, dict) and found.get("alerts"):
                return [one for one in found["alerts"] if isinstance(one, dict)]
    return []


def _reported(anomalies: Sequence[JsonObject], rules: _Rules, *, zone: tzinfo) -> Iterator[Call]:
    for one in anomalies:
        since = _since(str(one.get("time_range", "")), zone=zone)
        is_node = str(one.get("type", "")).lower() == "node"
        names, target = (_NODE_ALERTS, _node(one)) if is_node else (_SERVICE_ALERTS, _service(one, rules))
        for text in one.get("evidence") or ():
            match = _WRITTEN.match(str(text))
            if match is None or since is None:
                continue
            name = names.get(match["kind"], match["kind"].title().replace("_", ""))
            yield Call(name=name, labels=target, since=since, summary=str(text))


def _node(one: JsonObject) -> dict[str, str]:
    return {"node": str(one.get("name", ""))}


def _service(one: JsonObject, rules: _Rules) -> dict[str, str]:
    name = str(one.get("name", ""))
    return rules.labels_of(name) or {"namespace": rules.main_namespace(), "service": name}


def _since(text: str, *, zone: tzinfo) -> datetime | None:
    match = _RANGE.search(text)
    return datetime.strptime(match[1], _TIME).replace(tzinfo=zone).astimezone(UTC) if match else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
