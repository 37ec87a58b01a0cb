"""One fake node: registers itself, keeps its Lease and its conditions, and runs the pods that are bound to it.

A test makes the node itself sick by the annotation `midwatch.test/behaviour` on the Node: one of `NodeBehaviour`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

import aiohttp

from tests.cluster.kubelet import stamp
from tests.cluster.kubelet.behaviour import PREFIX
from tests.cluster.kubelet.life import Happening
from tests.cluster.kubelet.pod import Pod, Surroundings, patiently, say
from tests.cluster.kubelet.wire import Api, ApiError, Json, WatchExpiredError

# kubelet: leases last 40 s and are renewed four times in that time; its status goes out when it changes.
_LEASE_SECONDS = 40
_RENEW_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_ADDRESSES_PER_BLOCK = 250
_NOT_FOUND = 404

_Act = Callable[[], Awaitable[None]]


class NodeBehaviour(StrEnum):
    """How a node is."""

    HEALTHY = "healthy"
    """Ready, under no pressure."""
    MEMORY_PRESSURE = "memory-pressure"
    DISK_PRESSURE = "disk-pressure"
    PID_PRESSURE = "pid-pressure"
    NOT_READY = "not-ready"
    """The kubelet speaks, and says that its container runtime is down."""
    LOST = "lost"
    """The kubelet says nothing any more; the controller manager finds out after its grace period."""


_PRESSURES = (
    ("MemoryPressure", NodeBehaviour.MEMORY_PRESSURE, "Memory", "memory"),
    ("DiskPressure", NodeBehaviour.DISK_PRESSURE, "Disk", "disk"),
    ("PIDPressure", NodeBehaviour.PID_PRESSURE, "PID", "PID"),
)


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """What a node is registered with."""

    name: str
    cpu: str
    memory: str
    pods: str
    labels: Mapping[str, str]
    port: int
    number: int
    """Which of the nodes it is; gives its pods their address range."""


@dataclass(kw_only=True)
class Node:
    """A node; `run()` lasts until it is cancelled."""

    settings: NodeSettings
    around: Surroundings
    pods: dict[str, tuple[Pod, asyncio.Task[None]]] = field(default_factory=dict)
    addresses: count[int] = field(default_factory=count)
    behaviour: NodeBehaviour | None = None

    @property
    def api(self) -> Api:
        """The node's own session with the API server."""
        return self.around.api

    async def run(self) -> None:
        """Register, then keep the node and its pods alive."""
        await self._register()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever(self._look_at_itself, every=_LOOK_SECONDS))
            group.create_task(self._for_ever(self._renew_lease, every=_RENEW_SECONDS))
            group.create_task(self._for_ever(lambda: self._follow_pods(group), every=_RETRY_SECONDS))

    async def _for_ever(self, act: _Act, *, every: float) -> None:
        while True:
            try:
                await act()
            except (ApiError, WatchExpiredError, aiohttp.ClientError, TimeoutError) as error:
                # The API server restarts, a watch expires: a kubelet outlives both.
                say(f"{self.settings.name}: {type(error).__name__}: {error}")
            await asyncio.sleep(every)

    async def _register(self) -> None:
        labels = {
            "kubernetes.io/hostname": self.settings.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            **self.settings.labels,
        }
        node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": self.settings.name, "labels": labels}}
        # Being there already (409) is what `patiently` takes for done.
        await patiently(lambda: self.api.create("/api/v1/nodes", node), what=f"registration of {self.settings.name}")

    async def _look_at_itself(self) -> None:
        """Read the annotation; report the node's status when it has changed."""
        node = await self.api.get(f"/api/v1/nodes/{self.settings.name}")
        told = (node["metadata"].get("annotations") or {}).get(PREFIX + "behaviour", NodeBehaviour.HEALTHY)
        behaviour = NodeBehaviour(told) if told in set(NodeBehaviour) else NodeBehaviour.HEALTHY
        if behaviour is self.behaviour:
            return
        if behaviour is not NodeBehaviour.LOST:
            await self._report(node, behaviour)
        self.behaviour = behaviour

    async def _report(self, node: Json, behaviour: NodeBehaviour) -> None:
        before = {c["type"]: c for c in node.get("status", {}).get("conditions", [])}
        conditions = node_conditions(before, behaviour, now=stamp.seconds(stamp.now()))
        await self.api.patch(
            f"/api/v1/nodes/{self.settings.name}/status", {"status": {**self._facts(), "conditions": conditions}}
        )
        for condition in conditions:
            if before and before.get(condition["type"], {}).get("status") != condition["status"]:
                # The kubelet names its events like the reason, but for readiness like the node.
                ready = "NodeReady" if condition["status"] == "True" else "NodeNotReady"
                reason = ready if condition["type"] == "Ready" else condition["reason"].replace("Kubelet", "Node")
                message = f"Node {self.settings.name} status is now: {reason}"
                await self.around.recorder.about_node(Happening(reason=reason, message=message))

    def _facts(self) -> Json:
        holds = {"cpu": self.settings.cpu, "memory": self.settings.memory, "pods": self.settings.pods}
        return {
            "capacity": holds,
            "allocatable": holds,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": self.settings.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.settings.port}},
            "nodeInfo": {
                "kubeletVersion": "v1.34.4-fake",
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "fake://1",
                "osImage": "fake",
                "kernelVersion": "0",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
            },
        }

    async def _renew_lease(self) -> None:
        if self.behaviour is NodeBehaviour.LOST:
            return
        name = self.settings.name
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": stamp.micros(stamp.now()),
        }
        try:
            await self.api.patch(f"{_LEASES}/{name}", {"spec": spec})
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            lease = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": name}, "spec": spec}
            await self.api.create(_LEASES, lease)

    async def _follow_pods(self, group: asyncio.TaskGroup) -> None:
        selector = {"fieldSelector": f"spec.nodeName={self.settings.name}"}
        listed = await self.api.get("/api/v1/pods", **selector)
        for uid in self.pods.keys() - {pod["metadata"]["uid"] for pod in listed["items"]}:
            self._forget(uid)
        for pod in listed["items"]:
            self._take(pod, group)
        async for change in self.api.watch("/api/v1/pods", since=listed["metadata"]["resourceVersion"], **selector):
            if change["type"] == "DELETED":
                self._forget(change["object"]["metadata"]["uid"])
            else:
                self._take(change["object"], group)

    def _take(self, body: Json, group: asyncio.TaskGroup) -> None:
        uid = body["metadata"]["uid"]
        if uid in self.pods:
            self.pods[uid][0].update(body)
            return
        pod = Pod(latest=body, address=self._address(body), around=self.around)
        self.pods[uid] = (pod, group.create_task(pod.run()))

    def _forget(self, uid: str) -> None:
        if uid in self.pods:
            pod, task = self.pods.pop(uid)
            task.cancel()
            meta = pod.latest["metadata"]
            self.around.book.forget(meta["namespace"], meta["name"])

    def _address(self, pod: Json) -> str:
        known: str | None = pod.get("status", {}).get("podIP")
        block, host = divmod(next(self.addresses), _ADDRESSES_PER_BLOCK)
        return known or f"10.{200 + self.settings.number}.{block}.{host + 2}"


