"""What was reached before, and whether a run falls behind it. The rule engine is deterministic: no tolerance."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from evals.harness.result import CaseResult
from evals.scores.suite import Suite
from incidents.value import Value

GOOD = ("right", "healed", "quiet", "abstained", "cited", "caught", "ended", "AC@1", "AC@3", "A@1", "A@3", "Avg@5")
"""Metrics of which less is worse."""
BAD = ("harmed",)
"""Metrics of which more is worse."""
ROUNDING = 1e-6


class Baseline(Value):
    """The figures of every case, by case and metric."""

    suite: str
    cases: dict[str, dict[str, float]]


class BaselineError(ValueError):
    """The baseline cannot be read; the message names the file and what to do."""


class Regression(Value):
    """A figure that fell, overall or in a family, over the cases that both runs have."""

    where: str
    metric: str
    before: float
    now: float
    cases: tuple[str, ...]
    """Cases that got worse."""

    @property
    def text(self) -> str:
        """`nodes: healed 1.000 -> 0.500 (nodes/general-node-memory)`."""
        return f"{self.where}: {self.metric} {self.before:.3f} -> {self.now:.3f} ({', '.join(self.cases)})"


def baseline_of(suite: Suite) -> Baseline:
    """What is kept of a run."""
    return Baseline(suite=suite.name, cases={result.case: _kept(result) for result in suite.results})


def write(suite: Suite, path: Path) -> None:
    """Keep a run, a line per case, so that a change of it reads well in a diff."""
    lines = [f"  {json.dumps(case)}: {json.dumps(kept)}" for case, kept in baseline_of(suite).cases.items()]
    text = '{"suite": %s, "cases": {\n%s\n}}\n' % (json.dumps(suite.name), ",\n".join(lines))  # noqa: UP031 - braces
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> Baseline:
    """What was kept. Raises BaselineError."""
    try:
        return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(f"{path} cannot be read: {error.strerror}; --write-baseline {path} makes one") from None
    except ValidationError as error:
        raise BaselineError(f"{path} is no baseline: {error.errors()[0]['msg']}") from None


def regressions(suite: Suite, before: Baseline) -> tuple[Regression, ...]:
    """Every figure that fell, overall first."""
    both = [result for result in suite.results if result.case in before.cases]
    groups = {"all": both}
    for result in both:
        groups.setdefault(result.family, []).append(result)
    return tuple(
        found
        for where, results in groups.items()
        for metric in (*GOOD, *BAD)
        if (found := _fallen(where, metric, results, before.cases)) is not None
    )


def _fallen(
    where: str, metric: str, results: Sequence[CaseResult], before: Mapping[str, Mapping[str, float]]
) -> Regression | None:
    pairs = [
        (result.case, before[result.case][metric], _kept(result).get(metric, 0.0))
        for result in results
        if metric in before[result.case]
    ]
    if not pairs:
        return None
    sign = -1 if metric in BAD else 1
    was, now = sum(one for _, one, _ in pairs) / len(pairs), sum(other for _, _, other in pairs) / len(pairs)
    if sign * (now - was) >= -ROUNDING:
        return None
    worse = tuple(case for case, one, other in pairs if sign * (other - one) < -ROUNDING)
    return Regression(where=where, metric=metric, before=was, now=now, cases=worse)


def _kept(result: CaseResult) -> dict[str, float]:
    return {name: round(value, 4) for name, value in result.metrics.items() if name in (*GOOD, *BAD)}
