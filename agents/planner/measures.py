"""The measures that checks may name, and what each means. How they are queried is the tools' business."""

from collections.abc import Mapping

from incidents.value import Value
from incidents.verification import Comparison


class Measure(Value):
    """One named measurement of an entity."""

    name: str
    unit: str
    comparison: Comparison
    """How a healthy value compares with a threshold."""
    meaning: str


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            name="error_rate",
            unit="ratio",
            comparison=Comparison.AT_MOST,
            meaning="Share of its requests that fail with 5xx, 0 to 1.",
        ),
        Measure(
            name="latency_p99",
            unit="seconds",
            comparison=Comparison.AT_MOST,
            meaning="99th percentile of the time it takes to answer.",
        ),
        Measure(
            name="saturation",
            unit="ratio",
            comparison=Comparison.AT_MOST,
            meaning="The fullest of CPU (throttling) and memory against their limits, 0 to 1.",
        ),
        Measure(
            name="workload_available",
            unit="pods",
            comparison=Comparison.AT_LEAST,
            meaning="Its ready pods.",
        ),
        Measure(
            name="ready_share",
            unit="ratio",
            comparison=Comparison.AT_LEAST,
            meaning="Its ready pods by the pods that it wants, 0 to 1; 0 when it wants none.",
        ),
        Measure(
            name="backlog_hours",
            unit="hours",
            comparison=Comparison.AT_MOST,
            meaning="Hours until what waits in its queue is worked off at the present pace.",
        ),
        Measure(
            name="alert_resolved",
            unit="alerts",
            comparison=Comparison.AT_MOST,
            meaning="Alerts of the incident that still fire.",
        ),
    )
}
"""Name -> measure, as runbooks write them under `success` and `must_not_worsen`."""
