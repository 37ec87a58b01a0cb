"""The HorizontalPodAutoscaler: utilisation of CPU against its target, with the usual tolerance and damping."""

import math
from collections.abc import Callable

from worlds.cluster.conditions import set_condition
from worlds.cluster.core import Cluster, key_of
from worlds.cluster.events import Recorder
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import Change

HPA = kind_named("HorizontalPodAutoscaler")
_PERIOD = 60.0
_TOLERANCE = 0.1
_STABILISATION = 300.0

# Utilisation of the request in per cent, averaged over the ready pods of `namespace/name`; None without metrics.
Utilisation = Callable[[str, str], float | None]


class Autoscaler:
    """Looks at every HPA once a minute."""

    watches = (HPA,)

    def __init__(self, cluster: Cluster, *, utilisation: Utilisation, begins: float) -> None:
        self._cluster = cluster
        self._utilisation = utilisation
        self._begins = begins
        self._events = Recorder(cluster, component="horizontal-pod-autoscaler")
        self._wishes: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self._planned: set[tuple[str, str]] = set()

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A new HPA; afterwards its own period."""
        return [key_of(change.object)] if change.kind is HPA and change.type == "ADDED" else []

    def reconcile(self, namespace: str, name: str) -> None:
        """Start the period of a new HPA."""
        if (namespace, name) not in self._planned:
            self._planned.add((namespace, name))
            first = max(self._cluster.now + _PERIOD, self._begins + _PERIOD)
            self._cluster.agenda.put(first, lambda: self._period(namespace, name))

    def _period(self, namespace: str, name: str) -> None:
        hpa = self._cluster.store.find(HPA, namespace=namespace, name=name)
        if hpa is None:
            self._planned.discard((namespace, name))
            return
        self._cluster.after(_PERIOD, lambda: self._period(namespace, name))
        reference = hpa["spec"]["scaleTargetRef"]
        kind = kind_named(reference["kind"])
        target = self._cluster.store.find(kind, namespace=namespace, name=reference["name"])
        if target is not None:
            self._look(hpa, target)

    def _look(self, hpa: JsonObject, target: JsonObject) -> None:
        spec, have = hpa["spec"], target["spec"]["replicas"]
        used = self._utilisation(*key_of(target))
        now = self._cluster.timestamp()
        conditions = copied(hpa.get("status", {}).get("conditions", []))
        set_condition(conditions, "AbleToScale", value=True, reason="ReadyForNewScale", now=now)
        if used is None:
            text = "the HPA was unable to compute the replica count: failed to get cpu utilization: "
            text += "no metrics returned from resource metrics API"
            self._events.warn(hpa, "FailedGetResourceMetric", text)
            set_condition(
                conditions, "ScalingActive", value=False, reason="FailedGetResourceMetric", message=text, now=now
            )
            wish, raw = have, have
        else:
            set_condition(conditions, "ScalingActive", value=True, reason="ValidMetricFound", now=now)
            goal = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
            ratio = used / goal
            raw = have if abs(ratio - 1) <= _TOLERANCE else math.ceil(have * ratio)
            wish = min(max(self._damped(hpa, raw, have), spec.get("minReplicas", 1)), spec["maxReplicas"])
        few, many = raw < spec.get("minReplicas", 1), raw > spec["maxReplicas"]
        limited = few or many
        reason = "TooManyReplicas" if many else "TooFewReplicas" if few else "DesiredWithinRange"
        set_condition(conditions, "ScalingLimited", value=limited, reason=reason, now=now)
        if wish != have and have > 0:
            self._resize(hpa, target, wish)
        status: JsonObject = {"currentReplicas": have, "desiredReplicas": wish, "conditions": conditions}
        status["currentMetrics"] = []
        if used is not None:
            current = {"averageUtilization": round(used)}
            status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
        new = {**hpa, "metadata": dict(hpa["metadata"]), "status": status}
        self._cluster.store.replace(HPA, new, manager="kube-controller-manager", subresource="status")

    def _damped(self, hpa: JsonObject, raw: int, have: int) -> int:
        """Scale down only to the highest wish within the window; scale up at most to the double or by four."""
        now = self._cluster.now
        behaviour = hpa["spec"].get("behavior", {}).get("scaleDown", {})
        window = float(behaviour.get("stabilizationWindowSeconds", _STABILISATION))
        wishes = [(at, count) for at, count in self._wishes.get(key_of(hpa), []) if now - at <= window]
        wishes.append((now, raw))
        self._wishes[key_of(hpa)] = wishes
        if raw > have:
            return min(raw, max(have * 2, have + 4))
        return min(max(count for _, count in wishes), have) if raw < have else have

    def _resize(self, hpa: JsonObject, target: JsonObject, replicas: int) -> None:
        new = copied(target)
        new["spec"]["replicas"] = replicas
        self._cluster.store.replace(
            kind_named(target["kind"]), new, manager="kube-controller-manager", subresource="scale"
        )
        above = "above" if replicas > target["spec"]["replicas"] else "below"
        text = f"New size: {replicas}; reason: cpu resource utilization (percentage of request) {above} target"
        self._events.note(hpa, "SuccessfulRescale", text)
