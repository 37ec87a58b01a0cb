"""What a storage answers to a selector, in a form that can be compared to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from worlds.promql.parsing import selector_matchers
from worlds.promql.storage import Rows
from worlds.telemetry.storage import EstateMetrics

Found = Mapping[tuple[tuple[str, str], ...], tuple[Sequence[float], bytes]]


def asked(metrics: EstateMetrics, selector: str, *, start: float, end: float) -> Found:
    found: dict[tuple[tuple[str, str], ...], tuple[Sequence[float], bytes]] = {}
    for one in metrics.select(selector_matchers(selector), start=start, end=end):
        several = (
            list(zip(one.labels, one.values, strict=True)) if isinstance(one, Rows) else [(one.labels, one.values)]
        )
        for labels, values in several:
            key = tuple(sorted(labels.items()))
            assert key not in found, "no two series have the same labels"
            found[key] = np.asarray(one.timestamps).tolist(), np.asarray(values, dtype=float).tobytes()
    return found
