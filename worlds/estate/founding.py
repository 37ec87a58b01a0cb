"""Build a healthy estate as it came to be: nodes, namespaces, repositories, releases over the last days, secrets."""

import base64
from dataclasses import dataclass
from functools import partial

from worlds.cluster.core import Cluster
from worlds.cluster.nodes import LEASES, NODE, NODE_LEASES, node_object
from worlds.estate.manifests import claim_spec
from worlds.objects.kinds import kind_named
from worlds.repository.delivery import Delivery, Managed
from worlds.repository.gitops import GitOps
from worlds.scenario.change import Change
from worlds.scenario.estate import Estate, NodePool
from worlds.scenario.workload import Workload, WorkloadKind

_NAMESPACE, _QUOTA, _CLAIM = kind_named("Namespace"), kind_named("ResourceQuota"), kind_named("PersistentVolumeClaim")
_CLASS, _SECRET, _ACCOUNT = kind_named("StorageClass"), kind_named("Secret"), kind_named("ServiceAccount")
_DEPLOYMENT = kind_named("Deployment")
DAY = 86400.0

# A workload without a history was last deployed some weeks ago.
_OLDEST_RELEASE = 41 * DAY
_SYSTEM_NAMESPACES = ("kube-system", "kube-node-lease", "monitoring", "default")


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One past release; `at` is unix seconds."""

    at: float
    tag: str
    message: str
    author: str
    number: int
    last: bool


class Founding:
    """Puts the estate's past on the agenda."""

    def __init__(self, estate: Estate, *, cluster: Cluster, delivery: Delivery, gitops: GitOps, now: float) -> None:
        self._estate = estate
        self._cluster = cluster
        self._delivery = delivery
        self._gitops = gitops
        self._now = now

    def found(self) -> None:
        """Create what is there before anything runs, and plan the releases."""
        self._infrastructure()
        for workload in self._estate.workloads:
            if workload.kind is not WorkloadKind.EXTERNAL:
                self._plan_releases(workload)

    def _infrastructure(self) -> None:
        store, estate = self._cluster.store, self._estate
        for pool in estate.nodes:
            for number in range(pool.count):
                self._node(pool, number)
        known = {namespace.name: namespace for namespace in estate.namespaces}
        names = {
            *known,
            *_SYSTEM_NAMESPACES,
            *(w.namespace for w in estate.workloads if w.kind is not WorkloadKind.EXTERNAL),
        }
        for name in sorted(names):
            labels = {"kubernetes.io/metadata.name": name, **(known[name].labels if name in known else {})}
            store.create(
                _NAMESPACE,
                {"metadata": {"name": name, "labels": labels}, "status": {"phase": "Active"}},
                manager="kubectl-create",
            )
            store.create(
                _ACCOUNT, {"metadata": {"name": "default", "namespace": name}}, manager="kube-controller-manager"
            )
        for leader in ("kube-scheduler", "kube-controller-manager"):
            self._lease(leader, namespace="kube-system", seconds=15, manager=leader)
        for namespace in estate.namespaces:
            if namespace.quota:
                meta = {"name": f"{namespace.name}-quota", "namespace": namespace.name}
                body = {"metadata": meta, "spec": {"hard": dict(namespace.quota)}, "status": {}}
                store.create(_QUOTA, body, manager="kubectl-create")
        for name in ("standard", "premium-rwo"):
            body = {
                "metadata": {"name": name},
                "provisioner": "pd.csi.storage.gke.io",
                "volumeBindingMode": "Immediate",
            }
            store.create(_CLASS, {**body, "reclaimPolicy": "Delete"}, manager="kubectl-create")

    def _node(self, pool: NodePool, number: int) -> None:
        estate, cluster = self._estate, self._cluster
        name = f"{estate.cluster}-{pool.name}-{cluster.chance.letters(5, 'node', pool.name, number)}"
        labels = {"node-pool": pool.name, **pool.labels}
        node = node_object(
            name,
            zone=pool.zones[number % len(pool.zones)],
            region=pool.region or estate.region,
            cpu=pool.cpu,
            memory=pool.memory,
            pods=pool.pods,
            instance=pool.instance_type,
            version=estate.version,
            labels=labels,
            taints=[dict(taint) for taint in pool.taints],
            now=cluster.timestamp(),
            address=f"10.132.0.{len(list(cluster.store.every(NODE))) + 11}",
        )
        cluster.store.create(NODE, node, manager="kubelet")
        self._lease(name, namespace=NODE_LEASES, seconds=40, manager="kubelet")

    def _lease(self, name: str, *, namespace: str, seconds: int, manager: str) -> None:
        """Create a lease without a time of renewal: it is renewed all the time, until somebody stops."""
        spec = {"holderIdentity": name, "leaseDurationSeconds": seconds}
        body = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
        self._cluster.store.create(LEASES, body, manager=manager)

    def _plan_releases(self, workload: Workload) -> None:
        managed = self._delivery.adopt(workload)
        releases = sorted(workload.history, key=lambda release: release.at)
        first = min([self._now + r.at for r in releases], default=self._now) - self._age_of(workload)
        earliest = _before(releases[0].tag) if releases else workload.tag
        steps = [(first, earliest, "", ""), *((self._now + r.at, r.tag, r.message, r.author) for r in releases)]
        steps[-1] = (steps[-1][0], workload.tag, *steps[-1][2:])
        for number, (at, tag, message, author) in enumerate(steps):
            step = _Step(at=at, tag=tag, message=message, author=author, number=number, last=number == len(steps) - 1)
            self._cluster.agenda.put(at, partial(self._release, managed, step))

    def _age_of(self, workload: Workload) -> float:
        return self._cluster.chance.between(0.4, 1.0, "age", workload.key) * _OLDEST_RELEASE

    def _release(self, managed: Managed, step: _Step) -> None:
        """Commit and record one past release.

        Until the last one a Deployment stays at zero replicas: no pods are simulated for days gone by, but its
        ReplicaSets and revisions are those of a real rollout history.
        """
        delivery, workload = self._delivery, managed.workload
        who = delivery.person(step.author, for_what=f"{workload.key}/{step.number}")
        commit = delivery.commit_now(managed, Change(tag=step.tag), who=who, message=step.message, at=step.at)
        if step.number == 0:
            self._secrets(workload)
        if step.last or workload.kind is WorkloadKind.DEPLOYMENT:
            delivery.roll_out(managed, commit)
        elif managed.application is not None:
            self._gitops.remember(managed.application, commit)
        if workload.kind is WorkloadKind.DEPLOYMENT:
            self._set_replicas(workload, workload.replicas if step.last else 0)

    def _set_replicas(self, workload: Workload, replicas: int) -> None:
        live = self._cluster.store.get(_DEPLOYMENT, namespace=workload.namespace, name=workload.name)
        new = {**live, "metadata": dict(live["metadata"]), "spec": {**live["spec"], "replicas": replicas}}
        self._cluster.store.replace(_DEPLOYMENT, new, manager="argocd-controller")

    def _secrets(self, workload: Workload) -> None:
        store = self._cluster.store
        if workload.secrets:
            data = {
                key: base64.b64encode(self._cluster.chance.letters(12, workload.key, key).encode()).decode()
                for key in workload.secrets
            }
            meta = {"name": f"{workload.name}-secrets", "namespace": workload.namespace}
            store.create(_SECRET, {"metadata": meta, "type": "Opaque", "data": data}, manager="external-secrets")
        if (
            workload.pull_secret
            and store.find(_SECRET, namespace=workload.namespace, name=workload.pull_secret) is None
        ):
            meta = {"name": workload.pull_secret, "namespace": workload.namespace}
            body = {"metadata": meta, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}}
            store.create(_SECRET, body, manager="kubectl-create")
        if workload.volume and workload.kind is not WorkloadKind.STATEFULSET:
            meta = {"name": f"{workload.volume.name}-{workload.name}", "namespace": workload.namespace}
            store.create(
                _CLAIM,
                {"metadata": meta, "spec": claim_spec(workload), "status": {"phase": "Pending"}},
                manager="kubectl-create",
            )


def _before(tag: str) -> str:
    """Return the version before a tag: the last number minus one."""
    head, dot, last = tag.rpartition(".")
    return f"{head}{dot}{int(last) - 1}" if last.isdigit() and int(last) > 0 else f"{tag}-rc1"
