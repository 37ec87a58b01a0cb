"""How many pods a load needs: so many that each has as much to do as it had before the load rose. Pure.

Horizontal pod autoscalers compute `pods x measured / target`. While pods are full nobody can measure what they would
use, so it is extrapolated: what they used before, times the growth of the requests. Source of the form:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

import math

from agents.planner.evidence import Known
from agents.planner.quantities import number_of
from incidents.ids import EntityId, FactKind

SIZE, SURGE = FactKind("workload.size"), FactKind("traffic.surge")
USE, BLIND = FactKind("saturation.cpu_high"), FactKind("hpa.cannot_read_metrics")
AIM = 0.6
"""Share of its CPU limit that a pod shall use: room for the minute's peak, and for a pod that dies."""
MOST_TIMES = 5
"""A workload that grows to more than so many times its pods at once meets what stands behind it unprepared."""


class UnknownSizeError(Exception):
    """The number of pods cannot be computed; the message says what was not seen."""


def for_the_load(target: EntityId, *, known: Known) -> int:
    """Pods for the present load. Raises UnknownSizeError."""
    pods, ratio = figure(SIZE, "replicas", target, known=known), figure(SURGE, "ratio", target, known=known)
    if not pods or ratio is None:
        missing = "how many pods it has" if not pods else "how far its load rose"
        raise UnknownSizeError(f"nothing that was seen says {missing}")
    used = figure(USE, "baseline", target, known=known)
    growth = ratio if used is None else ratio * used / AIM
    return min(max(math.ceil(pods * growth), int(pods) + 1), int(pods) * MOST_TIMES)


def within_the_autoscaler(wanted: int, target: EntityId, *, known: Known) -> int:
    """The number that an autoscaler leaves alone: above its maximum it takes pods away even when it sees no metric."""
    most = figure(BLIND, "max", target, known=known)
    return wanted if most is None else min(wanted, int(most))


def figure(kind: FactKind, attribute: str, target: EntityId, *, known: Known) -> float | None:
    """A figure of a fact about exactly this target."""
    facts = (fact for fact in known.facts([kind], entity=target) if fact.entity == target)
    return next((n for fact in facts if (n := number_of(fact.attributes.get(attribute, ""))) is not None), None)
