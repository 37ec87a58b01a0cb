"""Whether a probability means what it says: of all answers given with 80 %, four of five should be right."""

from collections.abc import Sequence

import numpy as np

from evals.harness.result import CaseResult
from evals.scores.interval import RESAMPLES, SEED, Interval
from incidents.value import Value

BINS = 10
"""Of equal width, as in Guo et al. 2017, who made the expected calibration error usual."""


class Bin(Value):
    """Answers of about the same probability."""

    low: float
    high: float
    confidence: float
    """Mean probability."""
    accuracy: float
    """Share that was right."""
    cases: int


def judged(results: Sequence[CaseResult]) -> list[tuple[float, bool]]:
    """The probability of every first hypothesis, and whether it was right. Cases without one say nothing here."""
    return [(r.confidence, r.hit) for r in results if r.confidence is not None and r.hit is not None and not r.error]


def bins(pairs: Sequence[tuple[float, bool]]) -> list[Bin]:
    """The bins that hold anything."""
    places = [min(int(confidence * BINS), BINS - 1) for confidence, _ in pairs]
    found = []
    for place in sorted(set(places)):
        inside = [pair for pair, where in zip(pairs, places, strict=True) if where == place]
        found.append(
            Bin(
                low=place / BINS,
                high=(place + 1) / BINS,
                confidence=sum(confidence for confidence, _ in inside) / len(inside),
                accuracy=sum(hit for _, hit in inside) / len(inside),
                cases=len(inside),
            )
        )
    return found


def ece(pairs: Sequence[tuple[float, bool]]) -> float:
    """The expected calibration error: the distance of probability and accuracy, weighted by cases."""
    return sum(one.cases * abs(one.confidence - one.accuracy) for one in bins(pairs)) / max(1, len(pairs))


def ece_interval(results: Sequence[CaseResult]) -> Interval | None:
    """With a percentile bootstrap over cases; None without any."""
    pairs = judged(results)
    if not pairs:
        return None
    chance = np.random.default_rng(SEED)
    picks = chance.integers(0, len(pairs), size=(RESAMPLES // 5, len(pairs)))
    drawn = [ece([pairs[index] for index in pick]) for pick in picks]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value=ece(pairs), low=float(low), high=float(high), cases=len(pairs))


def covered(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """(share of cases answered, share of those right) when only the surest are answered, for ever more of them."""
    order = sorted(pairs, key=lambda pair: -pair[0])
    hits = np.cumsum([hit for _, hit in order])
    return [((place + 1) / len(order), float(hits[place]) / (place + 1)) for place in range(len(order))]
