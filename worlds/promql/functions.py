"""The table of functions: which take a range vector, and what each of the others does with its arguments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import promql_parser as ast

from worlds.promql import elementwise, extrapolation, over_time, regression
from worlds.promql.frame import Floats, Frame, Scalar, Stamps, Text, Value, in_label_order, nameless
from worlds.promql.histogram import histogram_quantile
from worlds.promql.labels import Labels
from worlds.promql.over_time import Computed
from worlds.promql.parsing import matchers_of
from worlds.promql.relabel import label_join, label_replace
from worlds.promql.sampling import Block
from worlds.promql.selection import Grid, over_windows
from worlds.promql.storage import METRIC_NAME, MatchOp


class Evaluator(Protocol):
    """What a function may ask of the evaluation that calls it."""

    @property
    def grid(self) -> Grid:
        """Return the steps."""
        ...

    def frame(self, expr: ast.Expr) -> Frame:
        """Evaluate an instant vector."""
        ...

    def scalar(self, expr: ast.Expr) -> Scalar:
        """Evaluate a scalar."""
        ...

    def value(self, expr: ast.Expr) -> Value:
        """Evaluate anything but a range."""
        ...

    def samples(self, expr: ast.Expr) -> tuple[list[Block], Stamps, int]:
        """Evaluate a range."""
        ...

    def sample_times(self, selector: ast.VectorSelector) -> Frame:
        """Return when the selected samples were taken."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ranged:
    """A function of a range vector: which argument that is, and whether the metric keeps its name."""

    function: Callable[..., Computed]
    position: int = 0
    keeps_name: bool = False


Special = Callable[[Evaluator, Sequence[ast.Expr]], Value]

OVER_RANGE: Mapping[str, Ranged] = {
    "rate": Ranged(function=extrapolation.rate),
    "increase": Ranged(function=extrapolation.increase),
    "delta": Ranged(function=extrapolation.delta),
    "irate": Ranged(function=over_time.irate),
    "idelta": Ranged(function=over_time.idelta),
    "deriv": Ranged(function=regression.deriv),
    "predict_linear": Ranged(function=regression.predict_linear),
    "holt_winters": Ranged(function=regression.double_exponential_smoothing),
    "double_exponential_smoothing": Ranged(function=regression.double_exponential_smoothing),
    "changes": Ranged(function=over_time.changes),
    "resets": Ranged(function=over_time.resets),
    "avg_over_time": Ranged(function=over_time.avg_over_time),
    "min_over_time": Ranged(function=over_time.min_over_time),
    "max_over_time": Ranged(function=over_time.max_over_time),
    "sum_over_time": Ranged(function=over_time.sum_over_time),
    "count_over_time": Ranged(function=over_time.count_over_time),
    "present_over_time": Ranged(function=over_time.present_over_time),
    "stddev_over_time": Ranged(function=over_time.stddev_over_time),
    "stdvar_over_time": Ranged(function=over_time.stdvar_over_time),
    "mad_over_time": Ranged(function=over_time.mad_over_time),
    "last_over_time": Ranged(function=over_time.last_over_time, keeps_name=True),
    "first_over_time": Ranged(function=over_time.first_over_time, keeps_name=True),
    "quantile_over_time": Ranged(function=over_time.quantile_over_time, position=1),
}


def vector(scalar: Scalar) -> Frame:
    """Turn a scalar into a vector of one sample without labels."""
    present = np.ones((1, len(scalar.values)), dtype=bool)
    return Frame(labels=[{}], values=scalar.values[np.newaxis], present=present)


def _time(evaluator: Evaluator, _: Sequence[ast.Expr]) -> Scalar:
    return Scalar(values=evaluator.grid.times / 1000)


def _pi(evaluator: Evaluator, _: Sequence[ast.Expr]) -> Scalar:
    return Scalar(values=np.full(len(evaluator.grid.times), np.pi))


