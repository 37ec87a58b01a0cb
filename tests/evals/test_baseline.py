"""A baseline: what fell is named with its cases, what is new or better is no regression."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.harness.result import CaseResult
from evals.scores import baseline
from evals.scores.agreement import folded
from evals.scores.baseline import BaselineError, regressions
from evals.scores.suite import Suite, suite_of


def result(case: str, **metrics: float) -> CaseResult:
    right = metrics.get("right", 1.0) == 1.0
    return CaseResult(
        case=case,
        family=case.split("/", maxsplit=1)[0],
        expected="x",
        correct=right,
        seconds=1.0,
        metrics={"right": 1.0} | metrics,
    )


BEFORE = [result("nodes/a", healed=1.0, harmed=0.0), result("nodes/b", healed=0.0), result("images/c", harmed=0.0)]


def kept(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    baseline.write(suite_of("scenarios", BEFORE), path)
    return path


@pytest.mark.parametrize(
    ("now", "fallen"),
    [
        pytest.param(BEFORE, [], id="the same run again"),
        pytest.param([*BEFORE, result("nodes/new", right=0.0)], [], id="a new case that fails is no regression"),
        pytest.param(BEFORE[1:], [], id="a case that is gone is no regression"),
        pytest.param(
            [result("nodes/a", healed=0.0, harmed=0.0), *BEFORE[1:]],
            [("all", "healed"), ("nodes", "healed")],
            id="what healed before and does not now",
        ),
        pytest.param(
            [*BEFORE[:2], result("images/c", harmed=1.0)], [("all", "harmed"), ("images", "harmed")], id="harm is worse"
        ),
        pytest.param(
            [result("nodes/a", healed=0.0, harmed=0.0), result("nodes/b", healed=1.0), BEFORE[2]],
            [],
            id="one lost and one won in the same family",
        ),
        pytest.param(
            [result("nodes/a", right=0.0, healed=1.0, harmed=0.0), *BEFORE[1:]],
            [("all", "right"), ("nodes", "right")],
            id="an answer that was right",
        ),
    ],
)
def test_a_figure_that_fell_is_named(now: list[CaseResult], fallen: list[tuple[str, str]], tmp_path: Path) -> None:
    found = regressions(suite_of("scenarios", now), baseline.read(kept(tmp_path)))
    assert [(one.where, one.metric) for one in found] == fallen


def test_a_regression_names_the_cases_that_got_worse(tmp_path: Path) -> None:
    now: Suite = suite_of("scenarios", [result("nodes/a", right=0.0), *BEFORE[1:]])
    first = regressions(now, baseline.read(kept(tmp_path)))[0]
    assert first.cases == ("nodes/a",)
    assert "1.000 -> 0.667 (nodes/a)" in first.text


def test_a_case_that_broke_is_a_regression(tmp_path: Path) -> None:
    broken = CaseResult(case="nodes/a", family="nodes", expected="", seconds=0.0, error="Traceback ...")
    found = regressions(suite_of("scenarios", [broken, *BEFORE[1:]]), baseline.read(kept(tmp_path)))
    assert ("all", "right") in [(one.where, one.metric) for one in found]


def test_what_is_no_baseline_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="--write-baseline"):
        baseline.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BaselineError, match="is no baseline"):
        baseline.read(tmp_path / "other.json")


def test_repeated_runs_are_one_result_with_their_agreement() -> None:
    def run(case: str, number: int, verdict: str) -> CaseResult:
        return result(case).model_copy(update={"repetition": number, "verdict": verdict})

    runs = [run("a/a", 2, "diagnosed"), run("a/a", 0, "diagnosed"), run("a/a", 1, "several"), run("b/b", 0, "several")]
    first, second = folded(runs)
    assert (first.repetition, first.metrics["agreement"]) == (0, 0.5)
    assert "agreement" not in second.metrics
