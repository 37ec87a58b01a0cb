"""A table of figures as what Prometheus would hold of it, for recordings that have nothing but numbers.

Kubernetes itself was not recorded then, and no object of it is made up: of a workload only its name is known.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from worlds.promql.storage import METRIC_NAME, Series

Floats = NDArray[np.float64]

_LONGEST_NAME = 50
_TEMPLATE_HASH = "5b6d7f8c9"
_POD_SUFFIX = "x2k4m"
# Seconds that a counter has counted at its mean rate before the recording begins.
_COUNTED_BEFORE = 86_400.0
_UNSAFE = re.compile(r"[^a-z0-9]+")


def names_for(wild: Iterable[str]) -> dict[str, str]:
    """Names that Kubernetes accepts (RFC 1123) for names of any kind, each its own, in the given order."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in wild:
        base = _UNSAFE.sub("-", name.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "unnamed"
        base = base if base[0].isalpha() else f"w-{base}"
        number, chosen = 2, base
        while chosen in taken:
            number, chosen = number + 1, f"{base}-{number}"
        taken.add(chosen)
        given.setdefault(name, chosen)
    return given


def pod_of(workload: str) -> str:
    """The name of a workload's only pod."""
    return f"{workload}-{_TEMPLATE_HASH}-{_POD_SUFFIX}"


def existing(workloads: Iterable[str], *, namespace: str, times: Floats) -> list[Series]:
    """What kube-state-metrics says of a Deployment of which nothing is known but that it exists."""
    return [
        gauge("kube_deployment_spec_replicas", {"namespace": namespace, "deployment": name}, times, np.ones(len(times)))
        for name in workloads
    ]


def gauge(name: str, labels: Mapping[str, str], times: Floats, values: Floats) -> Series:
    """A series of values as they were read; gaps (NaN) have no sample."""
    known = np.isfinite(values)
    whole = bool(known.all())  # one array of times for all that are whole: those are evaluated together
    return Series(
        labels={METRIC_NAME: name, **labels},
        timestamps=times if whole else times[known],
        values=values if whole else values[known],
    )


def counter(name: str, labels: Mapping[str, str], times: Floats, rates: Floats) -> Series:
    """A counter that grew by these rates (per second, each until its time); gaps (NaN) have no sample.

    It does not begin at zero, as a process does that has just started: rates of such a one are estimated lower.
    """
    seconds = np.diff(times, prepend=times[0])
    known = rates[np.isfinite(rates)]
    counted = _COUNTED_BEFORE * float(known.mean() if len(known) else 0.0) + np.cumsum(np.nan_to_num(rates) * seconds)
    return gauge(name, labels, times, np.where(np.isfinite(rates), counted, np.nan))
