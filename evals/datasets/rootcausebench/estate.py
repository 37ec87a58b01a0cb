"""The Kubernetes objects of a case: a Deployment per service, and a ReplicaSet per deploy that names its commit.

The set knows services, deploys and, in metrics, ready replicas and restarts. Nothing else of a cluster was recorded, so
nothing else is there: one pod per service, on no node.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from evals.datasets.rootcausebench.files import DeployRecord, Files, recorded_times, seconds

NAMESPACE = "production"
SYSTEM = "kube-system"
_CLUSTER_OWN = frozenset({"coredns", "kube-dns", "kube-proxy", "metrics-server"})
"""Components of every cluster, which live in its own namespace."""
BEFORE = timedelta(days=7)
"""How long before its first deploy a service is said to exist."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
REPOSITORY = "recorded/platform"
"""The set has one repository for all services and does not name it."""


def namespace_of(service: str) -> str:
    """Where a service lives."""
    return SYSTEM if service in _CLUSTER_OWN else NAMESPACE


def pod_of(service: str, number: int) -> str:
    """The name of its pod in a revision: as Kubernetes makes names."""
    return f"{replicaset_of(service, number)}-{_letters(f'{service}/{number}/pod', 5)}"


def replicaset_of(service: str, number: int) -> str:
    """The name of its ReplicaSet."""
    return f"{service}-{_letters(f'{service}/{number}', 9)}"


def _letters(seed: str, length: int) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])


