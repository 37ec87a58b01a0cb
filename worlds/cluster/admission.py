"""Admission: what the API server refuses although the request is well formed.

Pods only: service accounts, priorities, limit ranges, pod security, webhooks that do not answer, quotas.
"""

from collections.abc import Mapping

from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.selectors import selects
from worlds.objects.store import ObjectStore

_QUOTA = kind_named("ResourceQuota")
_POD = kind_named("Pod")
_ACCOUNT = kind_named("ServiceAccount")
_PRIORITY = kind_named("PriorityClass")
_LIMITS = kind_named("LimitRange")
_NAMESPACE = kind_named("Namespace")
_SERVICE, _ENDPOINTS = kind_named("Service"), kind_named("Endpoints")
_MUTATING, _VALIDATING = kind_named("MutatingWebhookConfiguration"), kind_named("ValidatingWebhookConfiguration")


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
    for limits in store.every(_LIMITS, namespace=namespace):
        _check_limits(limits, pod)
    _check_security(store, pod)
    check_webhooks(store, pod)
    for quota in store.every(_QUOTA, namespace=namespace):
        _check_quota(store, quota, pod)


def _check_limits(limits: JsonObject, pod: JsonObject) -> None:
    """LimitRanger: minimum and maximum of every container. Defaults are not filled in: our pods say what they need."""
    found: list[str] = []
    for item in limits["spec"].get("limits", []):
        if item.get("type", "Container") != "Container":
            continue
        for container in pod["spec"]["containers"]:
            found += _beyond(item, container.get("resources", {}))
    if found:
        text = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise AdmissionError(f'pods "{pod["metadata"]["name"]}" is forbidden: {text}')


def _beyond(item: JsonObject, resources: JsonObject) -> list[str]:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    found = []
    for name, most in item.get("max", {}).items():
        if name in limits and parse_quantity(limits[name]) > parse_quantity(most):
            found.append(f"maximum {name} usage per Container is {most}, but limit is {limits[name]}")
        elif name not in limits:
            found.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
    for name, least in item.get("min", {}).items():
        if name in requests and parse_quantity(requests[name]) < parse_quantity(least):
            found.append(f"minimum {name} usage per Container is {least}, but request is {requests[name]}")
    return found


def _check_security(store: ObjectStore, pod: JsonObject) -> None:
    """PodSecurity, by the namespace's label `pod-security.kubernetes.io/enforce`."""
    namespace = store.find(_NAMESPACE, name=pod["metadata"]["namespace"])
    level = ((namespace or {}).get("metadata", {}).get("labels") or {}).get("pod-security.kubernetes.io/enforce", "")
    found = [*_baseline(pod), *(_restricted(pod) if level == "restricted" else [])] if level else []
    if level in {"baseline", "restricted"} and found:
        name = pod["metadata"]["name"]
        text = f'violates PodSecurity "{level}:latest": {", ".join(found)}'
        raise AdmissionError(f'pods "{name}" is forbidden: {text}')


def _baseline(pod: JsonObject) -> list[str]:
    spec = pod["spec"]
    found = [f"host namespaces ({key}=true)" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    paths = [volume["name"] for volume in spec.get("volumes", []) if "hostPath" in volume]
    found += [f'hostPath volumes (volume "{paths[0]}")'] if paths else []
    for container in spec["containers"]:
        if container.get("securityContext", {}).get("privileged"):
            what = f'container "{container["name"]}" must not set securityContext.privileged=true'
            found.append(f"privileged ({what})")
    return found


def _restricted(pod: JsonObject) -> list[str]:
    found = []
    for container in pod["spec"]["containers"]:
        context = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}
        who = f'container "{container["name"]}" must set securityContext'
        if context.get("allowPrivilegeEscalation") is not False:
            found.append(f"allowPrivilegeEscalation != false ({who}.allowPrivilegeEscalation=false)")
        if "ALL" not in context.get("capabilities", {}).get("drop", []):
            found.append(f'unrestricted capabilities ({who}.capabilities.drop=["ALL"])')
        if context.get("runAsNonRoot") is not True:
            found.append(f"runAsNonRoot != true (pod or {who}.runAsNonRoot=true)")
        if not context.get("seccompProfile"):
            found.append(f'seccompProfile (pod or {who}.seccompProfile.type to "RuntimeDefault" or "Localhost")')
    return found


def check_webhooks(store: ObjectStore, pod: JsonObject) -> None:
    """Webhooks for pods whose failure forbids the request, and behind which nobody answers."""
    for kind, path in ((_MUTATING, "mutate"), (_VALIDATING, "validate")):
        for configuration in store.every(kind):
            for hook in configuration.get("webhooks", []):
                if hook.get("failurePolicy", "Fail") == "Fail" and _concerns(store, hook, pod):
                    _call(store, hook, path)


def _concerns(store: ObjectStore, hook: JsonObject, pod: JsonObject) -> bool:
    namespace = store.find(_NAMESPACE, name=pod["metadata"]["namespace"])
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    selector = hook.get("namespaceSelector")
    resources = {name for rule in hook.get("rules", []) for name in rule.get("resources", [])}
    return bool(resources & {"pods", "*", "*/*"}) and (not selector or selects(selector, labels))


def _call(store: ObjectStore, hook: JsonObject, path: str) -> None:
    service = hook["clientConfig"].get("service", {})
    namespace, name = service.get("namespace", ""), service.get("name", "")
    url = f"https://{name}.{namespace}.svc:{service.get('port', 443)}/{service.get('path', path).lstrip('/')}"
    endpoints = store.find(_ENDPOINTS, namespace=namespace, name=name) or {}
    if store.find(_SERVICE, namespace=namespace, name=name) is None:
        why = f'service "{name}" not found'
    elif not any(subset.get("addresses") for subset in endpoints.get("subsets", [])):
        why = f'no endpoints available for service "{name}"'
    else:
        return
    seconds = hook.get("timeoutSeconds", 10)
    text = f'failed calling webhook "{hook["name"]}": failed to call webhook: Post "{url}?timeout={seconds}s": {why}'
    raise AdmissionError(f"Internal error occurred: {text}")


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
                key, amount = f"{side}.{name}", parse_quantity(value)
                total[key] = total.get(key, 0.0) + amount
                if side == "requests":
                    total[name] = total.get(name, 0.0) + amount
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
