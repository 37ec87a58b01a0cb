"""One pod on a fake node: carries its containers through their lives and keeps its status at the API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from tests.cluster.kubelet import stamp
from tests.cluster.kubelet.behaviour import plan_for
from tests.cluster.kubelet.life import Happening, Running, State, Step, Terminated, Waiting, back_off, life, not_created
from tests.cluster.kubelet.logbook import ContainerName, LogBook
from tests.cluster.kubelet.recorder import Recorder
from tests.cluster.kubelet.references import references_of
from tests.cluster.kubelet.status import ContainerRecord, pod_status
from tests.cluster.kubelet.wire import Api, ApiError, Json

# What a process takes to end after SIGTERM, at most its grace period.
_STOP_SECONDS = 2.0
_ATTEMPTS = 5
_RETRY_SECONDS = 0.5
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a pod gets from its node."""

    api: Api
    recorder: Recorder
    book: LogBook
    time_scale: float


@dataclass(kw_only=True)
class Pod:
    """A pod and what runs in it. `run()` lasts until the pod was deleted; cancel it when the pod is gone already."""

    latest: Json
    address: str
    around: Surroundings
    records: dict[str, ContainerRecord] = field(default_factory=dict)
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        known = {s["name"]: s for s in self.latest.get("status", {}).get("containerStatuses", [])}
        for container in self.latest["spec"]["containers"]:
            name = container["name"]
            restarts = known.get(name, {}).get("restartCount", 0)
            self.records[name] = ContainerRecord(name=name, image=container["image"], restarts=restarts)
        self.update(self.latest)

    @property
    def path(self) -> str:
        """The pod's address at the API server."""
        return f"/api/v1/namespaces/{self.latest['metadata']['namespace']}/pods/{self.latest['metadata']['name']}"

    def update(self, pod: Json) -> None:
        """Take note of what the API server says about the pod now."""
        # A watch may lag behind the answer to our own latest write; its news of a deletion counts all the same.
        if version_of(pod) >= version_of(self.latest):
            self.latest = pod
        if pod["metadata"].get("deletionTimestamp"):
            self.deleted.set()

    async def run(self) -> None:
        """Carry the pod to its end."""
        finished = self.latest.get("status", {}).get("phase") in ("Succeeded", "Failed")
        async with asyncio.TaskGroup() as group:
            lives = [] if finished or self.deleted.is_set() else self._live_in(group)
            await self.deleted.wait()
            for task in lives:
                task.cancel()
        await self._stop()

    def _live_in(self, group: asyncio.TaskGroup) -> Sequence[asyncio.Task[None]]:
        return [group.create_task(self._live(container)) for container in self.latest["spec"]["containers"]]

    async def _live(self, container: Json) -> None:
        record = self.records[container["name"]]
        while True:
            try:
                # Read anew for every run, so that a changed annotation heals at the next restart.
                plan = plan_for(self.latest, container)
            except ValueError as error:
                refused = Waiting(reason="CreateContainerConfigError", message=str(error))
                await self._enter(record, Step(state=refused, seconds=None))
                return
            while complaint := await self._missing_for(container):
                await self._enter(record, not_created(complaint))
            for step in life(plan, restarts=record.restarts):
                await self._enter(record, step)
            if not self._starts_again(record):
                return
            for step in back_off(plan, restarts=record.restarts):
                await self._enter(record, step)
            record.restarts += 1

    async def _missing_for(self, container: Json) -> str | None:
        """The first thing that the container's environment needs and that is not there."""
        namespace = self.latest["metadata"]["namespace"]
        for reference in references_of(container):
            path = f"/api/v1/namespaces/{namespace}/{reference.source.collection}/{reference.name}"
            complaint = reference.complaint(await self._find(path), namespace=namespace)
            if complaint:
                return complaint
        return None

    async def _find(self, path: str) -> Json | None:
        try:
            return await self.around.api.get(path)
        except ApiError as error:
            # The Node authorizer refuses (403) until it has seen the pod that refers to the object.
            say(f"{path}: {error}")
            return None
        except (aiohttp.ClientError, TimeoutError) as error:
            say(f"{path}: {type(error).__name__}: {error}")
            return None

    def _starts_again(self, record: ContainerRecord) -> bool:
        policy = self.latest["spec"].get("restartPolicy", "Always")
        return policy == "Always" or (policy == "OnFailure" and record.exit_code != 0)

    async def _enter(self, record: ContainerRecord, step: Step) -> None:
        """Make a step visible and let it last as long as it should."""
        changed = self._apply(record, step.state, log=step.log)
        if changed:
            await self._write_status()
        await self._record(record, step.happenings)
        if step.seconds is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(step.seconds * self.around.time_scale)

    def _apply(self, record: ContainerRecord, state: State, *, log: Sequence[str]) -> bool:
        """Put a state into the record and the log book; answer whether the status is another one now."""
        now = stamp.now()
        name, book = self._log_name(record), self.around.book
        starts = isinstance(state, Running) and not isinstance(record.state, Running)
        if starts:
            book.begin(name)
        if log:
            book.write(name, log, at=now)
        if isinstance(state, Terminated):
            book.end(name)
        return record.enter(state, now=now)

    def _log_name(self, record: ContainerRecord) -> ContainerName:
        meta = self.latest["metadata"]
        return ContainerName(namespace=meta["namespace"], pod=meta["name"], container=record.name)

    async def _record(self, record: ContainerRecord, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            await patiently(
                lambda happening=happening: self.around.recorder.about_container(  # type: ignore[misc]
                    self.latest, container=record.name, happening=happening
                ),
                what=f"event {happening.reason} of {self.path}",
            )

    async def _write_status(self) -> None:
        async with self.writing:
            status = pod_status(self.latest, tuple(self.records.values()), address=self.address, now=stamp.now())
            # The uid makes the API server refuse when another pod has taken the name.
            body = {"metadata": {"uid": self.latest["metadata"]["uid"]}, "status": status}
            await patiently(lambda: self._send_status(body), what=f"status of {self.path}")

    async def _send_status(self, body: Json) -> None:
        self.update(await self.around.api.patch(f"{self.path}/status", body))

    async def _stop(self) -> None:
        """End what runs, say so, and let the API server forget the pod."""
        meta = self.latest["metadata"]
        for record in self.records.values():
            if isinstance(record.state, Running):
                stopping = Happening(reason="Killing", message=f"Stopping container {record.name}")
                await self._record(record, (stopping,))
        grace = min(meta.get("deletionGracePeriodSeconds") or 0, _STOP_SECONDS)
        await asyncio.sleep(grace * self.around.time_scale)
        for record in self.records.values():
            if isinstance(record.state, Running):
                self._apply(record, Terminated(exit_code=0, reason="Completed"), log=("INFO stopping",))
        await self._write_status()
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        await patiently(lambda: self.around.api.delete(self.path, options), what=f"deletion of {self.path}")


async def patiently(call: Callable[[], Awaitable[object]], *, what: str) -> None:
    """Call the API server, again when it could not be reached or failed; give up on a refusal and say so."""
    for attempt in range(1, _ATTEMPTS + 1):
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            try:
                await call()
            except ApiError as error:
                if error.target_is_gone:
                    return
                if error.status < _SERVER_ERROR and error.status != _TOO_MANY_REQUESTS:
                    say(f"{what}: {error}")
                    return
            else:
                return
        await asyncio.sleep(_RETRY_SECONDS * attempt)
    say(f"{what}: given up after {_ATTEMPTS} attempts")


def version_of(pod: Json) -> int:
    """How new this news of a pod is: the API server numbers all changes in their order (etcd's revision)."""
    return int(pod["metadata"]["resourceVersion"])


def say(text: str) -> None:
    """One line in the kubelet's own log."""
    print(f"{stamp.micros(stamp.now())} {text}", flush=True)