def _vector(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    return vector(evaluator.scalar(arguments[0]))


def _scalar(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Scalar:
    frame = evaluator.frame(arguments[0])
    only = frame.present.sum(axis=0) == 1
    total = np.where(frame.present, frame.values, 0.0).sum(axis=0)
    return Scalar(values=np.where(only, total, np.nan))


def _timestamp(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    expr = _unwrapped(arguments[0])
    if isinstance(expr, ast.VectorSelector):
        return nameless(evaluator.sample_times(expr))
    frame = evaluator.frame(expr)
    stamps = np.broadcast_to(evaluator.grid.times / 1000, frame.values.shape)
    return nameless(Frame(labels=frame.labels, values=stamps, present=frame.present))


def _elementwise(function: Callable[..., Floats]) -> Special:
    def call(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
        frame = evaluator.frame(arguments[0])
        parameters = [evaluator.scalar(argument).values for argument in arguments[1:]]
        values = function(frame.values, *parameters)
        return nameless(Frame(labels=frame.labels, values=values, present=frame.present))

    return call


def _date_part(function: Callable[[Floats], Floats]) -> Special:
    def call(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
        frame = evaluator.frame(arguments[0]) if arguments else vector(_time(evaluator, ()))
        return nameless(Frame(labels=frame.labels, values=function(frame.values), present=frame.present))

    return call


def _clamp(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    frame = evaluator.frame(arguments[0])
    low, high = (evaluator.scalar(argument).values for argument in arguments[1:])
    values = elementwise.clamp(frame.values, low, high)
    return nameless(Frame(labels=frame.labels, values=values, present=frame.present & ~(high < low)))


def _round(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    frame = evaluator.frame(arguments[0])
    to = evaluator.scalar(arguments[1]).values if len(arguments) > 1 else np.ones(frame.steps)
    return nameless(Frame(labels=frame.labels, values=elementwise.round_to(frame.values, to), present=frame.present))


def _absent(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    return _one_where_missing(evaluator.frame(arguments[0]), _labels_asked_for(arguments[0]))


def _absent_over_time(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    blocks, ends, span = evaluator.samples(arguments[0])
    found = over_windows(blocks, over_time.present_over_time, ends=ends, span=span, times=evaluator.grid.times)
    return _one_where_missing(found, _labels_asked_for(arguments[0]))


def _sorted_by(*, descending: bool) -> Special:
    def call(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
        frame = in_label_order(evaluator.frame(arguments[0]))
        last = frame.values[:, -1]
        order = np.lexsort((-last if descending else last, np.isnan(last)))
        return frame.take(order.tolist())

    return call


def _label_replace(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    target, replacement, source, pattern = _texts(evaluator, arguments[1:])
    return label_replace(evaluator.frame(arguments[0]), target, replacement, source, pattern)


def _label_join(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    target, separator, *sources = _texts(evaluator, arguments[1:])
    return label_join(evaluator.frame(arguments[0]), target, separator, sources)


def _histogram_quantile(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> Frame:
    return histogram_quantile(evaluator.scalar(arguments[0]).values, evaluator.frame(arguments[1]))


SPECIAL: Mapping[str, Special] = {
    **{name: _elementwise(function) for name, function in elementwise.ARITHMETIC.items()},
    **{name: _date_part(function) for name, function in elementwise.DATES.items()},
    "clamp": _clamp,
    "clamp_min": _elementwise(elementwise.clamp_min),
    "clamp_max": _elementwise(elementwise.clamp_max),
    "round": _round,
    "time": _time,
    "pi": _pi,
    "timestamp": _timestamp,
    "vector": _vector,
    "scalar": _scalar,
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "sort": _sorted_by(descending=False),
    "sort_desc": _sorted_by(descending=True),
    "label_replace": _label_replace,
    "label_join": _label_join,
    "histogram_quantile": _histogram_quantile,
}


def _texts(evaluator: Evaluator, arguments: Sequence[ast.Expr]) -> list[str]:
    return [cast("Text", evaluator.value(argument)).value for argument in arguments]


def _one_where_missing(frame: Frame, labels: Labels) -> Frame:
    missing = ~frame.anywhere()
    return Frame(labels=[labels], values=np.ones((1, len(missing))), present=missing[np.newaxis])


def _labels_asked_for(expr: ast.Expr) -> Labels:
    """Return what `absent` knows of the missing series: its selector's equality matchers."""
    selector = _unwrapped(expr)
    if isinstance(selector, ast.MatrixSelector):
        selector = selector.vector_selector
    if not isinstance(selector, ast.VectorSelector):
        return {}
    labels: dict[str, str] = {}
    dropped: set[str] = {METRIC_NAME}
    for matcher in matchers_of(selector):
        if matcher.op is MatchOp.EQUAL and matcher.name not in labels and matcher.name not in dropped:
            labels[matcher.name] = matcher.value
        else:
            labels.pop(matcher.name, None)
            dropped.add(matcher.name)
    return {name: value for name, value in labels.items() if value}


def _unwrapped(expr: ast.Expr) -> ast.Expr:
    while isinstance(expr, ast.ParenExpr):
        expr = expr.expr
    return expr
