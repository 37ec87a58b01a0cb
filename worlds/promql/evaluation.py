"""The evaluator proper: one method per kind of syntax node, each for all steps at once."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import promql_parser as ast

from worlds.promql import functions
from worlds.promql.aggregation import aggregate, aggregate_quantile, count_values, grouping, top
from worlds.promql.errors import ExecutionError
from worlds.promql.frame import Frame, Scalar, Stamps, Text, Value, nameless, of_one_metric
from worlds.promql.matching import Matching, combine, set_operation
from worlds.promql.operators import SET_OPERATORS, between_scalars, negated, with_scalar
from worlds.promql.parsing import milliseconds
from worlds.promql.sampling import Block
from worlds.promql.selection import (
    Grid,
    frame_blocks,
    instant_vector,
    over_windows,
    range_blocks,
    sample_times,
    subquery_times,
)
from worlds.promql.storage import METRIC_NAME, Storage

_MOST_SUBQUERY_STEPS = 200_000  # a week at 3 s; beyond that somebody mistyped a step


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """One query on one grid of steps. `lookback` and `subquery_step` are milliseconds."""

    storage: Storage
    grid: Grid
    lookback: int
    subquery_step: int

    def value(self, expr: ast.Expr) -> Value:
        """Evaluate any expression but a bare range vector. Raises ExecutionError or ParseError."""
        result: Value
        match expr:
            case ast.ParenExpr():
                result = self.value(expr.expr)
            case ast.NumberLiteral():
                result = Scalar(values=np.full(len(self.grid.times), expr.val))
            case ast.StringLiteral():
                result = Text(value=expr.val)
            case ast.VectorSelector():
                result = instant_vector(self.storage, expr, self.grid, lookback=self.lookback)
            case ast.UnaryExpr():
                result = _negated(self.value(expr.expr))
            case ast.AggregateExpr():
                result = self._aggregated(expr)
            case ast.BinaryExpr():
                result = self._combined(expr)
            case ast.Call():
                result = self._called(expr)
            case _:
                raise ExecutionError(f"unexpected {type(expr).__name__} where an instant vector or scalar is needed")
        return result

    def frame(self, expr: ast.Expr) -> Frame:
        """Evaluate an expression of type instant vector."""
        return cast("Frame", self.value(expr))

    def scalar(self, expr: ast.Expr) -> Scalar:
        """Evaluate an expression of type scalar."""
        return cast("Scalar", self.value(expr))

    def samples(self, expr: ast.Expr) -> tuple[list[Block], Stamps, int]:
        """Evaluate a range selector or subquery: its samples, each step's window end, and the windows' length in ms."""
        match expr:
            case ast.ParenExpr():
                return self.samples(expr.expr)
            case ast.MatrixSelector():
                blocks, ends = range_blocks(self.storage, expr, self.grid)
                return blocks, ends, milliseconds(expr.range)
            case ast.SubqueryExpr():
                return self._subquery(expr)
            case _:
                raise ExecutionError(f"unexpected {type(expr).__name__} where a range vector is needed")

    def _subquery(self, expr: ast.SubqueryExpr) -> tuple[list[Block], Stamps, int]:
        if expr.range is None:
            raise ExecutionError("a subquery needs a range")
        span = milliseconds(expr.range)
        step = milliseconds(expr.step) if expr.step is not None else self.subquery_step
        ends = self.grid.moved(at=expr.at, offset=expr.offset)
        times = subquery_times(ends, span=span, step=step)
        if len(times) > _MOST_SUBQUERY_STEPS:
            raise ExecutionError(f"subquery of {len(times)} steps; use a longer step or a shorter range")
        if not times.size:
            return [], ends, span
        inner = replace(self, grid=self.grid.on(times)).value(expr.expr)
        frame = functions.vector(inner) if isinstance(inner, Scalar) else cast("Frame", inner)
        return frame_blocks(frame, times), ends, span

    def _aggregated(self, expr: ast.AggregateExpr) -> Frame:
        modifier, operator = expr.modifier, str(expr.op)
        by = modifier is None or modifier.type == ast.AggModifierType.By
        names = modifier.labels if modifier else ()
        group_of = grouping(by=by, names=names)
        if operator in {"topk", "bottomk"}:
            k = self.scalar(cast("ast.Expr", expr.param)).values
            return top(self.frame(expr.expr), group_of, k=k, largest=operator == "topk")
        frame = self.frame(expr.expr) if METRIC_NAME in names else self._to_group(expr.expr)
        match operator:
            case "quantile":
                return aggregate_quantile(self.scalar(cast("ast.Expr", expr.param)).values, frame, group_of)
            case "count_values":
                return count_values(cast("Text", self.value(cast("ast.Expr", expr.param))).value, frame, group_of)
            case _:
                return aggregate(operator, frame, group_of)

    def _combined(self, expr: ast.BinaryExpr) -> Value:
        operator = str(expr.op)
        left, right = self.value(expr.lhs), self.value(expr.rhs)
        as_bool = expr.modifier is not None and expr.modifier.return_bool
        if isinstance(left, Text) or isinstance(right, Text):
            raise ExecutionError(f"strings cannot be combined with {operator}")
        if isinstance(left, Scalar):
            if isinstance(right, Scalar):
                return between_scalars(operator, left, right)
            return with_scalar(operator, right, left, scalar_left=True, as_bool=as_bool)
        if isinstance(right, Scalar):
            return with_scalar(operator, left, right, scalar_left=False, as_bool=as_bool)
        if operator in SET_OPERATORS:
            return set_operation(operator, left, right, _matching(expr.modifier))
        return combine(operator, left, right, _matching(expr.modifier), as_bool=as_bool)

    def _called(self, expr: ast.Call) -> Value:
        name, arguments = expr.func.name, cast("list[ast.Expr]", expr.args)
        if name in functions.OVER_RANGE:
            return self._over_range(name, arguments)
        if name in functions.SPECIAL:
            return functions.SPECIAL[name](self, arguments)
        raise ExecutionError(f"function {name!r} is not supported by this server")

    def _to_group(self, expr: ast.Expr) -> Frame:
        """Evaluate what is grouped by labels other than the metric's name: rows of one metric may keep it."""
        if isinstance(expr, ast.Call) and expr.func.name in functions.OVER_RANGE:
            frame = self._over_range(expr.func.name, cast("list[ast.Expr]", expr.args), named=True)
            return frame if of_one_metric(frame) else nameless(frame)
        return self.frame(expr)

    def _over_range(self, name: str, arguments: list[ast.Expr], *, named: bool = False) -> Frame:
        ranged = functions.OVER_RANGE[name]
        blocks, ends, span = self.samples(arguments[ranged.position])
        parameters = [self.scalar(a).values for i, a in enumerate(arguments) if i != ranged.position]
        compute = ranged.function

        frame = over_windows(
            blocks,
            lambda window: compute(window, *(one[window.rows] for one in parameters)),
            ends=ends,
            span=span,
            times=self.grid.times,
        )
        return frame if named or ranged.keeps_name else nameless(frame)

    def sample_times(self, selector: ast.VectorSelector) -> Frame:
        """Evaluate `timestamp()` of a plain selector."""
        return sample_times(self.storage, selector, self.grid, lookback=self.lookback)


def _negated(operand: Value) -> Value:
    return Scalar(values=-operand.values) if isinstance(operand, Scalar) else negated(cast("Frame", operand))


def _matching(modifier: ast.BinModifier | None) -> Matching:
    if modifier is None:
        return Matching(on=False, names=())
    labels = modifier.matching
    return Matching(
        on=labels is not None and labels.type == ast.LabelModifierType.Include,
        names=tuple(labels.labels) if labels is not None else (),
        many=_many_side(modifier.card),
        include=tuple(modifier.group_labels or ()),
    )


def _many_side(card: ast.VectorMatchCardinality) -> str:
    if card == ast.VectorMatchCardinality.ManyToOne:
        return "left"
    return "right" if card == ast.VectorMatchCardinality.OneToMany else ""
