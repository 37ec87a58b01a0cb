"""Where trouble begins: workloads ranked by how far their metrics departed, less what those they call explain. Pure.

Two quantities of requests add up along calls, so that a caller's excess can be told from its callees': the requests in
flight (Little's law: rate times mean duration; Little, "A proof for L = lambda W", Operations Research 9, 1961) and the
requests that fail. What is left of a caller's excess once its callees' is taken off is its own. Resources do not add
up: they are used where they are used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from agents.observability.departure import Departures, Values, departures, held, moment_of
from agents.observability.families import RESOURCES, Family, family_of
from incidents.ids import EntityId
from tools.prometheus.probes.table import FAILED, Row, TableView

FOLLOWS = 0.5
"""Share of its score that a metric of demand keeps: traffic and bytes follow what others do."""
FALLS = 0.5
"""Share of its score that a resource keeps of which less is used: rather a consequence, as less work arrives."""
BESIDE = 0.5
"""Share of its score that a metric keeps which is no part of what the alerted one suffers from."""
PASSED_ON = 3.5
"""Score from which a callee is in trouble itself (the robust z-score of an outlier)."""
LATE = timedelta(minutes=5)
"""How much earlier than the alert's start is looked for the moment, besides `earlier`."""

DEMAND = frozenset({Family.TRAFFIC, Family.NETWORK})
Calls = Mapping[EntityId, Sequence[EntityId]]
"""Caller -> callees."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric of one workload over the rows of a table."""

    entity: EntityId
    metric: str
    family: Family
    values: Values


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One workload with its farthest departure, as far as it is its own. Levels in the metric's unit."""

    entity: EntityId
    family: Family
    metric: str
    before: float
    after: float
    score: float
    """Robust standard deviations, after what others explain of it."""
    explained_by: EntityId | None = None
    """The callee that explains most of what its requests suffer, when one does."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Workloads, the likeliest origin first, and since when."""

    at: datetime
    origins: tuple[Origin, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the alerts point and when they began."""

    alerted: frozenset[EntityId]
    started: datetime
    earlier: timedelta
    """How much earlier than the alert the trouble may have begun."""


def columns_of(view: TableView, resolve: Mapping[str, EntityId]) -> tuple[Column, ...]:
    """The rows as arrays, for workloads that are known. Rows of one metric and workload stay apart."""
    return tuple(
        Column(entity=resolve[row.workload], metric=_name(row), family=family_of(row.metric), values=_values(row))
        for row in view.rows
        if row.workload in resolve
    )


def rank(view: TableView, columns: Sequence[Column], *, calls: Calls, place: Place) -> Ranking | None:
    """Rank the workloads of a table. None when nothing was measured."""
    if not columns:
        return None
    start, step = view.rows[0].curve.start, view.rows[0].curve.step
    values = np.column_stack([column.values for column in columns])
    first = _row(place.started - place.earlier, start=start, step=step)
    moment = moment_of(values, first=first, last=_row(place.started, start=start, step=step) + 1)
    gone = departures(
        values, moment=moment, least_noise=_least_noise(columns, moment=moment, seconds=view.rate_seconds)
    )
    flows = [
        _Flow(columns, values, moment=moment, family=family, seconds=view.rate_seconds, calls=calls)
        for family in (Family.LATENCY, Family.ERRORS)
    ]
    suffered = _suffered(flows, place.alerted)
    found: dict[EntityId, Origin] = {}
    for origin in [*_of_columns(columns, gone, flows, calls), *_of_flows(flows, suffered)]:
        known = found.get(origin.entity)
        if origin.score > 0 and (known is None or origin.score > known.score):
            found[origin.entity] = origin
    ordered = sorted(found.values(), key=lambda one: (-one.score, one.entity))
    return Ranking(at=start + timedelta(seconds=moment * step), origins=tuple(ordered))


class _Flow:
    """A quantity that adds up along calls, by workload: its excess, its noise, and what of it is the workload's own."""

    def __init__(
        self,
        columns: Sequence[Column],
        values: Values,
        *,
        moment: int,
        family: Family,
        seconds: float,
        calls: Calls,
    ) -> None:
        self.family = family
        amount = _by_entity(columns, values, lambda c: _carries(c.metric, family))
        demand = _by_entity(columns, values, lambda c: c.family is Family.TRAFFIC)
        self.entities = tuple(amount)
        self.metric = FAILED if family is Family.ERRORS else "requests_in_flight"
        if not amount:
            self.score: Mapping[EntityId, float] = {}
            self.own: Mapping[EntityId, float] = {}
            return
        self._demand = {e: float(np.nan_to_num(held(v[moment:]).max(initial=0.0))) for e, v in demand.items()}
        table = np.column_stack([np.nan_to_num(amount[e]) for e in self.entities])
        served = demand if family is Family.LATENCY else {}
        counted = [_counting(amount[e], served.get(e), moment=moment, seconds=seconds) for e in self.entities]
        gone = departures(table, moment=moment, least_noise=np.array(counted))
        self.gone = gone
        noise = np.maximum(np.abs(gone.signed) / np.maximum(gone.score, 1e-9), 1e-12)
        self.excess = dict(zip(self.entities, gone.signed.tolist(), strict=True))
        self.own = {e: self.excess[e] - self._explained(e, calls) for e in self.entities}
        self.score = {
            e: max(0.0, self.own[e] / float(one)) if gone.score[i] > 0 else 0.0
            for i, (e, one) in enumerate(zip(self.entities, noise, strict=True))
        }

    def origin(self, entity: EntityId, *, keeps: float) -> Origin:
        """What the flow says of one workload."""
        index = self.entities.index(entity)
        return Origin(
            entity=entity,
            family=self.family,
            metric=self.metric,
            before=float(self.gone.before[index]),
            after=float(self.gone.after[index]),
            score=self.score[entity] * keeps,
        )

    def _explained(self, entity: EntityId, calls: Calls) -> float:
        """Excess that its callees' accounts for: of a callee with several callers, by their shares of demand."""
        total = 0.0
        for callee in calls.get(entity, ()):
            callers = [caller for caller, callees in calls.items() if callee in callees]
            demand = sum(self._demand.get(caller, 0.0) for caller in callers)
            portion = self._demand.get(entity, 0.0) / demand if demand > 0 else 1.0 / len(callers)
            total += max(0.0, self.excess.get(callee, 0.0)) * portion
        return total


def _of_flows(flows: Iterable[_Flow], suffered: Family | None) -> Iterable[Origin]:
    for flow in flows:
        keeps = 1.0 if suffered in (None, flow.family) else BESIDE
        yield from (flow.origin(entity, keeps=keeps) for entity in flow.entities)


def _of_columns(columns: Sequence[Column], gone: Departures, flows: Sequence[_Flow], calls: Calls) -> Iterable[Origin]:
    """Every column by itself, but for those that a flow tells better, and less when a callee explains it."""
    told = {flow.family: frozenset(flow.entities) for flow in flows}
    troubled = _troubled(columns, gone)
    for index, column in enumerate(columns):
        if column.entity in told.get(column.family, ()) or _carries(column.metric, column.family):
            continue
        guilty = next((c for c in calls.get(column.entity, ()) if c in troubled), None)
        passed = column.family not in RESOURCES and guilty is not None
        keeps = _keeps(column.family, rising=bool(gone.after[index] > gone.before[index]))
        yield Origin(
            entity=column.entity,
            family=column.family,
            metric=column.metric,
            before=float(gone.before[index]),
            after=float(gone.after[index]),
            score=float(gone.score[index]) * keeps * (BESIDE if passed else 1.0),
            explained_by=guilty if passed else None,
        )


def _keeps(family: Family, *, rising: bool) -> float:
    if family in RESOURCES:
        return 1.0 if rising else FALLS
    return FOLLOWS if family in DEMAND else 1.0


def _troubled(columns: Sequence[Column], gone: Departures) -> frozenset[EntityId]:
    return frozenset(column.entity for index, column in enumerate(columns) if gone.score[index] >= PASSED_ON)


def _suffered(flows: Iterable[_Flow], alerted: frozenset[EntityId]) -> Family | None:
    """What the requests of the alerted ones suffer from most; None when nothing is seen of it."""
    found = [
        (float(flow.gone.score[index]), flow.family)
        for flow in flows
        for index, entity in enumerate(flow.entities)
        if entity in alerted and flow.excess[entity] > 0
    ]
    worst = max(found, default=(0.0, None), key=lambda pair: pair[0])
    return worst[1] if worst[0] >= PASSED_ON else None


def _carries(metric: str, family: Family) -> bool:
    """Whether a metric is the amount of a flow: seconds spent per second are requests in flight."""
    if family is Family.ERRORS:
        return metric == FAILED
    return metric.endswith("_sum") and family_of(metric) is Family.LATENCY


def _by_entity(columns: Sequence[Column], values: Values, chosen: Callable[[Column], bool]) -> dict[EntityId, Values]:
    found: dict[EntityId, Values] = {}
    for index, column in enumerate(columns):
        if chosen(column):
            known = found.get(column.entity)
            found[column.entity] = values[:, index] if known is None else np.fmax(known, values[:, index])
    return found


def _counting(amount: Values, demand: Values | None, *, moment: int, seconds: float) -> float:
    """Standard deviation that counting events alone brings (Poisson), in the unit of the amount.

    Of failures an event is one failure, of requests in flight (with their `demand`) it is one request of usual length,
    or of the length that they have now when there were none. One more event is allowed than there usually are: of
    nothing at all, one may still be chance.
    """
    level = _mean(amount[:moment])
    each = _length(amount[:moment], demand[:moment]) or _length(amount, demand) if demand is not None else 1.0
    return each * float(np.sqrt(level / each * seconds + 1.0)) / seconds if each > 0 else 0.0


def _length(amount: Values, demand: Values) -> float:
    """Seconds of a request: those in flight by those per second; 0 without any."""
    rate = _mean(demand)
    return _mean(amount) / rate if rate > 0 else 0.0


def _least_noise(columns: Sequence[Column], *, moment: int, seconds: float) -> Values:
    """What counting alone brings, for columns that count events."""
    return np.array(
        [
            _counting(column.values, None, moment=moment, seconds=seconds)
            if column.family is Family.TRAFFIC or column.metric == FAILED
            else 0.0
            for column in columns
        ]
    )


def _mean(values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _name(row: Row) -> str:
    return f"{row.metric}{{quantile={row.quantile}}}" if row.quantile else row.metric


def _values(row: Row) -> Values:
    return np.array([np.nan if value is None else value for value in row.curve.values], dtype=np.float64)


def _row(at: datetime, *, start: datetime, step: float) -> int:
    return max(0, int((at - start).total_seconds() // step))
