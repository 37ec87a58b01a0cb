"""Calls between services, as detectors look at them: who calls whom, since when it fails or is slow. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx

from agents.detector import Scene, Sightings
from agents.observability.names import Names
from agents.observability.shift import Shift, find_shift, share
from agents.remembered import remembered_each
from incidents.entity import Entity
from incidents.ids import EntityId
from tools.probe import Observation
from tools.prometheus.curve import Curve, rounded
from tools.prometheus.probes.service_graph import Call, ServiceGraphView

LEAST_FAILING = 0.01
"""Share of calls that fails at least: client-side retries hide less."""
LEAST_RATIO = 2.0
SLOWER = 1.5
"""Half as long again: less is within what a histogram's buckets can tell."""
LEAST_RISE = 0.05
"""Seconds."""
FAILING_NOISE = share(0.1, at_least=0.001)
SLOW_NOISE = share(0.1, at_least=0.005)
LEAST_CALLS = 0.05
"""Calls per second: a percentage of less is single calls."""


@dataclass(frozen=True, kw_only=True)
class SeenCall:
    """One call of the neighbourhood with both ends resolved."""

    seen: Observation[ServiceGraphView]
    caller: EntityId
    callee: EntityId
    caller_name: str
    callee_name: str
    per_second: float
    """At the end of the window."""
    failing: Shift | None
    """Its share of failures went up to this."""
    slow: Shift | None
    """Its p99 (seconds) went up to this."""

    @property
    def healthy(self) -> bool:
        """Whether it neither fails nor is slow, and is made at all."""
        return self.failing is None and self.slow is None and self.per_second >= LEAST_CALLS


def calls_of(sightings: Sightings, scene: Scene) -> tuple[SeenCall, ...]:
    """Every call that was looked at over time."""
    names, cluster = Names.of(sightings, scene), scene.case.incident.cluster
    found: list[SeenCall] = []
    for seen in sightings.of(ServiceGraphView):
        for call in seen.view.calls:
            caller = _resolve(names, call.client, call.client_namespace, cluster=cluster)
            callee = _resolve(names, call.server, call.server_namespace, cluster=cluster)
            if caller != callee:
                found.append(_seen(seen, call, caller=caller, callee=callee))
    return tuple(found)


def edges_of(sightings: Sightings, scene: Scene) -> Iterable[tuple[EntityId, EntityId, float]]:
    """Every call of the estate that telemetry knows: caller, callee, calls per second."""
    names, cluster = Names.of(sightings, scene), scene.case.incident.cluster
    for seen in sightings.of(ServiceGraphView):
        for client, server, per_second in seen.view.known:
            caller = _resolve(names, client, None, cluster=cluster)
            callee = _resolve(names, server, None, cluster=cluster)
            if caller != callee:
                yield caller, callee, per_second


def neighbours(sightings: Sightings, names: Names, asked: Iterable[EntityId]) -> tuple[EntityId, ...]:
    """Known workloads that any of these calls, then those that call any of these, the busiest calls first."""
    own = set(asked)
    ends = [
        (names.resolve(client), names.resolve(server), per_second)
        for seen in sightings.of(ServiceGraphView)
        for client, server, per_second in seen.view.known
    ]
    ends.sort(key=lambda call: -call[2])
    callees = [server for client, server, _ in ends if client in own and server is not None]
    callers = [client for client, server, _ in ends if server in own and client is not None]
    return tuple(dict.fromkeys((*callees, *callers)))


def most_called_first(sightings: Sightings, scene: Scene, asked: Sequence[EntityId]) -> tuple[EntityId, ...]:
    """These, first those that most others of them lead to: who called whom tells, not who raised the alarm first.

    Where several that call one another are in trouble, the cause is likelier below.
    """
    calls = nx.DiGraph((caller, callee) for caller, callee, _ in edges_of(sightings, scene))
    calls.add_edges_from((one, callee) for one in asked for callee in scene.case.topology.callees(one, transitive=True))
    calls.add_nodes_from(asked)
    above = {one: len(nx.ancestors(calls, one) & set(asked)) for one in asked}
    return tuple(sorted(asked, key=lambda one: -above[one]))


def troubled(sightings: Sightings, scene: Scene, asked: Iterable[EntityId]) -> tuple[EntityId, ...]:
    """Workloads, not themselves asked about, that calls from any of these go to and fail or are slow; worst first."""
    own = set(asked)
    found = [
        (-(call.failing.after if call.failing else 0.0), call.callee)
        for call in calls_of(sightings, scene)
        if call.caller in own and call.callee not in own and (call.failing or call.slow) and _is_workload(call.callee)
    ]
    return tuple(dict.fromkeys(callee for _, callee in sorted(found)))


def _is_workload(entity: EntityId) -> bool:
    return Entity.parse(entity).is_workload


def _resolve(names: Names, name: str, namespace: str | None, *, cluster: str) -> EntityId:
    return names.resolve(name, namespace=namespace) or names.outside(name, cluster=cluster)


def _seen(seen: Observation[ServiceGraphView], call: Call, *, caller: EntityId, callee: EntityId) -> SeenCall:
    failing, slow = _trouble(call)
    return SeenCall(
        seen=seen,
        caller=caller,
        callee=callee,
        caller_name=call.client,
        callee_name=call.server,
        per_second=(call.rate.last if call.rate else None) or 0.0,
        failing=failing,
        slow=slow,
    )


@remembered_each
def _trouble(call: Call) -> tuple[Shift | None, Shift | None]:
    """What its failures and its latency rose to."""
    return _failing(call), _slow(call)


def _failing(call: Call) -> Shift | None:
    curve = _failing_share(call)
    if curve is None:
        return None
    shift = find_shift(curve, floor=FAILING_NOISE) or find_shift(curve, floor=FAILING_NOISE, smooth=True)
    rising = shift is not None and shift.after >= max(LEAST_FAILING, LEAST_RATIO * shift.before)
    return shift if rising else None


def _failing_share(call: Call) -> Curve | None:
    """Failed calls by all calls; a failure counter that does not exist yet counts nothing."""
    if call.rate is None or call.failed is None:
        return None
    pairs = zip(call.rate.values, call.failed.values, strict=True)
    values = tuple(rounded((bad or 0.0) / every) if every else None for every, bad in pairs)
    return call.rate.model_copy(update={"values": values})


def _slow(call: Call) -> Shift | None:
    shift = find_shift(call.p99, floor=SLOW_NOISE) if call.p99 else None
    rising = shift is not None and shift.after >= max(SLOWER * shift.before, shift.before + LEAST_RISE)
    return shift if rising else None
