"""The figures of a suite: every metric overall and per family, with its interval. One pooled number says little."""

from collections.abc import Sequence

from evals.harness.result import CaseResult
from evals.scores.calibration import ece_interval
from evals.scores.interval import Interval, interval
from incidents.value import Value

Figures = dict[str, Interval]


class Suite(Value):
    """All results of a run, sorted by case, with their figures."""

    name: str
    results: tuple[CaseResult, ...]
    metrics: Figures
    families: dict[str, Figures]


def suite_of(name: str, results: Sequence[CaseResult]) -> Suite:
    """Score a run. A case that could not be run is wrong in every metric that is a share or a score of the suite."""
    order = tuple(sorted(results, key=lambda result: (result.case, result.arm)))
    failed = _names(order)
    counted = tuple(result.model_copy(update={"metrics": _of(result, failed)}) for result in order)
    families = sorted({result.family for result in counted})
    return Suite(
        name=name,
        results=counted,
        metrics=_figures(counted),
        families={family: _figures([r for r in counted if r.family == family]) for family in families},
    )


def _names(results: Sequence[CaseResult]) -> tuple[str, ...]:
    """Metrics that every case which ran has: those are what a broken case is wrong in."""
    ran = [set(result.metrics) for result in results if not result.error]
    common = set.intersection(*ran) if ran else set()
    return tuple(sorted(common))


def _of(result: CaseResult, names: Sequence[str]) -> dict[str, float]:
    return result.metrics if not result.error else dict.fromkeys(names, 0.0)


def _figures(results: Sequence[CaseResult]) -> Figures:
    names = dict.fromkeys(name for result in results for name in result.metrics)
    figures = {name: interval([r.metrics[name] for r in results if name in r.metrics]) for name in names}
    correct = {"correct": interval([float(result.correct) for result in results])}
    calibration = ece_interval(results)
    return correct | figures | ({"ECE": calibration} if calibration else {})
