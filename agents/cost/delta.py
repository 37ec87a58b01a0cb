"""What a proposal would change in money: the difference in requested CPU and memory, times replicas, times price. Pure.

Requests are what is paid for: they decide how many nodes are needed. Limits cost nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.cost.prices import GIB, UnitPrices
from incidents.action import FieldChange
from incidents.casefile import CaseFile
from incidents.fact import Fact
from incidents.ids import EntityId, FactKind
from incidents.proposal import CostDelta, ProposedAction
from incidents.value import Scalar
from tools.estate import Connections
from tools.kubernetes.quantity import read_bytes, read_cores

RATE = FactKind("cost.rate")
_RESOURCE = re.compile(r"containers\[[^\]]+\]\.resources\.requests\.(?P<resource>cpu|memory)$")
_REPLICAS = "spec.replicas"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one action changes of what is requested: cores and bytes of one pod, and the number of pods."""

    cores: float = 0.0
    memory: float = 0.0
    pods_before: int
    pods_after: int

    @property
    def nothing(self) -> bool:
        """Whether requests and replicas stay as they are."""
        return self.cores == 0 and self.memory == 0 and self.pods_before == self.pods_after


def cost_delta(case: CaseFile, actions: Sequence[ProposedAction], *, connections: Connections) -> CostDelta:
    """The cost of all actions together; unknown as soon as one of them has no price."""
    deltas = [_of(case, action, connections=connections) for action in actions]
    unknown = next((delta for delta in deltas if delta.usd_per_hour is None), None)
    if unknown is not None:
        return unknown
    total = sum(delta.usd_per_hour or 0.0 for delta in deltas)
    bases = dict.fromkeys(delta.basis for delta in deltas)
    return CostDelta(usd_per_hour=round(total, 4), basis="; ".join(bases) or "no action")


def _of(case: CaseFile, action: ProposedAction, *, connections: Connections) -> CostDelta:
    rate = rate_of(case.facts, action.request.target)
    change = change_of(action, rate=rate)
    if change.nothing:
        return CostDelta(usd_per_hour=0.0, basis="requests and replicas stay as they are")
    prices = _prices(rate) or _prices(_newest(case.facts))
    if prices is None:
        return CostDelta(usd_per_hour=None, basis=_why_unknown(connections))
    if change.pods_before == change.pods_after:
        usd = change.pods_after * prices.usd_per_hour(cores=change.cores, memory_bytes=change.memory)
        return CostDelta(usd_per_hour=round(usd, 4), basis=f"{_text(change)} x {prices.basis}")
    per_pod = _pod(rate)
    if per_pod is None:
        return CostDelta(usd_per_hour=None, basis="what one of its pods requests could not be seen")
    cores, memory = per_pod
    before = change.pods_before * prices.usd_per_hour(cores=cores, memory_bytes=memory)
    after = change.pods_after * prices.usd_per_hour(cores=cores + change.cores, memory_bytes=memory + change.memory)
    basis = f"{change.pods_before} -> {change.pods_after} pods, {_text(change)} x {prices.basis}"
    return CostDelta(usd_per_hour=round(after - before, 4), basis=basis)


def rate_of(facts: Iterable[Fact], entity: EntityId) -> Fact | None:
    """What is known of an entity's cost."""
    return next((fact for fact in facts if fact.kind == RATE and fact.entity == entity), None)


def change_of(action: ProposedAction, *, rate: Fact | None) -> Change:
    """What an action's preview changes of requests and replicas."""
    before, after = _replicas(action, rate)
    return Change(
        cores=sum(_difference(change, "cpu") for change in action.preview.diff),
        memory=sum(_difference(change, "memory") for change in action.preview.diff),
        pods_before=before,
        pods_after=after,
    )


def _difference(change: FieldChange, resource: str) -> float:
    found = _RESOURCE.search(change.path)
    if found is None or found["resource"] != resource:
        return 0.0
    read = read_cores if resource == "cpu" else read_bytes
    return (read(change.after) or 0) - (read(change.before) or 0)


def _replicas(action: ProposedAction, rate: Fact | None) -> tuple[int, int]:
    for change in action.preview.diff:
        if change.path == _REPLICAS:
            return int(change.before or 1), int(change.after or 1)
    now = int(_number(rate, "replicas") or action.blast_radius.pods)
    return now, now


def _prices(rate: Fact | None) -> UnitPrices | None:
    core, gib = _number(rate, "usd_per_core_hour"), _number(rate, "usd_per_gib_hour")
    if rate is None or core is None or gib is None:
        return None
    return UnitPrices(core_hour=core, gib_hour=gib, basis=str(rate.attributes.get("basis", "known prices")))


def _newest(facts: Iterable[Fact]) -> Fact | None:
    """Prices are the estate's: those seen for a neighbour hold for all."""
    return next((fact for fact in facts if fact.kind == RATE and "usd_per_core_hour" in fact.attributes), None)


def _pod(rate: Fact | None) -> tuple[float, float] | None:
    cores, memory = _number(rate, "cpu_request"), _number(rate, "memory_request")
    return None if cores is None and memory is None else (cores or 0.0, memory or 0.0)


def _number(rate: Fact | None, attribute: str) -> float | None:
    value: Scalar | None = rate.attributes.get(attribute) if rate else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _why_unknown(connections: Connections) -> str:
    if connections.opencost is None and not connections.node_usd_per_hour:
        return "no price is known: configure OpenCost, or node_usd_per_hour in the settings"
    return "no price could be read for it"


def _text(change: Change) -> str:
    parts = []
    if change.cores:
        parts.append(f"{change.cores:+g} cores")
    if change.memory:
        parts.append(f"{change.memory / GIB * 1024:+.0f}Mi")
    return (" and ".join(parts) + f" in each of {change.pods_after} pods") if parts else "same requests"
