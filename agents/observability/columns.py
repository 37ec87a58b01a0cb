"""A wide table of metrics as arrays: one column per metric of one workload, all on the same rows. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.observability.departure import Values
from agents.observability.families import Family, family_of
from incidents.ids import EntityId
from tools.prometheus.probes.table import Row, TableView


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
        Column(entity=resolve[row.workload], metric=_name(row), family=family_of(row.metric), values=_values(row))
        for row in view.rows
        if row.workload in resolve
    )


def stacked(columns: Iterable[Values]) -> Values:
    """Rows by columns."""
    return np.column_stack(tuple(columns))


def _name(row: Row) -> str:
    return f"{row.metric}{{quantile={row.quantile}}}" if row.quantile else row.metric


def _values(row: Row) -> Values:
    return np.array([np.nan if value is None else value for value in row.curve.values], dtype=np.float64)
