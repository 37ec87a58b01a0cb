"""Where trouble begins: workloads ranked by how far their metrics departed, less what those they call explain. Pure.

Of what adds up along calls (`flows`) a workload answers for its own part only. Resources do not add up: they are used
where they are used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from agents.observability.columns import Column, stacked
from agents.observability.departure import Departures, Values, departures, moment_of
from agents.observability.families import DEMAND, RESOURCES, Family
from agents.observability.flows import Calls, Flow, carries, counting, flow_of
from incidents.ids import EntityId
from tools.prometheus.probes.table import FAILED, TableView

FOLLOWS = 0.5
"""Share of its score that a metric of demand keeps: traffic and bytes follow what others do."""
FALLS = 0.5
"""Share of its score that a resource keeps of which less is used: rather a consequence, as less work arrives."""
BESIDE = 0.5
"""Share of its score that a metric keeps which is no part of what the alerted one suffers from, or which a callee in
trouble explains."""
ASTRAY = 0.1
"""Share of its score that a metric of requests keeps at a workload which the alerted one does not call, not even
through others: it cannot be what makes the alerted one's requests slow or fail."""
PASSED_ON = 3.5
"""Score from which something is in trouble itself (the robust z-score of an outlier)."""


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


def rank(view: TableView, columns: Sequence[Column], *, calls: Calls, place: Place) -> Ranking | None:
    """Rank the workloads of a table. None when nothing was measured."""
    if not columns:
        return None
    values, step = stacked(column.values for column in columns), timedelta(seconds=view.rows[0].curve.step)
    start = view.rows[0].curve.start
    first, last = max(0, (place.started - place.earlier - start) // step), max(0, (place.started - start) // step)
    moment = moment_of(values, first=first, last=last + 1)
    noise = _least_noise(columns, moment=moment, seconds=view.rate_seconds)
    gone = departures(values, moment=moment, least_noise=noise)
    flows = [
        flow_of(columns, family=family, moment=moment, seconds=view.rate_seconds, calls=calls)
        for family in (Family.LATENCY, Family.ERRORS)
    ]
    found = [*_of_columns(columns, gone, flows, calls), *_of_flows(flows, suffered=_suffered(flows, place.alerted))]
    below = _below(place.alerted, calls)
    origins = [one if below is None or one.entity in below else _astray(one) for one in found]
    return Ranking(at=start + moment * step, origins=_farthest(origins))


def _below(alerted: frozenset[EntityId], calls: Calls) -> frozenset[EntityId] | None:
    """The alerted workloads and all that they call, directly or not; None when nobody knows whom they call."""
    if not any(calls.get(entity) for entity in alerted):
        return None
    found, queue = set(alerted), list(alerted)
    while queue:
        fresh = [callee for callee in calls.get(queue.pop(), ()) if callee not in found]
        found.update(fresh)
        queue += fresh
    return frozenset(found)


def _astray(origin: Origin) -> Origin:
    """Resources are used beside the path too: neighbours on a node hurt each other."""
    return origin if origin.family in RESOURCES else replace(origin, score=origin.score * ASTRAY)


def _farthest(found: Iterable[Origin]) -> tuple[Origin, ...]:
    """One per workload, the farthest first."""
    best: dict[EntityId, Origin] = {}
    for origin in sorted(found, key=lambda one: (-one.score, one.entity, one.metric)):
        if origin.score > 0:
            best.setdefault(origin.entity, origin)
    return tuple(best.values())


def _of_flows(flows: Iterable[Flow], *, suffered: Family | None) -> Iterable[Origin]:
    for flow in flows:
        keeps = 1.0 if suffered in (None, flow.family) else BESIDE
        for entity, share in flow.shares.items():
            yield Origin(
                entity=entity,
                family=flow.family,
                metric=flow.metric,
                before=share.before,
                after=share.after,
                score=share.own * keeps,
            )


def _suffered(flows: Iterable[Flow], alerted: frozenset[EntityId]) -> Family | None:
    """What the requests of the alerted ones suffer from most; None when nothing is seen of it."""
    found = [
        (share.departed, flow.family)
        for flow in flows
        for entity, share in flow.shares.items()
        if entity in alerted and share.excess > 0 and share.departed >= PASSED_ON
    ]
    return max(found)[1] if found else None


def _of_columns(columns: Sequence[Column], gone: Departures, flows: Sequence[Flow], calls: Calls) -> Iterable[Origin]:
    """Every column by itself, but for those that a flow tells better."""
    told = {flow.family: flow.shares.keys() for flow in flows}
    troubled = {column.entity for index, column in enumerate(columns) if gone.score[index] >= PASSED_ON}
    for index, column in enumerate(columns):
        if column.entity in told.get(column.family, ()) or carries(column.metric, column.family):
            continue
        victim = column.family not in RESOURCES and not troubled.isdisjoint(calls.get(column.entity, ()))
        yield Origin(
            entity=column.entity,
            family=column.family,
            metric=column.metric,
            before=float(gone.before[index]),
            after=float(gone.after[index]),
            score=float(gone.score[index])
            * _keeps(column.family, rising=bool(gone.signed[index] > 0))
            * (BESIDE if victim else 1.0),
        )


def _keeps(family: Family, *, rising: bool) -> float:
    if family in RESOURCES:
        return 1.0 if rising else FALLS
    return FOLLOWS if family in DEMAND else 1.0


def _least_noise(columns: Sequence[Column], *, moment: int, seconds: float) -> Values:
    """What counting alone brings, for columns that count events."""
    return np.array(
        [
            counting(column.values, None, moment=moment, seconds=seconds)
            if column.family is Family.TRAFFIC or column.metric == FAILED
            else 0.0
            for column in columns
        ]
    )
