"""What adds up along calls, so that a caller's excess can be told from its callees': requests in flight, and failures.

Requests in flight are the seconds spent on requests per second: rate times mean duration (Little, "A proof for the
queuing formula L = lambda W", Operations Research 9, 1961). A caller's request is in flight while its callees' are, so
what is left of its excess once theirs is taken off is its own. Failures are passed on the same way.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.observability.columns import Column, stacked
from agents.observability.departure import Departures, Values, departures, held
from agents.observability.families import Family, family_of
from incidents.ids import EntityId
from tools.prometheus.probes.table import FAILED

IN_FLIGHT = "requests_in_flight"
BEGUN = 0.5
"""Share of its score that a workload keeps which was not called before, and what it suffers excuses no caller: that it
is called at all is the caller's doing (a name that was mistyped, a path that is taken in error)."""
HARDLY = 0.02
"""Share of today's requests below which a workload counts as not called before."""
Calls = Mapping[EntityId, Sequence[EntityId]]
"""Caller -> callees."""
Amounts = Mapping[EntityId, Values]


@dataclass(frozen=True, kw_only=True)
class Share:
    """One workload's part of a flow, per second. Scores in standard deviations, at least 0."""

    before: float
    after: float
    departed: float
    """Score of the whole departure."""
    own: float
    """Score of what callees do not explain of it."""

    @property
    def excess(self) -> float:
        """By how much it rose; negative when it fell."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One quantity, by workload."""

    family: Family
    metric: str
    """What it is called when people are told."""
    shares: Mapping[EntityId, Share]


def flow_of(columns: Sequence[Column], *, family: Family, moment: int, seconds: float, calls: Calls) -> Flow:
    """The flow of failures (`Family.ERRORS`) or of requests in flight (`Family.LATENCY`) since row `moment`.

    `seconds` is what rates look back over: how many events a value was counted from.
    """
    metric = FAILED if family is Family.ERRORS else IN_FLIGHT
    amount = _amounts(columns, lambda column: carries(column.metric, family))
    if not amount:
        return Flow(family=family, metric=metric, shares={})
    demand = _amounts(columns, lambda column: column.family is Family.TRAFFIC)
    served = demand if family is Family.LATENCY else {}
    noise = [counting(amount[e], served.get(e), moment=moment, seconds=seconds) for e in amount]
    gone = departures(stacked(map(np.nan_to_num, amount.values())), moment=moment, least_noise=np.array(noise))
    shares = _shares(
        tuple(amount),
        gone,
        busy=_busy(demand, moment=moment),
        begun=_begun(demand, moment=moment),
        calls=calls,
    )
    return Flow(family=family, metric=metric, shares=shares)


def carries(metric: str, family: Family) -> bool:
    """Whether a metric is the amount of a flow."""
    if family is Family.ERRORS:
        return metric == FAILED
    return metric.endswith("_sum") and family is family_of(metric) is Family.LATENCY


def counting(amount: Values, demand: Values | None, *, moment: int, seconds: float) -> float:
    """Standard deviation that counting events alone brings (Poisson), in the unit of the amount.

    Of failures an event is one failure, of requests in flight (with their `demand`) it is one request of usual length,
    or of the length that they have now when there were none. One more event is allowed than there usually are: of
    nothing at all, one may still be chance.
    """
    level, each = _mean(amount[:moment]), 1.0
    if demand is not None:
        each = _length(amount[:moment], demand[:moment]) or _length(amount, demand)
    return each * float(np.sqrt(level / each * seconds + 1.0)) / seconds if each > 0 else 0.0


def _shares(
    entities: Sequence[EntityId],
    gone: Departures,
    *,
    busy: Mapping[EntityId, float],
    begun: Collection[EntityId],
    calls: Calls,
) -> dict[EntityId, Share]:
    excess = dict(zip(entities, gone.signed.tolist(), strict=True))
    passed_on = {entity: amount for entity, amount in excess.items() if entity not in begun}
    found: dict[EntityId, Share] = {}
    for index, entity in enumerate(entities):
        score, whole = float(gone.score[index]), excess[entity]
        own = max(0.0, whole - _explained(entity, excess=passed_on, busy=busy, calls=calls))
        found[entity] = Share(
            before=float(gone.before[index]),
            after=float(gone.after[index]),
            departed=score,
            own=score * min(1.0, own / whole) * (BEGUN if entity in begun else 1.0) if whole > 0 else 0.0,
        )
    return found


def _explained(
    entity: EntityId, *, excess: Mapping[EntityId, float], busy: Mapping[EntityId, float], calls: Calls
) -> float:
    """Excess that its callees' accounts for: of a callee with several callers, by how busy each of them is."""
    total = 0.0
    for callee in calls.get(entity, ()):
        callers = [caller for caller, callees in calls.items() if callee in callees]
        demand = sum(busy.get(caller, 0.0) for caller in callers)
        portion = busy.get(entity, 0.0) / demand if demand > 0 else 1.0 / len(callers)
        total += max(0.0, excess.get(callee, 0.0)) * portion
    return total


def _begun(demand: Amounts, *, moment: int) -> frozenset[EntityId]:
    """Workloads that were hardly called before and are now: whoever calls them does something new."""
    return frozenset(
        entity for entity, values in demand.items() if _mean(values[:moment]) < HARDLY * _mean(values[moment:])
    )


def _busy(demand: Amounts, *, moment: int) -> dict[EntityId, float]:
    """Requests per second since, at their most."""
    return {entity: float(np.nan_to_num(held(values[moment:])).max(initial=0.0)) for entity, values in demand.items()}


def _amounts(columns: Sequence[Column], chosen: Callable[[Column], bool]) -> dict[EntityId, Values]:
    """One series per workload; of several the larger, since different conventions count the same requests."""
    found: dict[EntityId, Values] = {}
    for column in columns:
        if chosen(column):
            known = found.get(column.entity)
            found[column.entity] = column.values if known is None else np.fmax(known, column.values)
    return found


def _length(amount: Values, demand: Values) -> float:
    """Seconds of a request: those in flight by those per second; 0 without any."""
    rate = _mean(demand)
    return _mean(amount) / rate if rate > 0 else 0.0


def _mean(values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0