class Estate:
    """The objects of one case at one moment."""

    def __init__(self, files: Files, *, now: datetime) -> None:
        """`now`: what was deployed later is not there yet."""
        self.files, self.now = files, now
        times = (*recorded_times(files), *(one.timestamp for one in files.deploys), files.alert.fired_at)
        self.started = min(times) - BEFORE

    def deploys(self, service: str) -> Sequence[DeployRecord]:
        """Deploys of a service until now, oldest first; of those at the same moment the newest commit is last."""
        written = {one.sha: one.timestamp for one in self.files.commits}
        own = [one for one in self.files.deploys if one.service == service and one.timestamp <= self.now]
        return sorted(own, key=lambda one: (one.timestamp, written.get(one.commit_sha, one.timestamp)))

    def current(self, service: str) -> int:
        """Number of the revision that runs."""
        return len(self.deploys(service)) + 1

    def objects(self) -> Iterator[Mapping[str, Any]]:
        """Everything that is in the cluster."""
        for name in sorted({namespace_of(service) for service in self.files.services}):
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": self._meta(name, name="", at=self.started)}
            # Kubernetes itself makes this one in every namespace.
            account = self._meta("default", name=name, at=self.started, uid=f"{name}-default")
            yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
        for service in self.files.services:
            yield from self._service(service)

    def _service(self, service: str) -> Iterator[Mapping[str, Any]]:
        labels, number = {"app": service}, self.current(service)
        ready = self._last(service, "ready_replicas")
        wanted = max(1, int(self._most(service, "ready_replicas") or 1))
        available = wanted if ready is None else int(ready)
        revisions = list(self._revisions(service))
        template = revisions[-1][2]
        own = f"{service}-deployment"
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                **self._meta(service, name=namespace_of(service), at=self.started, uid=own),
                "labels": labels,
                "generation": number,
                "annotations": {"deployment.kubernetes.io/revision": str(number)},
            },
            "spec": {"replicas": wanted, "selector": {"matchLabels": labels}, "template": template},
            "status": {
                "observedGeneration": number,
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": available,
                "availableReplicas": available,
                "unavailableReplicas": wanted - available,
            },
        }
        for place, at, made in revisions:
            yield self._replicaset(service, place, at, made, replicas=wanted if place == number else 0, owner=own)
        yield self._pod(service, number, revisions[-1][1], template, ready=available > 0)
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": self._meta(service, name=namespace_of(service), at=self.started),
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]},
        }
        yield self._endpoints(service, number, ready=available > 0)

    def _endpoints(self, service: str, number: int, *, ready: bool) -> Mapping[str, Any]:
        pod = {"kind": "Pod", "name": pod_of(service, number), "namespace": namespace_of(service)}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                **self._meta(f"{service}-endpoints", name=namespace_of(service), at=self.started),
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": pod}],
        }

    def _revisions(self, service: str) -> Iterator[tuple[int, datetime, dict[str, Any]]]:
        yield 1, self.started, _template(service, version="before", commit="")
        for number, one in enumerate(self.deploys(service), start=2):
            # Two deploys of the same second are two rollouts, one after the other.
            at = one.timestamp + timedelta(milliseconds=number)
            yield number, at, _template(service, version=one.version or one.commit_sha[:12], commit=one.commit_sha)

    def _replicaset(
        self, service: str, number: int, at: datetime, template: dict[str, Any], *, replicas: int, owner: str
    ) -> Mapping[str, Any]:
        name = replicaset_of(service, number)
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                **self._meta(name, name=namespace_of(service), at=at),
                "labels": {"app": service},
                "annotations": {"deployment.kubernetes.io/revision": str(number)},
                "ownerReferences": [_owner("apps/v1", "Deployment", service, owner)],
            },
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": service}}, "template": template},
            "status": {"replicas": replicas},
        }

    def _pod(
        self, service: str, number: int, at: datetime, template: dict[str, Any], *, ready: bool
    ) -> Mapping[str, Any]:
        name, restarts = pod_of(service, number), int(self._last(service, "restart") or 0)
        crashing = not ready and restarts > 0
        running = {"running": {"startedAt": _stamp(at)}}
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
        owner = replicaset_of(service, number)
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **self._meta(name, name=namespace_of(service), at=at),
                "labels": {"app": service},
                "ownerReferences": [_owner("apps/v1", "ReplicaSet", owner, owner)],
            },
            "spec": template["spec"],
            "status": {
                "phase": "Running",
                "startTime": _stamp(at),
                "conditions": [
                    {"type": kind, "status": str(ready), "lastTransitionTime": _stamp(at)}
                    for kind in ("Ready", "ContainersReady")
                ],
                "containerStatuses": [
                    {
                        "name": service,
                        "image": template["spec"]["containers"][0]["image"],
                        "ready": ready,
                        "started": ready,
                        "restartCount": restarts,
                        "state": waiting if crashing else running,
                    }
                ],
            },
        }

    def _last(self, service: str, metric: str) -> float | None:
        """The last value before now of a pod's metric, by what its name holds."""
        own = [s for s in self._pods(service, metric) if s.timestamp <= self.now]
        return max(own, key=lambda s: s.timestamp).value if own else None

    def _most(self, service: str, metric: str) -> float | None:
        return max((s.value for s in self._pods(service, metric)), default=None)

    def _pods(self, service: str, metric: str) -> list[Any]:
        return [s for s in self.files.metrics if s.service == service and "pod" in s.metric and metric in s.metric]

    def _meta(self, own: str, *, name: str, at: datetime, uid: str = "") -> dict[str, Any]:
        meta = {"name": own, "uid": _letters(uid or own, 12), "resourceVersion": "1", "creationTimestamp": _stamp(at)}
        return {**meta, "namespace": name} if name else meta


def _template(service: str, *, version: str, commit: str) -> dict[str, Any]:
    marks = {"org.opencontainers.image.source": f"https://github.com/{REPOSITORY}"}
    if commit:
        marks["org.opencontainers.image.revision"] = commit
    container = {"name": service, "image": f"registry.recorded/{service}:{version}", "ports": [{"containerPort": 8080}]}
    return {"metadata": {"labels": {"app": service}, "annotations": marks}, "spec": {"containers": [container]}}


def _owner(version: str, kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": name, "uid": _letters(uid, 12), "controller": True}


def _stamp(at: datetime) -> str:
    return datetime.fromtimestamp(seconds(at), tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
