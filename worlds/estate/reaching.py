"""Who reaches whom: Services with their ports and protocols, the Ingress, the cluster's DNS, network policies."""

from collections.abc import Sequence

from worlds.cluster.kubelet import Kubelets
from worlds.cluster.nodes import NODE
from worlds.cluster.podmaking import POD
from worlds.cluster.policies import NetworkPolicies
from worlds.cluster.routing import SERVICE
from worlds.estate.manifests import dns_name, labels_of, service_port
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import ObjectStore
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Workload, WorkloadKind

_INGRESS = kind_named("Ingress")
RESOLVER = "10.96.0.10:53"
_DNS = {"k8s-app": "kube-dns"}


class Reach:
    """What stands between callers and a service at one moment."""

    def __init__(self, estate: Estate, *, store: ObjectStore, kubelets: Kubelets) -> None:
        self._estate = estate
        self._store = store
        self._policies = NetworkPolicies(store)
        self._kubelets = kubelets
        self._proxies = [w for w in estate.workloads if w.labels.get("k8s-app") == "kube-proxy"]
        self._resolvers = [w for w in estate.workloads if w.labels.get("k8s-app") == _DNS["k8s-app"]]
        self._no_names = bool(self._resolvers) and not any(self._serves(w) for w in self._resolvers)

    def service(self, workload: Workload, pods: Sequence[JsonObject]) -> tuple[JsonObject | None, str]:
        """Return the live Service of a workload and why it reaches nobody, if so. `pods` are those that run."""
        if workload.kind in {WorkloadKind.EXTERNAL, WorkloadKind.JOB} or workload.port is None:
            return None, ""
        service = self._store.find(SERVICE, namespace=workload.namespace, name=workload.name)
        if service is None:
            return None, f"dial tcp: lookup {dns_name(workload)} on {RESOLVER}: no such host"
        spec = service["spec"]["ports"][0]
        if spec.get("protocol", "TCP") != "TCP":
            return service, f"dial tcp {service_address(service, spec)}: i/o timeout"
        if pods and not any(_listens(workload, pod, spec) for pod in pods):
            return service, "connection refused"
        return service, self._entrance(workload, service)

    def led_astray(self, workload: Workload) -> str:
        """Return the key of the workload that gets what comes from outside for this one; empty when it gets its own."""
        ingress = self._ingress(workload)
        names = [path["backend"]["service"]["name"] for path in _paths(ingress)] if ingress else []
        if not names or workload.name in names:
            return ""
        known = {other.name: other.key for other in self._estate.workloads if other.namespace == workload.namespace}
        return next((known[name] for name in names if name in known), "")

    def no_name(self, workload: Workload) -> str:
        """Return what a client says that cannot resolve a name at all; empty when names are resolved."""
        host = dns_name(workload)
        return (
            f"dial tcp: lookup {host} on {RESOLVER}: read udp {RESOLVER}: connection refused" if self._no_names else ""
        )

    def blocked(self, caller: JsonObject, callee: Workload) -> str:
        """Return what a client says whose connection a network policy drops; empty when it gets through."""
        if not self._policies or callee.kind is WorkloadKind.EXTERNAL:
            return ""
        meta = caller["metadata"]
        source = (meta["namespace"], meta.get("labels", {}))
        target = (callee.namespace, labels_of(callee))
        dropped = self._policies.blocked(source=source, target=target, port=callee.port or service_port(callee))
        return f"dial tcp {dns_name(callee)}:{service_port(callee)}: i/o timeout" if dropped else ""

    def stopped_proxies(self) -> frozenset[str]:
        """Return the nodes on which no kube-proxy runs although the estate has one: their routes stay as they were."""
        if not self._proxies:
            return frozenset()
        running = {node for workload in self._proxies for node in self._nodes_of(workload)}
        return frozenset(node["metadata"]["name"] for node in self._store.every(NODE)) - running

    def _nodes_of(self, workload: Workload) -> set[str]:
        found = set()
        for runtime in self._kubelets.pods.values():
            pod = self._store.find(POD, namespace=runtime.namespace, name=runtime.name) or {}
            name = pod.get("metadata", {}).get("labels", {}).get("app.kubernetes.io/name")
            if runtime.namespace == workload.namespace and name == workload.name and runtime.main.stage == "running":
                found.add(runtime.node)
        return found

    def _entrance(self, workload: Workload, service: JsonObject) -> str:
        """Say why what comes from outside does not arrive: the Ingress names a backend that does not exist."""
        ingress = self._ingress(workload)
        if ingress is None:
            return ""
        return "" if any(_leads_to(path["backend"]["service"], service) for path in _paths(ingress)) else "no backend"

    def _ingress(self, workload: Workload) -> JsonObject | None:
        return self._store.find(_INGRESS, namespace=workload.namespace, name=workload.name) if workload.host else None

    def _serves(self, workload: Workload) -> bool:
        for runtime in self._kubelets.pods.values():
            if runtime.namespace != workload.namespace or not runtime.serving:
                continue
            pod = self._store.find(POD, namespace=runtime.namespace, name=runtime.name) or {}
            if pod.get("metadata", {}).get("labels", {}).get("app.kubernetes.io/name") == workload.name:
                return True
        return False


def _paths(ingress: JsonObject) -> list[JsonObject]:
    return [path for rule in ingress["spec"].get("rules", []) for path in rule["http"]["paths"]]


def _listens(workload: Workload, pod: JsonObject, port: JsonObject) -> bool:
    """Say whether a Service's port leads to the port on which a pod's process listens."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target == workload.port
    declared = [own for container in pod["spec"]["containers"] for own in container.get("ports", [])]
    return any(own.get("name") == target and own["containerPort"] == workload.port for own in declared)


def _leads_to(backend: JsonObject, service: JsonObject) -> bool:
    ports = service["spec"]["ports"]
    wanted = backend.get("port", {})
    known = {port.get("name") for port in ports} if "name" in wanted else {port["port"] for port in ports}
    return backend["name"] == service["metadata"]["name"] and wanted.get("name", wanted.get("number")) in known


def service_address(service: JsonObject, port: JsonObject) -> str:
    """Return how a client's connection error names a Service."""
    meta = service["metadata"]
    return f"{meta['name']}.{meta['namespace']}.svc.cluster.local:{port['port']}"
