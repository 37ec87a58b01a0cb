"""Why a pod does not fit on a node: the scheduler's filters, in their order and with their words.

Source of the texts: the Filter plugins of kube-scheduler 1.33 (pkg/scheduler/framework/plugins).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from worlds.cluster.admission import demand_of
from worlds.cluster.podmaking import POD, is_finished
from worlds.cluster.podstatus import claims_of
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.quantity import parse_quantity
from worlds.objects.selectors import selects
from worlds.objects.store import ObjectStore

NODE = kind_named("Node")
_CLAIM = kind_named("PersistentVolumeClaim")
_VOLUME = kind_named("PersistentVolume")

# What the control plane adds to a cordoned node.
_CORDON: JsonObject = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
SELECTOR = "node(s) didn't match Pod's node affinity/selector"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
AFFINITY = "node(s) didn't match pod affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
VOLUME = "node(s) had volume node affinity conflict"
PORTS = "node(s) didn't have free ports for the requested pod ports"


class Fitting:
    """The filters for one pod at one moment."""

    def __init__(self, store: ObjectStore, pod: JsonObject) -> None:
        self._store = store
        self._pod = pod
        self._placed = [other for other in store.every(POD) if other["spec"].get("nodeName") and not is_finished(other)]
        self._nodes = {node["metadata"]["name"]: node for node in store.every(NODE)}
        self._by_node: dict[str, list[JsonObject]] = {}
        for other in self._placed:
            self._by_node.setdefault(other["spec"]["nodeName"], []).append(other)
        self._host_ports = host_ports(pod)
        self._demand = demand_of(pod)
        self._free: dict[str, dict[str, float]] = {}

    def why_not(self, node: JsonObject) -> str:
        """Return the first filter's reason against a node; empty when the pod fits."""
        checks = (self._taint, self._selector, self._ports, self._lacking, self._volumes, self._spread, self._company)
        return next((reason for check in checks if (reason := check(node))), "")

    def free(self, node: JsonObject) -> dict[str, float]:
        """Return what of a node no pod on it has requested."""
        name = node["metadata"]["name"]
        if name not in self._free:
            self._free[name] = free(node, self._on(node))
        return self._free[name]

    def _taint(self, node: JsonObject) -> str:
        tolerations = self._pod["spec"].get("tolerations", [])
        taints = [*node["spec"].get("taints", []), *([_CORDON] if node["spec"].get("unschedulable") else [])]
        for taint in taints:
            if taint["effect"] == "PreferNoSchedule" or tolerates(tolerations, taint):
                continue
            if taint["key"] == "node.kubernetes.io/unschedulable":
                return "node(s) were unschedulable"
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        return ""

    def _selector(self, node: JsonObject) -> str:
        spec, labels = self._pod["spec"], node["metadata"].get("labels", {})
        selector = spec.get("nodeSelector")
        if selector and not selects({"matchLabels": selector}, labels):
            return SELECTOR
        wanted = _required(spec, "nodeAffinity").get("nodeSelectorTerms")
        return SELECTOR if wanted and not any(selects(term, labels) for term in wanted) else ""

    def _ports(self, node: JsonObject) -> str:
        wanted = self._host_ports
        return PORTS if wanted and any(wanted & host_ports(other) for other in self._on(node)) else ""

    def _lacking(self, node: JsonObject) -> str:
        left, needed = self.free(node), self._demand
        if left["pods"] < 1:
            return "Too many pods"
        names = [name for name in ("cpu", "memory") if needed.get(f"requests.{name}", 0.0) > left[name] + 1e-6]
        return f"Insufficient {names[0]}" if names else ""

    def _volumes(self, node: JsonObject) -> str:
        for name in claims_of(self._pod):
            claim = self._store.find(_CLAIM, namespace=self._pod["metadata"]["namespace"], name=name)
            volume = self._store.find(_VOLUME, name=(claim or {}).get("spec", {}).get("volumeName", ""))
            terms = (volume or {}).get("spec", {}).get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms")
            if terms and not any(selects(term, node["metadata"].get("labels", {})) for term in terms):
                return VOLUME
        return ""

    def _spread(self, node: JsonObject) -> str:
        labels = node["metadata"].get("labels", {})
        for rule in self._pod["spec"].get("topologySpreadConstraints", []):
            if rule.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
                continue
            key = rule["topologyKey"]
            if key not in labels:
                return f"{SPREAD} (missing required label)"
            counts = self._counts(key, rule.get("labelSelector"))
            if counts[labels[key]] + 1 - min(counts.values()) > int(rule.get("maxSkew", 1)):
                return SPREAD
        return ""

    def _counts(self, key: str, selector: JsonObject | None) -> Mapping[str, int]:
        """Return the matching pods per domain, over the nodes that the pod may go to by its selector."""
        own = [node for node in self._nodes.values() if not self._selector(node)]
        counts = Counter({node["metadata"]["labels"][key]: 0 for node in own if key in node["metadata"]["labels"]})
        for other in self._same_namespace():
            domain = self._domain(other, key)
            if domain in counts and selects(selector, other["metadata"].get("labels", {})):
                counts[domain] += 1
        return counts

    def _company(self, node: JsonObject) -> str:
        """Pod affinity and anti-affinity, the required kind."""
        labels = node["metadata"].get("labels", {})
        for rule in _required_list(self._pod["spec"], "podAffinity"):
            if labels.get(rule["topologyKey"]) not in self._domains(rule):
                return AFFINITY
        for rule in _required_list(self._pod["spec"], "podAntiAffinity"):
            if labels.get(rule["topologyKey"]) in self._domains(rule):
                return ANTI_AFFINITY
        return ""

    def _domains(self, rule: JsonObject) -> set[str | None]:
        return {
            self._domain(other, rule["topologyKey"])
            for other in self._same_namespace()
            if selects(rule.get("labelSelector"), other["metadata"].get("labels", {}))
        } - {None}

    def _domain(self, pod: JsonObject, key: str) -> str | None:
        node = self._nodes.get(pod["spec"]["nodeName"])
        return node["metadata"].get("labels", {}).get(key) if node else None

    def _same_namespace(self) -> Iterable[JsonObject]:
        namespace = self._pod["metadata"]["namespace"]
        return (other for other in self._placed if other["metadata"]["namespace"] == namespace)

    def _on(self, node: JsonObject) -> list[JsonObject]:
        return self._by_node.get(node["metadata"]["name"], [])


