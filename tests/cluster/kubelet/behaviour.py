"""What a container on a fake node is going to do, read from its pod. Pure.

A test says it in annotations of the pod (template), all below `midwatch.test/`:

    behaviour             one of `Behaviour`; without it the image's tag is searched for crash, oom, nopull, notready, slow
    container             which container misbehaves (the first by default); the others are healthy
    needs-memory          a quantity; a container whose memory limit is below it is OOMKilled, and healed by a higher limit
    log                   lines that the container writes when it starts
    last-words            lines that it writes before it crashes
    exit-code             of a crash (1 by default)
    runs-seconds          how long it runs before it crashes, is killed or completes
    ready-after-seconds   how long it runs before it is ready

Seconds are those of a real kubelet; `time_scale` shortens all of them alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tests.cluster.kubelet.wire import Json

PREFIX = "midwatch.test/"


class Behaviour(StrEnum):
    """How a container's life goes."""

    HEALTHY = "healthy"
    """Runs and becomes ready."""
    CRASH = "crash"
    """Exits by itself, again and again."""
    OOM = "oom"
    """Is killed for its memory, whatever its limit."""
    HUNG = "hung"
    """Stops answering: its liveness probe fails, and it is killed and started again."""
    NO_PULL = "nopull"
    """Its image does not exist."""
    NOT_READY = "notready"
    """Runs, and its readiness probe fails for ever."""
    SLOW = "slow"
    """Becomes ready late."""
    COMPLETE = "complete"
    """Does its work and exits with 0; what pods of jobs do unless they are told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one container is going to do. Durations in seconds of a real kubelet."""

    behaviour: Behaviour
    container: str
    image: str
    pod: str
    """`name_namespace(uid)`, as the kubelet names pods in its messages."""
    has_readiness_probe: bool
    exit_code: int
    runs_seconds: float
    ready_after_seconds: float
    log: tuple[str, ...]
    last_words: tuple[str, ...]


_BY_TAG = (Behaviour.CRASH, Behaviour.OOM, Behaviour.NO_PULL, Behaviour.NOT_READY, Behaviour.SLOW)
_READY_AFTER = {Behaviour.SLOW: 60.0}
_USUALLY_READY_AFTER = 2.0
_RUNS_SECONDS = 3.0
_LAST_WORDS = {
    Behaviour.CRASH: (
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 12, in <module>',
        "    url = os.environ['PAYMENT_URL']",
        "KeyError: 'PAYMENT_URL'",
    ),
    Behaviour.HUNG: ("WARN worker pool exhausted, 64 of 64 busy",),
    Behaviour.COMPLETE: ("INFO done",),
}
# A process that is killed for its memory says nothing any more; what it said before is all there is.
_LOG = {Behaviour.OOM: ("INFO starting", "INFO loading the product catalogue into memory")}
_USUAL_LOG = ("INFO starting", "INFO listening on :8080")


def plan_for(pod: Json, container: Json) -> Plan:
    """Read the annotations and decide. Raises `ValueError` for a behaviour or a quantity that does not exist."""
    meta = pod["metadata"]
    told = _told(meta.get("annotations") or {}, pod=pod, container=container)
    behaviour = _behaviour(told, pod=pod, container=container)
    return Plan(
        behaviour=behaviour,
        container=container["name"],
        image=container["image"],
        pod=f"{meta['name']}_{meta['namespace']}({meta['uid']})",
        has_readiness_probe="readinessProbe" in container,
        exit_code=int(told.get("exit-code", "1")),
        runs_seconds=float(told.get("runs-seconds", _RUNS_SECONDS)),
        ready_after_seconds=float(told.get("ready-after-seconds", _READY_AFTER.get(behaviour, _USUALLY_READY_AFTER))),
        log=_lines(told, "log", otherwise=_LOG.get(behaviour, _USUAL_LOG)),
        last_words=_lines(told, "last-words", otherwise=_LAST_WORDS.get(behaviour, ())),
    )


def _told(annotations: Mapping[str, str], *, pod: Json, container: Json) -> Mapping[str, str]:
    """Our annotations without their prefix; nothing for a container that they are not about."""
    told = {key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)}
    about = told.get("container", pod["spec"]["containers"][0]["name"])
    return told if container["name"] == about else {}


def _behaviour(told: Mapping[str, str], *, pod: Json, container: Json) -> Behaviour:
    if "needs-memory" in told and lacks_memory(container, needs=told["needs-memory"]):
        return Behaviour.OOM
    if "behaviour" in told:
        return Behaviour(told["behaviour"])
    tag = container["image"].rpartition("/")[2].partition(":")[2]
    named = next((behaviour for behaviour in _BY_TAG if behaviour in tag), None)
    if named is not None:
        return named
    return Behaviour.HEALTHY if pod["spec"].get("restartPolicy", "Always") == "Always" else Behaviour.COMPLETE


def lacks_memory(container: Json, *, needs: str) -> bool:
    """Whether the container has a memory limit and it is lower than the quantity it needs."""
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return limit is not None and quantity(limit) < quantity(needs)


_SUFFIXES = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in enumerate(("k", "M", "G", "T", "P"), start=1)},
    **{name: Decimal(1024) ** power for power, name in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
}


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity as a number: `256Mi`, `0.5`, `100m`, `1G`."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", text)
    if parts is None or parts[2] not in _SUFFIXES:
        raise ValueError(f"{text!r} is no quantity; write it like 256Mi")
    return Decimal(parts[1]) * _SUFFIXES[parts[2]]


def _lines(told: Mapping[str, str], key: str, *, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(told[key].splitlines()) if key in told else otherwise
