"""Metric queries: log lines become samples, samples become an instant vector at every step.

A window of LogQL is open on the left and closed on the right: (t - range, t].
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from worlds.loki.conditions import ERROR_LABEL
from worlds.loki.errors import LogQLError
from worlds.loki.stages import Stage
from worlds.loki.storage import Direction, Entry, LogStorage
from worlds.loki.syntax import Binary, LabelReplace, Metric, Number, RangeAggregation, VectorAggregation
from worlds.loki.units import bytes_of, seconds_of
from worlds.promql import extrapolation, over_time
from worlds.promql.aggregation import aggregate, grouping, top
from worlds.promql.errors import QueryError
from worlds.promql.frame import Frame, Scalar, Stamps
from worlds.promql.functions import vector
from worlds.promql.labels import LabelKey, drop, keep, key_of, labels_of, render
from worlds.promql.matching import combine, set_operation
from worlds.promql.operators import SET_OPERATORS, between_scalars, with_scalar
from worlds.promql.over_time import Computed
from worlds.promql.relabel import label_replace
from worlds.promql.sampling import Block, Windows
from worlds.promql.selection import over_windows
from worlds.promql.storage import Matcher, MatchOp

_NS = 1_000_000_000

_OVER_VALUES: Mapping[str, Callable[..., Computed]] = {
    "rate": over_time.sum_over_time,
    "bytes_rate": over_time.sum_over_time,
    "count_over_time": over_time.count_over_time,
    "bytes_over_time": over_time.sum_over_time,
    "sum_over_time": over_time.sum_over_time,
    "avg_over_time": over_time.avg_over_time,
    "min_over_time": over_time.min_over_time,
    "max_over_time": over_time.max_over_time,
    "first_over_time": over_time.first_over_time,
    "last_over_time": over_time.last_over_time,
    "stddev_over_time": over_time.stddev_over_time,
    "stdvar_over_time": over_time.stdvar_over_time,
    "quantile_over_time": over_time.quantile_over_time,
    "rate_counter": extrapolation.increase,
    "absent_over_time": over_time.present_over_time,
}
_PER_SECOND = frozenset({"rate", "bytes_rate", "rate_counter"})
_CONVERSIONS: Mapping[str, Callable[[str], float]] = {
    "": float,
    "duration": seconds_of,
    "duration_seconds": seconds_of,
    "bytes": bytes_of,
}


def frame(storage: LogStorage, query: Metric, times: Stamps) -> Frame:
    """Evaluate a metric query at the given unix nanoseconds. Raises LogQLError."""
    try:
        with np.errstate(all="ignore"):
            value = _value(storage, query, times)
    except QueryError as error:
        raise LogQLError(str(error)) from error
    return vector(value) if isinstance(value, Scalar) else value


def piped(stages: Sequence[Stage], entries: Iterable[Entry]) -> Iterator[tuple[Entry, str, Mapping[str, str]]]:
    """Run entries through a pipeline: what is left of each, its text and its labels."""
    for entry in entries:
        line, labels = entry.line, entry.labels
        for stage in stages:
            passed = stage.apply(line, labels)
            if passed is None:
                break
            line, labels = passed
        else:
            yield entry, line, labels


def _value(storage: LogStorage, query: Metric, times: Stamps) -> Frame | Scalar:
    match query:
        case Number():
            scalar = Scalar(values=np.full(len(times), query.value))
            return vector(scalar) if query.as_vector else scalar
        case RangeAggregation():
            return _ranged(storage, query, times)
        case VectorAggregation():
            return _aggregated(query, frame(storage, query.operand, times))
        case LabelReplace():
            target, replacement, source, pattern = query.strings
            return label_replace(frame(storage, query.operand, times), target, replacement, source, pattern)
        case Binary():
            return _combined(query, _value(storage, query.left, times), _value(storage, query.right, times))


def _aggregated(query: VectorAggregation, operand: Frame) -> Frame:
    group_of = grouping(by=query.by, names=query.names)
    if query.operator in ("topk", "bottomk"):
        k = np.full(operand.steps, query.parameter or 0.0)
        return top(operand, group_of, k=k, largest=query.operator == "topk")
    if query.operator in ("sort", "sort_desc"):
        last = operand.values[:, -1]
        return operand.take(np.argsort(-last if query.operator == "sort_desc" else last, kind="stable").tolist())
    return aggregate(query.operator, operand, group_of)


def _combined(query: Binary, left: Frame | Scalar, right: Frame | Scalar) -> Frame | Scalar:
    if isinstance(left, Scalar):
        if isinstance(right, Scalar):
            return between_scalars(query.operator, left, right)
        return with_scalar(query.operator, right, left, scalar_left=True, as_bool=query.as_bool)
    if isinstance(right, Scalar):
        return with_scalar(query.operator, left, right, scalar_left=False, as_bool=query.as_bool)
    if query.operator in SET_OPERATORS:
        return set_operation(query.operator, left, right, query.matching)
    return combine(query.operator, left, right, query.matching, as_bool=query.as_bool)


def _ranged(storage: LogStorage, query: RangeAggregation, times: Stamps) -> Frame:
    ends = times - query.offset_ns
    blocks = _blocks(storage, query, start_ns=int(ends.min()) - query.range_ns + 1, end_ns=int(ends.max()) + 1)
    parameters = [] if query.parameter is None else [query.parameter]
    compute = _OVER_VALUES[query.function]

    def function(windows: Windows) -> Computed:
        values, present = compute(windows, *(np.full(len(windows.times), one) for one in parameters))
        return (values / (query.range_ns / _NS) if query.function in _PER_SECOND else values), present

    found = over_windows(blocks, function, ends=ends, span=query.range_ns - 1, times=times)
    if query.function != "absent_over_time":
        return found
    missing = ~found.anywhere()
    return Frame(labels=[_equalities(query.query.matchers)], values=np.ones((1, len(times))), present=missing[None])


def _blocks(storage: LogStorage, query: RangeAggregation, *, start_ns: int, end_ns: int) -> list[Block]:
    entries = storage.select(
        query.query.matchers, start_ns=start_ns, end_ns=end_ns, limit=None, direction=Direction.FORWARD
    )
    series: dict[LabelKey, tuple[list[int], list[float]]] = {}
    for entry, line, labels in piped(query.query.stages, entries):
        if ERROR_LABEL in labels:
            raise _pipeline_error(labels)
        stamps, values = series.setdefault(key_of(_series_labels(query, labels)), ([], []))
        stamps.append(entry.ns)
        values.append(_sample(query, line, labels))
    return [
        Block(labels=[labels_of(key)], stamps=np.array(stamps, dtype=np.int64), values=np.array([values]))
        for key, (stamps, values) in series.items()
    ]


def _sample(query: RangeAggregation, line: str, labels: Mapping[str, str]) -> float:
    if query.query.unwrap:
        try:
            return _CONVERSIONS[query.query.conversion](labels.get(query.query.unwrap, ""))
        except ValueError as error:
            raise _pipeline_error({**labels, ERROR_LABEL: "SampleExtractionErr"}) from error
    return float(len(line.encode())) if query.function.startswith("bytes") else 1.0


def _series_labels(query: RangeAggregation, labels: Mapping[str, str]) -> Mapping[str, str]:
    if query.by is not None:
        return keep(labels, query.by)
    dropped = {*(query.without or ()), query.query.unwrap}
    return drop(labels, dropped)


def _pipeline_error(labels: Mapping[str, str]) -> LogQLError:
    kind = labels[ERROR_LABEL]
    return LogQLError(
        f"pipeline error: '{kind}' for series: '{render(labels)}'.\n"
        f'Use a label filter to intentionally skip this error. (e.g | __error__!="{kind}").\n'
        'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
        'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
    )


def _equalities(matchers: Sequence[Matcher]) -> Mapping[str, str]:
    return {one.name: one.value for one in matchers if one.op is MatchOp.EQUAL and one.value}