def node_conditions(before: Mapping[str, Json], behaviour: NodeBehaviour, *, now: str) -> list[Json]:
    """The four conditions that a kubelet reports, with the time of their latest change."""
    ready = behaviour is not NodeBehaviour.NOT_READY
    conditions: list[Json] = [
        {
            "type": "Ready",
            "status": str(ready),
            "reason": "KubeletReady" if ready else "KubeletNotReady",
            "message": "kubelet is posting ready status" if ready else "container runtime is down",
        }
    ]
    for kind, pressure, word, thing in _PRESSURES:
        pressed = behaviour is pressure
        good = "HasNoDiskPressure" if kind == "DiskPressure" else f"HasSufficient{word}"
        bad = "HasDiskPressure" if kind == "DiskPressure" else f"HasInsufficient{word}"
        amount = "insufficient" if pressed else "sufficient"
        message = f"kubelet has {amount} {thing} available"
        if kind == "DiskPressure":
            message = "kubelet has disk pressure" if pressed else "kubelet has no disk pressure"
        conditions.append(
            {
                "type": kind,
                "status": str(pressed),
                "reason": f"Kubelet{bad if pressed else good}",
                "message": message,
            }
        )
    for condition in conditions:
        old = before.get(condition["type"], {})
        same = old.get("status") == condition["status"]
        condition |= {"lastHeartbeatTime": now, "lastTransitionTime": old["lastTransitionTime"] if same else now}
    return conditions
