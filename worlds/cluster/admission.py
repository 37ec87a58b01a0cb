"""Admission: what the API server refuses although the request is well formed. Quotas and service accounts of pods."""

from collections.abc import Mapping

from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.store import ObjectStore

_QUOTA = kind_named("ResourceQuota")
_POD = kind_named("Pod")
_ACCOUNT = kind_named("ServiceAccount")
_PRIORITY = kind_named("PriorityClass")


class AdmissionError(Exception):
    """The API server refuses the object."""


def admit_pod(store: ObjectStore, pod: JsonObject) -> None:
    """Check a pod before it is created. Raises AdmissionError with the API server's words."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    account = pod["spec"].get("serviceAccountName", "default")
    if account != "default" and store.find(_ACCOUNT, namespace=namespace, name=account) is None:
        raise AdmissionError(
            f'pods "{name}" is forbidden: error looking up service account {namespace}/{account}: '
            f'serviceaccount "{account}" not found'
        )
    priority = pod["spec"].get("priorityClassName")
    if priority and store.find(_PRIORITY, name=priority) is None:
        raise AdmissionError(f'pods "{name}" is forbidden: no PriorityClass with name {priority} was found')
    for quota in store.every(_QUOTA, namespace=namespace):
        _check_quota(store, quota, pod)


def _check_quota(store: ObjectStore, quota: JsonObject, pod: JsonObject) -> None:
    hard = quota["spec"].get("hard", {})
    needed = demand_of(pod)
    unset = [key for key in hard if key not in needed and key.partition(".")[0] in {"requests", "limits"}]
    name = pod["metadata"]["name"]
    if unset:
        places = [f"{key} for: {pod['spec']['containers'][0]['name']}" for key in sorted(unset)]
        raise AdmissionError(
            f'pods "{name}" is forbidden: failed quota: {quota["metadata"]["name"]}: must specify {"; ".join(places)}'
        )
    used = usage(store, namespace=pod["metadata"]["namespace"])
    over = [
        key
        for key in sorted(hard)
        if key in needed and used.get(key, 0) + needed[key] > parse_quantity(hard[key]) + 1e-6
    ]
    if over:
        asked = ",".join(f"{key}={as_quantity(key, needed[key])}" for key in over)
        taken = ",".join(f"{key}={as_quantity(key, used.get(key, 0))}" for key in over)
        limits = ",".join(f"{key}={hard[key]}" for key in over)
        raise AdmissionError(
            f'pods "{name}" is forbidden: exceeded quota: {quota["metadata"]["name"]}, '
            f"requested: {asked}, used: {taken}, limited: {limits}"
        )


def usage(store: ObjectStore, *, namespace: str) -> dict[str, float]:
    """Return what the pods of a namespace take, by quota key."""
    total: dict[str, float] = {}
    for pod in store.every(_POD, namespace=namespace):
        if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            continue
        for key, value in demand_of(pod).items():
            total[key] = total.get(key, 0.0) + value
    return total


def demand_of(pod: JsonObject) -> dict[str, float]:
    """Return what one pod takes, by quota key (requests.cpu, limits.memory, pods ...)."""
    total = {"pods": 1.0, "count/pods": 1.0}
    for container in pod["spec"]["containers"]:
        for side, values in container.get("resources", {}).items():
            for name, value in values.items():
                key = f"{side}.{name}"
                total[key] = total.get(key, 0.0) + parse_quantity(value)
                if side == "requests":
                    total[name] = total.get(name, 0.0) + parse_quantity(value)
    return total


def as_quantity(key: str, value: float) -> str:
    """Write a figure as a quota message does."""
    if "memory" in key:
        return f"{round(value / 2**20)}Mi"
    if "cpu" in key:
        return f"{round(value * 1000)}m" if value % 1 else str(int(value))
    return str(int(value))


def quota_status(store: ObjectStore, quota: JsonObject) -> Mapping[str, Mapping[str, str]]:
    """Return the status of a quota: hard and used, by key."""
    hard = quota["spec"].get("hard", {})
    used = usage(store, namespace=quota["metadata"]["namespace"])
    return {"hard": dict(hard), "used": {key: as_quantity(key, used.get(key, 0.0)) for key in hard}}
