"""A wide table of metrics as arrays: one column per metric of one workload, all on the same rows. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.observability.departure import Values
from agents.observability.families import Family, family_of
from incidents.ids import EntityId
from tools.prometheus.probes.table import FAILED, Row, TableView
from tools.prometheus.probes.wide import COUNTER_ENDINGS

RATED = (*COUNTER_ENDINGS, FAILED)
"""How names of metrics end that are read as rates."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric of one workload over the rows of a table; NaN where there was no sample."""

    entity: EntityId
    metric: str
    """Its name; of a summary with its quantile."""
    family: Family
    values: Values


def columns_of(view: TableView, resolve: Mapping[str, EntityId]) -> tuple[Column, ...]:
    """The rows of workloads that are known. Rows of one metric and workload stay apart."""
    return tuple(
        Column(
            entity=resolve[row.workload],
            metric=_name(row),
            family=family_of(row.metric),
            values=_values(row, unsure=view.rate_seconds if row.metric.endswith(RATED) else 0.0),
        )
        for row in view.rows
        if row.workload in resolve
    )


def stacked(columns: Iterable[Values]) -> Values:
    """Rows by columns."""
    return np.column_stack(tuple(columns))


def _name(row: Row) -> str:
    return f"{row.metric}{{quantile={row.quantile}}}" if row.quantile else row.metric


def _values(row: Row, *, unsure: float) -> Values:
    """The curve, without the first `unsure` seconds of a series that begins later than the table.

    A rate looks back over more than there is then, and comes out too low.
    """
    values = np.array([np.nan if value is None else value for value in row.curve.values], dtype=np.float64)
    begun = int(np.argmax(np.isfinite(values)))
    if begun > 0:
        values[begun : begun + math.ceil(unsure / row.curve.step)] = np.nan
    return values
