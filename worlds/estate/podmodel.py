"""The figures of one pod's process: the scenario's behaviour, the pod's limits and the effects in force, combined."""

from collections.abc import Iterable
from dataclasses import dataclass

from worlds.estate.effects import ActiveEffect
from worlds.objects.kinds import JsonObject
from worlds.objects.quantity import parse_quantity
from worlds.scenario.workload import Workload

# Requests that one process works on at a time before it turns new ones away.
WORKERS = 256.0
_NO_LIMIT = float("inf")


@dataclass(frozen=True, kw_only=True)
class PodModel:
    """Seconds, bytes, cores and requests per second."""

    latency: float
    error_rate: float
    effect_error_rate: float
    client_error_rate: float
    cpu_per_request: float
    idle_cpu: float
    cpu_limit: float
    capacity: float
    memory_base: float
    memory_per_rps: float
    memory_ramp: float
    memory_limit: float
    leak_per_second: float
    leak_since: float
    calls_factor: float
    drain_per_second: float = 0.0
    drain_since: float = 0.0
    drain_most: float = 1.0


def pod_model(workload: Workload, pod: JsonObject | None, effects: Iterable[ActiveEffect]) -> PodModel:
    """Combine everything. `pod` is None for an external dependency, which has no limits."""
    behaviour = workload.behaviour
    limits = (pod["spec"]["containers"][0].get("resources", {}).get("limits", {}) if pod else {}) or {}
    cpu_limit = parse_quantity(limits["cpu"]) if "cpu" in limits else _NO_LIMIT
    memory_limit = parse_quantity(limits["memory"]) if "memory" in limits else _NO_LIMIT
    latency, failed = behaviour.latency, 1.0
    cpu, calls = behaviour.cpu_per_request, 1.0
    memory, leak = parse_quantity(behaviour.memory_base), parse_quantity(behaviour.leak_per_hour)
    leak_since = 0.0
    drain = (0.0, 0.0, 1.0)
    for active in effects:
        effect = active.effect
        if effect.drain is not None:
            drain = (effect.drain.per_hour / 3600.0, active.since, effect.drain.most)
        if parse_quantity(effect.leak_per_hour):
            leak_since = active.since
        latency = latency * effect.latency_factor + effect.latency
        failed *= 1 - effect.error_rate
        cpu *= effect.cpu_factor
        calls *= effect.calls_factor
        memory += parse_quantity(effect.memory)
        leak += parse_quantity(effect.leak_per_hour)
    idle = parse_quantity(behaviour.idle_cpu)
    by_cpu = max(cpu_limit - idle, 1e-3) / cpu if cpu else _NO_LIMIT
    explicit = (
        behaviour.capacity * behaviour.cpu_per_request / cpu if behaviour.capacity and cpu else behaviour.capacity
    )
    return PodModel(
        latency=latency,
        error_rate=behaviour.error_rate,
        effect_error_rate=1 - failed,
        client_error_rate=behaviour.client_error_rate,
        cpu_per_request=cpu,
        idle_cpu=idle,
        cpu_limit=cpu_limit,
        capacity=min(by_cpu, explicit or _NO_LIMIT),
        memory_base=memory,
        memory_per_rps=parse_quantity(behaviour.memory_per_rps),
        memory_ramp=behaviour.memory_ramp,
        memory_limit=memory_limit,
        leak_per_second=leak / 3600.0,
        leak_since=leak_since,
        calls_factor=calls,
        drain_per_second=drain[0],
        drain_since=drain[1],
        drain_most=drain[2],
    )
