"""Events about pods and nodes, counted up when they repeat, as the kubelet's recorder does."""

from __future__ import annotations

from tests.cluster.kubelet import stamp
from tests.cluster.kubelet.life import Happening
from tests.cluster.kubelet.wire import Api, ApiError, Json


class Recorder:
    """Writes events as one node's kubelet. Remembers what it wrote, so that a repeat becomes a count."""

    def __init__(self, api: Api, *, node: str) -> None:
        self._api = api
        self._node = node
        self._written: dict[tuple[str, ...], tuple[str, int]] = {}

    async def about_container(self, pod: Json, *, container: str, happening: Happening) -> None:
        """Record what happened to a pod's container."""
        meta = pod["metadata"]
        target = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "fieldPath": f"spec.containers{{{container}}}",
        }
        await self._record(target, namespace=meta["namespace"], happening=happening)

    async def about_node(self, happening: Happening) -> None:
        """Record what happened to the node itself; such events live in the namespace `default`."""
        # The kubelet puts the node's name where the uid belongs.
        target = {"apiVersion": "v1", "kind": "Node", "name": self._node, "uid": self._node}
        await self._record(target, namespace="default", happening=happening)

    async def _record(self, target: Json, *, namespace: str, happening: Happening) -> None:
        key = (target["uid"], target.get("fieldPath", ""), happening.reason, happening.message)
        collection = f"/api/v1/namespaces/{namespace}/events"
        at = stamp.now()
        if key in self._written:
            name, count = self._written[key]
            try:
                await self._api.patch(f"{collection}/{name}", {"count": count + 1, "lastTimestamp": stamp.seconds(at)})
            except ApiError as error:
                if not error.target_is_gone:
                    raise
            else:
                self._written[key] = (name, count + 1)
                return
        name = f"{target['name']}.{at.timestamp() * 1e6:.0f}{len(self._written):03x}"
        await self._api.create(
            collection,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": target,
                "reason": happening.reason,
                "message": happening.message,
                "type": "Warning" if happening.warning else "Normal",
                "source": {"component": "kubelet", "host": self._node},
                "reportingComponent": "kubelet",
                "reportingInstance": self._node,
                "firstTimestamp": stamp.seconds(at),
                "lastTimestamp": stamp.seconds(at),
                "count": 1,
            },
        )
        self._written[key] = (name, 1)