def free(node: JsonObject, pods: Iterable[JsonObject]) -> dict[str, float]:
    """Return what of a node no pod on it has requested."""
    allocatable = node["status"]["allocatable"]
    left = {name: parse_quantity(allocatable[name]) for name in ("cpu", "memory", "pods")}
    for pod in pods:
        left["pods"] -= 1
        requests = [container.get("resources", {}).get("requests", {}) for container in pod["spec"]["containers"]]
        for name in ("cpu", "memory"):
            left[name] -= sum((parse_quantity(one[name]) for one in requests if name in one), 0.0)
    return left


def host_ports(pod: JsonObject) -> set[int]:
    """Return the ports of the node that a pod takes for itself."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    return {int(port["hostPort"]) for port in ports if "hostPort" in port}


def _required(spec: JsonObject, kind: str) -> JsonObject:
    rules: JsonObject = spec.get("affinity", {}).get(kind, {})
    required: JsonObject = rules.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    return required


def _required_list(spec: JsonObject, kind: str) -> list[JsonObject]:
    rules = spec.get("affinity", {}).get(kind, {})
    required: list[JsonObject] = rules.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    return required


def tolerates(tolerations: list[JsonObject], taint: JsonObject) -> bool:
    """Say whether one of the tolerations covers the taint."""
    for toleration in tolerations:
        if toleration.get("effect") not in {None, "", taint["effect"]}:
            continue
        if toleration.get("key") not in {None, "", taint["key"]}:
            continue
        if toleration.get("operator", "Equal") == "Exists" or toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


# Reasons that removing other pods could change: only for them the scheduler looks for victims.
_HELPED_BY_PREEMPTION = ("Insufficient", "Too many pods", ANTI_AFFINITY, PORTS)


def refusal(reasons: Mapping[str, int], *, nodes: int) -> str:
    """Return the sentence that says why no node takes a pod."""
    listed = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    helped = sum(number for reason, number in reasons.items() if reason.startswith(_HELPED_BY_PREEMPTION))
    outcomes = [f"{nodes - helped} Preemption is not helpful for scheduling"] if helped < nodes else []
    outcomes += [f"{helped} No preemption victims found for incoming pod"] if helped else []
    found = ", ".join(sorted(outcomes))
    return f"0/{nodes} nodes are available: {listed}. preemption: 0/{nodes} nodes are available: {found}."


def unbound(trouble: str, *, nodes: int) -> str:
    """Return the sentence for a pod whose claims keep it from every node alike."""
    rest = f"preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
    return f"0/{nodes} nodes are available: {trouble}. {rest}"
