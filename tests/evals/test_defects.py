"""Our own failures are shown in a run, though the product goes on without the specialist that raised."""

from __future__ import annotations

import pytest

from evals.harness.result import CaseResult, defects
from evals.report.terminal import explanation, flawless
from incidents.finding import AgentName, Gap


@pytest.mark.parametrize(
    ("what", "why", "ours"),
    [
        pytest.param("everything kubernetes looks at", "NameError('x')", True, id="a specialist that raised"),
        pytest.param("crash_loop", "the detector failed: KeyError('x')", True, id="a detector that raised"),
        pytest.param("kubernetes.pods", "forbidden", False, id="what the estate does not show"),
    ],
)
def test_a_defect_is_ours(what: str, why: str, ours: bool) -> None:
    assert bool(defects([Gap(agent=AgentName.KUBERNETES, what=what, why=why)])) is ours


def test_a_right_answer_with_a_defect_is_explained() -> None:
    result = CaseResult(
        case="a/b", family="a", expected="x", correct=True, seconds=1.0, defects=("kubernetes: it broke",)
    )
    assert not flawless(result)
    assert any("it broke" in line for line in explanation(result))
