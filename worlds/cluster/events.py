"""Kubernetes Events: recorded once per (object, reason, message), then counted, as client-go does."""

from worlds.cluster.core import Cluster, moment_at
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import stamp

EVENT = kind_named("Event")

# kube-apiserver --event-ttl
_TIME_TO_LIVE = 3600.0


class Recorder:
    """Writes Events. Those older than the API server keeps are removed when their time is over."""

    def __init__(self, cluster: Cluster, *, component: str) -> None:
        self._cluster = cluster
        self._component = component

    def warn(self, obj: JsonObject, reason: str, message: str, *, host: str = "", field: str = "") -> None:
        """Record a Warning."""
        self._record(obj, "Warning", reason, message, host=host, field=field)

    def note(self, obj: JsonObject, reason: str, message: str, *, host: str = "", field: str = "") -> None:
        """Record a Normal event."""
        self._record(obj, "Normal", reason, message, host=host, field=field)

    def _record(self, obj: JsonObject, kind: str, reason: str, message: str, *, host: str, field: str) -> None:
        cluster, meta = self._cluster, obj["metadata"]
        namespace = meta.get("namespace") or "default"
        key = cluster.chance.key("event", meta["uid"], reason, message, field)
        name = f"{meta['name']}.{key & 0xFFFFFFFFFFFFFFF:016x}"
        now = cluster.timestamp()
        known = cluster.store.find(EVENT, namespace=namespace, name=name)
        if known is not None:
            again = {**known, "metadata": dict(known["metadata"]), "count": known["count"] + 1, "lastTimestamp": now}
            cluster.store.replace(EVENT, again, manager=self._component)
            return
        involved = {"kind": obj["kind"], "name": meta["name"], "uid": meta["uid"], "apiVersion": obj["apiVersion"]}
        involved |= {"namespace": meta["namespace"]} if meta.get("namespace") else {}
        involved |= {"fieldPath": field} if field else {}
        event = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": self._component} | ({"host": host} if host else {}),
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": host,
        }
        cluster.store.create(EVENT, event, manager=self._component)
        cluster.after(_TIME_TO_LIVE, lambda: self._expire(namespace, name))

    def _expire(self, namespace: str, name: str) -> None:
        cluster = self._cluster
        event = cluster.store.find(EVENT, namespace=namespace, name=name)
        if event is None:
            return
        oldest = stamp(moment_at(cluster.now - _TIME_TO_LIVE))
        if event["lastTimestamp"] <= oldest:
            cluster.store.delete(EVENT, namespace=namespace, name=name)
        else:
            cluster.after(_TIME_TO_LIVE / 4, lambda: self._expire(namespace, name))
