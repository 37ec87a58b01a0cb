"""The StatefulSet, DaemonSet and Job controllers. Simplified: what incidents show of them is here."""

import math

from worlds.cluster.conditions import set_condition
from worlds.cluster.core import Cluster, changed_owner, key_of
from worlds.cluster.deployment import template_hash
from worlds.cluster.events import Recorder
from worlds.cluster.fitting import tolerates
from worlds.cluster.podmaking import POD, PodMaker, is_finished, is_leaving, is_ready
from worlds.cluster.revisions import record_revision
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.selectors import selects
from worlds.objects.store import Change

STATEFULSET = kind_named("StatefulSet")
DAEMONSET = kind_named("DaemonSet")
JOB = kind_named("Job")
NODE = kind_named("Node")
CLAIM = kind_named("PersistentVolumeClaim")
_MANAGER = "kube-controller-manager"
_HASH = "controller-revision-hash"


class StatefulSetController:
    """Pods with ordinals, one after the other, each with its own claims."""

    watches = (STATEFULSET, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._maker = PodMaker(cluster, component="statefulset-controller")

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A StatefulSet, or one of its pods."""
        return (
            [key_of(change.object)] if change.kind is STATEFULSET else changed_owner(change, of=POD, kind="StatefulSet")
        )

    def reconcile(self, namespace: str, name: str) -> None:
        """Create the next missing pod, replace the next outdated one, or remove the last superfluous one."""
        store = self._cluster.store
        owner = store.find(STATEFULSET, namespace=namespace, name=name)
        if owner is None:
            return
        pods = {pod["metadata"]["name"]: pod for pod in self._maker.owned(owner)}
        digest = template_hash(owner["spec"]["template"])
        record_revision(self._cluster, owner, digest=digest)
        revision = f"{name}-{digest}"
        names = [f"{name}-{i}" for i in range(owner["spec"]["replicas"])]
        self._step(owner, pods, names, revision=revision)
        self._write_status(owner, revision=revision)

    def _step(self, owner: JsonObject, pods: dict[str, JsonObject], names: list[str], *, revision: str) -> None:
        for pod_name in names:
            pod = pods.get(pod_name)
            if pod is None:
                self._create(owner, pod_name, revision=revision)
                return
            if is_leaving(pod):
                return
            if is_finished(pod):
                self._maker.remove(owner, pod)
                return
            if not is_ready(pod) and pod["metadata"]["labels"].get(_HASH) == revision:
                return
        for pod_name in sorted(set(pods) - set(names), reverse=True)[:1]:
            self._maker.remove(owner, pods[pod_name])
        outdated = [n for n in reversed(names) if pods[n]["metadata"]["labels"].get(_HASH) != revision]
        if outdated and not any(is_leaving(pod) for pod in pods.values()):
            self._maker.remove(owner, pods[outdated[0]])

    def _create(self, owner: JsonObject, pod_name: str, *, revision: str) -> None:
        template = copied(owner["spec"]["template"])
        labels = {_HASH: revision, "statefulset.kubernetes.io/pod-name": pod_name}
        template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), **labels}
        for claim in owner["spec"].get("volumeClaimTemplates", []):
            claim_name = f"{claim['metadata']['name']}-{pod_name}"
            volume = {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim_name}}
            template["spec"].setdefault("volumes", []).append(volume)
            namespace = owner["metadata"]["namespace"]
            if self._cluster.store.find(CLAIM, namespace=namespace, name=claim_name) is None:
                meta = {**claim["metadata"], "name": claim_name, "namespace": namespace}
                body = {"metadata": meta, "spec": copied(claim["spec"]), "status": {"phase": "Pending"}}
                self._cluster.store.create(CLAIM, body, manager=_MANAGER)
        if not self._maker.is_waiting(owner) and self._maker.create(owner, template, name=pod_name) is None:
            self._cluster.look_again(self, *key_of(owner), after=self._maker.retry_after(owner))

    def _write_status(self, owner: JsonObject, *, revision: str) -> None:
        pods = [pod for pod in self._maker.owned(owner) if not is_leaving(pod)]
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(_HASH) == revision]
        ready = sum(is_ready(pod) for pod in pods)
        before = owner.get("status", {}).get("currentRevision", revision)
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": len(pods) - len(updated) if before != revision else len(updated),
            "updatedReplicas": len(updated),
            "currentRevision": revision if len(updated) == owner["spec"]["replicas"] == ready else before,
            "updateRevision": revision,
        }
        new = {**owner, "metadata": dict(owner["metadata"]), "status": status}
        self._cluster.store.replace(STATEFULSET, new, manager=_MANAGER, subresource="status")


class DaemonSetController:
    """One pod on every node that the template tolerates."""

    watches = (DAEMONSET, NODE, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._maker = PodMaker(cluster, component="daemonset-controller")

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A DaemonSet, one of its pods, or a new node."""
        if change.kind is NODE and change.type == "ADDED":
            return [key_of(ds) for ds in self._cluster.store.every(DAEMONSET)]
        return [key_of(change.object)] if change.kind is DAEMONSET else changed_owner(change, of=POD, kind="DaemonSet")

    def reconcile(self, namespace: str, name: str) -> None:
        """Create the missing pods and replace one outdated pod at a time."""
        owner = self._cluster.store.find(DAEMONSET, namespace=namespace, name=name)
        if owner is None:
            return
        digest = template_hash(owner["spec"]["template"])
        record_revision(self._cluster, owner, digest=digest)
        wanted = [node["metadata"]["name"] for node in self._cluster.store.every(NODE) if self._fits(owner, node)]
        pods = {pod["spec"].get("nodeName"): pod for pod in self._maker.owned(owner)}
        for node in wanted:
            if node not in pods:
                template = copied(owner["spec"]["template"])
                template["metadata"].setdefault("labels", {})[_HASH] = digest
                self._maker.create(owner, template, node=node)
        outdated = [p for p in pods.values() if p["metadata"]["labels"].get(_HASH) != digest]
        everyone_up = all(is_ready(p) for p in pods.values() if p not in outdated)
        if outdated and everyone_up and not any(is_leaving(p) for p in pods.values()):
            self._maker.remove(owner, outdated[0])
        self._write_status(owner, digest=digest, wanted=len(wanted))

    def _fits(self, owner: JsonObject, node: JsonObject) -> bool:
        spec = owner["spec"]["template"]["spec"]
        labels = node["metadata"].get("labels", {})
        tolerations = [*spec.get("tolerations", []), {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
        tolerations += [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]
        tolerations += [{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]
        tolerations += [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]
        hard = [t for t in node["spec"].get("taints", []) if t["effect"] != "PreferNoSchedule"]
        selector = spec.get("nodeSelector")
        fitting = not selector or selects({"matchLabels": selector}, labels)
        return fitting and all(tolerates(tolerations, taint) for taint in hard)

    def _write_status(self, owner: JsonObject, *, digest: str, wanted: int) -> None:
        pods = [pod for pod in self._maker.owned(owner) if not is_leaving(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready,
            "numberUnavailable": max(wanted - ready, 0),
            "updatedNumberScheduled": sum(p["metadata"]["labels"].get(_HASH) == digest for p in pods),
        }
        new = {**owner, "metadata": dict(owner["metadata"]), "status": status}
        self._cluster.store.replace(DAEMONSET, new, manager=_MANAGER, subresource="status")


class JobController:
    """Pods until one succeeds or the backoff limit is reached."""

    watches = (JOB, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._maker = PodMaker(cluster, component="job-controller")
        self._events = Recorder(cluster, component="job-controller")
        self._waiting: set[tuple[str, str]] = set()

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A Job, or one of its pods."""
        return [key_of(change.object)] if change.kind is JOB else changed_owner(change, of=POD, kind="Job")

    def reconcile(self, namespace: str, name: str) -> None:
        """Count the pods' results and start the next attempt after a growing delay."""
        job = self._cluster.store.find(JOB, namespace=namespace, name=name)
        if job is None or job.get("status", {}).get("conditions"):
            return
        pods = self._maker.owned(job)
        phases = [pod.get("status", {}).get("phase") for pod in pods]
        failed, succeeded = phases.count("Failed"), phases.count("Succeeded")
        limit = job["spec"].get("backoffLimit", 6)
        status: JsonObject = {"failed": failed, "succeeded": succeeded, "active": len(pods) - failed - succeeded}
        status["startTime"] = job["metadata"]["creationTimestamp"]
        now = self._cluster.timestamp()
        if succeeded:
            status["completionTime"] = now
            status["conditions"] = []
            set_condition(status["conditions"], "Complete", value=True, now=now)
            self._events.note(job, "Completed", "Job completed")
        elif failed > limit:
            status["conditions"] = []
            text = "Job has reached the specified backoff limit"
            set_condition(
                status["conditions"], "Failed", value=True, reason="BackoffLimitExceeded", message=text, now=now
            )
            self._events.warn(job, "BackoffLimitExceeded", text)
        elif not status["active"]:
            self._plan_attempt(job, failed)
        new = {**job, "metadata": dict(job["metadata"]), "status": status}
        self._cluster.store.replace(JOB, new, manager=_MANAGER, subresource="status")

    def _plan_attempt(self, job: JsonObject, failed: int) -> None:
        key = key_of(job)
        if key in self._waiting:
            return
        self._waiting.add(key)
        delay = min(10.0 * math.pow(2, failed - 1), 360.0) if failed else 0.0
        self._cluster.after(delay, lambda: self._attempt(*key))

    def _attempt(self, namespace: str, name: str) -> None:
        self._waiting.discard((namespace, name))
        job = self._cluster.store.find(JOB, namespace=namespace, name=name)
        if job is not None and self._maker.create(job, job["spec"]["template"]) is None:
            self._cluster.look_again(self, namespace, name, after=self._maker.retry_after(job))
