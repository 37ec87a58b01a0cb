"""Whether repeated runs of the same case give the same answer."""

from collections.abc import Iterable, Sequence

from evals.harness.result import CaseResult

METRIC = "agreement"


def folded(results: Sequence[CaseResult]) -> list[CaseResult]:
    """One result per case and arm, the first; where there were several, with the share that answered like it."""
    groups: dict[tuple[str, str], list[CaseResult]] = {}
    for result in sorted(results, key=lambda one: (one.case, one.arm, one.repetition)):
        groups.setdefault((result.case, result.arm), []).append(result)
    return [_fold(group) for group in groups.values()]


def _fold(group: Sequence[CaseResult]) -> CaseResult:
    first = group[0]
    if len(group) == 1:
        return first
    return first.model_copy(update={"metrics": {**first.metrics, METRIC: _share(group[1:], like=first)}})


def _share(others: Iterable[CaseResult], *, like: CaseResult) -> float:
    same = [float(other.answer == like.answer and not other.error and not like.error) for other in others]
    return sum(same) / len(same)
