"""The small controllers: statuses of quotas and budgets, removing what lost its owner."""

from worlds.cluster.admission import quota_status
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.deployment import in_pods
from worlds.cluster.podmaking import POD, is_finished, is_ready, mark_deleted
from worlds.objects.kinds import JsonObject, Kind, kind_named
from worlds.objects.selectors import selects
from worlds.objects.store import Change

QUOTA = kind_named("ResourceQuota")
BUDGET = kind_named("PodDisruptionBudget")
_MANAGER = "kube-controller-manager"
_OWNED = tuple(kind_named(name) for name in ("ReplicaSet", "Pod", "EndpointSlice", "Endpoints", "Job"))


class QuotaKeeper:
    """Writes what of each quota is used."""

    watches = (QUOTA, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """The quotas of a namespace whose pods come or go."""
        if change.kind is QUOTA:
            return [key_of(change.object)]
        if change.kind is POD and (change.type != "MODIFIED" or is_finished(change.object)):
            quotas = self._cluster.store.every(QUOTA, namespace=change.object["metadata"]["namespace"])
            return [key_of(quota) for quota in quotas]
        return []

    def reconcile(self, namespace: str, name: str) -> None:
        """Write the status."""
        quota = self._cluster.store.find(QUOTA, namespace=namespace, name=name)
        if quota is not None:
            status = quota_status(self._cluster.store, quota)
            new = {**quota, "metadata": dict(quota["metadata"]), "status": status}
            self._cluster.store.replace(QUOTA, new, manager=_MANAGER, subresource="status")


class BudgetKeeper:
    """Writes how many disruptions each budget allows."""

    watches = (BUDGET, POD)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """Budgets, and those of a namespace whose pods change."""
        if change.kind is BUDGET:
            return [key_of(change.object)]
        if change.kind is POD:
            return [
                key_of(b) for b in self._cluster.store.every(BUDGET, namespace=change.object["metadata"]["namespace"])
            ]
        return []

    def reconcile(self, namespace: str, name: str) -> None:
        """Write the status."""
        budget = self._cluster.store.find(BUDGET, namespace=namespace, name=name)
        if budget is not None:
            status = self._status(budget)
            new = {**budget, "metadata": dict(budget["metadata"]), "status": status}
            self._cluster.store.replace(BUDGET, new, manager=_MANAGER, subresource="status")

    def _status(self, budget: JsonObject) -> JsonObject:
        pods = list(self._cluster.store.every(POD, namespace=budget["metadata"]["namespace"]))
        mine = [
            p
            for p in pods
            if selects(budget["spec"]["selector"], p["metadata"].get("labels", {})) and not is_finished(p)
        ]
        healthy = sum(is_ready(pod) for pod in mine)
        spec = budget["spec"]
        if "minAvailable" in spec:
            desired = in_pods(spec["minAvailable"], of=len(mine), up=True)
        else:
            desired = len(mine) - in_pods(spec.get("maxUnavailable", 1), of=len(mine), up=True)
        return {
            "observedGeneration": budget["metadata"]["generation"],
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": len(mine),
            "disruptionsAllowed": max(healthy - desired, 0),
        }


class GarbageCollector:
    """Removes what lost its controlling owner."""

    watches: tuple[Kind, ...] = ()

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._orphans: list[JsonObject] = []

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """Every deleted owner."""
        if change.type != "DELETED" or change.kind is POD:
            return []
        self._orphans.append(change.object)
        return [key_of(change.object)]

    def reconcile(self, namespace: str, name: str) -> None:  # noqa: ARG002 - the interface of controllers
        """Delete what the last deleted owners controlled."""
        owners, self._orphans = self._orphans, []
        uids = {owner["metadata"]["uid"] for owner in owners}
        for kind in _OWNED:
            for obj in self._cluster.store.dependents(kind, owners=uids, namespace=namespace):
                self._remove(kind is POD, obj)

    def _remove(self, is_pod: bool, obj: JsonObject) -> None:  # noqa: FBT001 - private
        if is_pod:
            mark_deleted(self._cluster, obj)
        else:
            self._cluster.store.delete(kind_named(obj["kind"]), namespace=key_of(obj)[0], name=key_of(obj)[1])
