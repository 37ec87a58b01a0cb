"""The status of a pod, computed from what its containers are doing. Pure but for the records it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from tests.cluster.kubelet import stamp
from tests.cluster.kubelet.life import Running, State, Terminated, Waiting
from tests.cluster.kubelet.wire import Json


@dataclass(kw_only=True)
class ContainerRecord:
    """What is known about one container; changes with every step of its life."""

    name: str
    image: str
    restarts: int = 0
    state: State = field(default_factory=lambda: Waiting(reason="ContainerCreating"))
    since: datetime | None = None
    """When the present or the latest run began."""
    ended: datetime | None = None
    last: Json | None = None
    """The end of the latest run, once it is not the present state any more."""
    sent: State | None = None

    @property
    def exit_code(self) -> int | None:
        """Of a container that is terminated now."""
        return self.state.exit_code if isinstance(self.state, Terminated) else None

    def enter(self, state: State, *, now: datetime) -> bool:
        """Take on a state; answer whether anything changed for who looks at the pod."""
        if isinstance(self.state, Terminated) and not isinstance(state, Terminated):
            self.last = {"terminated": self._termination(self.state)}
        if isinstance(state, Running) and not isinstance(self.state, Running):
            self.since = now
        if isinstance(state, Terminated):
            self.ended = now
        changed = state != self.sent
        self.state = self.sent = state
        return changed

    def as_json(self, *, uid: str) -> Json:
        """A v1.ContainerStatus."""
        ran = self.since is not None
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"fake.test/{self.image}@sha256:{'0' * 64}" if ran else "",
            "containerID": self._container_id(uid) if ran else "",
            "restartCount": self.restarts,
            "ready": isinstance(self.state, Running) and self.state.ready,
            "started": isinstance(self.state, Running),
            "state": self._state_json(),
            "lastState": self.last or {},
        }

    def _state_json(self) -> Json:
        match self.state:
            case Waiting():
                return {"waiting": {"reason": self.state.reason, "message": self.state.message}}
            case Running():
                return {"running": {"startedAt": _seconds(self.since)}}
            case Terminated():
                return {"terminated": self._termination(self.state)}
            case _:
                assert_never(self.state)

    def _termination(self, state: Terminated) -> Json:
        return {
            "exitCode": state.exit_code,
            "reason": state.reason,
            "startedAt": _seconds(self.since),
            "finishedAt": _seconds(self.ended),
        }

    def _container_id(self, uid: str) -> str:
        return f"fake://{uid}-{self.name}-{self.restarts}"


def pod_status(pod: Json, records: Sequence[ContainerRecord], *, address: str, now: datetime) -> Json:
    """The parts of v1.PodStatus that a kubelet owns."""
    before = pod.get("status", {})
    unready = [r.name for r in records if not (isinstance(r.state, Running) and r.state.ready)]
    phase = _phase(pod, records)
    return {
        "phase": phase,
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": before.get("startTime") or stamp.seconds(now),
        "conditions": _conditions(before, unready=unready, phase=phase, now=now),
        "containerStatuses": [record.as_json(uid=pod["metadata"]["uid"]) for record in records],
        "initContainerStatuses": [_done(c, now=now) for c in pod["spec"].get("initContainers", [])],
    }


def _phase(pod: Json, records: Sequence[ContainerRecord]) -> str:
    policy = pod["spec"].get("restartPolicy", "Always")
    codes = [record.exit_code for record in records]
    ended = [code for code in codes if code is not None]
    if len(ended) == len(codes) and policy != "Always" and not (policy == "OnFailure" and any(ended)):
        return "Failed" if any(ended) else "Succeeded"
    return "Running" if any(record.since for record in records) else "Pending"


def _conditions(before: Json, *, unready: Sequence[str], phase: str, now: datetime) -> list[Json]:
    unready_because: Json = {}
    if phase == "Succeeded":
        unready_because = {"reason": "PodCompleted"}
    elif unready:
        unready_because = {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(unready)}]",
        }
    wanted: list[Json] = [
        {"type": "PodReadyToStartContainers", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "ContainersReady", "status": "False" if unready else "True", **unready_because},
        {"type": "Ready", "status": "False" if unready else "True", **unready_because},
    ]
    known = {condition["type"]: condition for condition in before.get("conditions", [])}
    for condition in wanted:
        old = known.get(condition["type"], {})
        same = old.get("status") == condition["status"]
        condition["lastTransitionTime"] = old["lastTransitionTime"] if same else stamp.seconds(now)
        # A merge patch leaves alone what it does not name: a reason that holds no more has to be taken away.
        condition |= {field: None for field in ("reason", "message") if field not in condition}
    return wanted


def _done(container: Json, *, now: datetime) -> Json:
    """An init container: on a fake node it has always just succeeded."""
    at = stamp.seconds(now)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "restartCount": 0,
        "ready": True,
        "state": {"terminated": ended},
    }


def _seconds(moment: datetime | None) -> str | None:
    return stamp.seconds(moment) if moment else None
