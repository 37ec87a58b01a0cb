"""The front door of PromQL: instant and range queries over a storage. Pure: the time is always an argument."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import promql_parser as ast

from worlds.promql.errors import ParseError
from worlds.promql.evaluation import Evaluation
from worlds.promql.frame import Frame, Scalar, Stamps, Text, in_label_order
from worlds.promql.functions import vector
from worlds.promql.labels import key_of
from worlds.promql.parsing import parse
from worlds.promql.result import MatrixResult, Result, Run, Sample, ScalarResult, StringResult, VectorResult
from worlds.promql.sampling import Block
from worlds.promql.selection import Grid
from worlds.promql.storage import Storage

DEFAULT_LOOKBACK_SECONDS = 300.0  # Prometheus: --query.lookback-delta
DEFAULT_SUBQUERY_STEP_SECONDS = 60.0  # Prometheus: global.evaluation_interval


@dataclass(frozen=True, kw_only=True)
class Engine:
    """PromQL over one storage, with the semantics of Prometheus 2.42 (windows closed on both sides)."""

    storage: Storage
    lookback_seconds: float = DEFAULT_LOOKBACK_SECONDS
    subquery_step_seconds: float = DEFAULT_SUBQUERY_STEP_SECONDS

    def instant(self, query: str, *, at: float) -> Result:
        """Evaluate at one time (unix seconds). Raises ParseError or ExecutionError."""
        expr = _unwrapped(parse(query))
        evaluation = self._evaluation(np.array([_milliseconds(at)], dtype=np.int64))
        with np.errstate(all="ignore"):
            if isinstance(expr, ast.MatrixSelector | ast.SubqueryExpr):
                blocks, ends, span = evaluation.samples(expr)
                return _raw_matrix(blocks, start=int(ends[0]) - span, end=int(ends[0]))
            value = evaluation.value(expr)
        match value:
            case Text():
                return StringResult(time=at, value=value.value)
            case Scalar():
                return ScalarResult(time=at, value=float(value.values[0]))
            case Frame():
                return _vector(value if _in_its_own_order(expr) else in_label_order(value), at)
            case _:
                assert_never(value)

    def range(self, query: str, *, start: float, end: float, step: float) -> MatrixResult:
        """Evaluate at start, start + step, ... up to and including end. Raises ParseError or ExecutionError."""
        expr = _unwrapped(parse(query))
        if isinstance(expr, ast.MatrixSelector | ast.SubqueryExpr | ast.StringLiteral):
            kind = "string" if isinstance(expr, ast.StringLiteral) else "range vector"
            raise ParseError(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
        times = np.arange(_milliseconds(start), _milliseconds(end) + 1, _milliseconds(step), dtype=np.int64)
        if not times.size:
            return MatrixResult(runs=[])
        with np.errstate(all="ignore"):
            value = self._evaluation(times).value(expr)
        frame = vector(value) if isinstance(value, Scalar) else value
        if isinstance(frame, Text):
            raise ParseError('invalid expression type "string" for range query, must be Scalar or instant Vector')
        return _matrix(frame, times)

    def _evaluation(self, times: Stamps) -> Evaluation:
        grid = Grid(times=times, query_start=int(times[0]), query_end=int(times[-1]))
        return Evaluation(
            storage=self.storage,
            grid=grid,
            lookback=_milliseconds(self.lookback_seconds),
            subquery_step=_milliseconds(self.subquery_step_seconds),
        )


def _in_its_own_order(expr: ast.Expr) -> bool:
    """Say whether the order of an instant query's answer is part of the answer."""
    match expr:
        case ast.AggregateExpr():
            return str(expr.op) in {"topk", "bottomk"}
        case ast.Call():
            return expr.func.name in {"sort", "sort_desc"}
        case _:
            return False


def _vector(frame: Frame, at: float) -> VectorResult:
    return VectorResult(
        samples=[
            Sample(labels=labels, time=at, value=float(frame.values[row, 0]))
            for row, labels in enumerate(frame.labels)
            if frame.present[row, 0]
        ]
    )


def _matrix(frame: Frame, times: Stamps) -> MatrixResult:
    seconds = times / 1000
    every = seconds.tolist()
    runs = []
    for row in sorted(range(len(frame.labels)), key=lambda one: key_of(frame.labels[one])):
        there = frame.present[row]
        if there.all():
            runs.append(Run(labels=frame.labels[row], times=every, values=frame.values[row].tolist()))
        elif there.any():
            kept = seconds[there].tolist()
            runs.append(Run(labels=frame.labels[row], times=kept, values=frame.values[row, there].tolist()))
    return MatrixResult(runs=runs)


def _raw_matrix(blocks: list[Block], *, start: int, end: int) -> MatrixResult:
    runs = []
    for block in blocks:
        inside = (block.stamps >= start) & (block.stamps <= end)
        seconds = (block.stamps[inside] / 1000).tolist()
        if seconds:
            runs += [
                Run(labels=labels, times=seconds, values=block.values[row, inside].tolist())
                for row, labels in enumerate(block.labels)
            ]
    return MatrixResult(runs=sorted(runs, key=lambda run: key_of(run.labels)))


def _unwrapped(expr: ast.Expr) -> ast.Expr:
    while isinstance(expr, ast.ParenExpr):
        expr = expr.expr
    return expr


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
