"""The page: complete, self-contained, safe against texts from outside, and the same for the same results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evals.harness.result import CaseResult, Deed, Shown
from evals.report import page
from evals.scores.suite import Suite, suite_of

CAUSES = ("memory_limit_too_low", "image_not_found", "dependency_slow", "node_not_ready")


def result(number: int) -> CaseResult:
    expected, right = CAUSES[number % 4], number % 5 != 0
    said = expected if right else CAUSES[(number + 1) % 4]
    shown = Shown(
        cause=said,
        entity="prod/shop/deployment/web",
        probability=0.5 + (number % 5) / 10,
        statement="What is wrong, since when, by which change.",
        speaks_for=("+2.40 a container was OOMKilled",),
        speaks_against=("-0.50 <script>alert(1)</script>",),
    )
    return CaseResult(
        case=f"family-{number % 7}/case-{number}",
        family=f"family-{number % 7}",
        expected=f"{expected} at shop/deployment/web",
        ranked=(f"{said} at shop/deployment/web",),
        correct=right,
        seconds=2.0,
        cpu_seconds=1.0 + (number % 9) / 4,
        metrics={"right": float(right), "AC@3": float(right), "healed": float(right), "harmed": 0.0},
        confidence=shown.probability,
        hit=right,
        verdict="diagnosed",
        reason="One stands above the others.",
        hypotheses=(shown,),
        probes=80 + number,
        rounds=2,
        deed=Deed(proposed=("rollback_workload shop/deployment/web",), ending="verified", healed=right),
    )


@pytest.fixture(scope="module")
def suite() -> Suite:
    broken = CaseResult(case="family-1/broken", family="family-1", expected="", seconds=0.1, error="Traceback: no\n")
    return suite_of("scenarios", [*(result(number) for number in range(60)), broken])


@pytest.fixture(scope="module")
def html(suite: Suite) -> str:
    return page.page(suite)


def test_every_case_and_family_is_on_it(html: str, suite: Suite) -> None:
    assert html.count('<details class="case"') == len(suite.results)
    for family in suite.families:
        assert f"<td>{family}</td>" in html


def test_a_run_that_was_stopped_says_so(html: str, suite: Suite) -> None:
    assert "the run was stopped after 3 of 60" in page.page(suite, stopped="stopped after 3 of 60")
    assert "the run was" not in html


def test_it_needs_no_network(html: str) -> None:
    outside = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(https?:)?//", html)
    assert outside == []
    assert html.count("<svg") == 5


def test_texts_from_outside_are_texts(html: str) -> None:
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_case_that_could_not_be_run_shows_its_traceback(html: str) -> None:
    assert "1 could not be run" in html
    assert "Traceback: no" in html


def test_the_same_results_give_the_same_page(html: str, suite: Suite) -> None:
    assert page.page(suite) == html


def test_a_suite_in_which_everything_is_right_has_no_confusion(tmp_path: Path) -> None:
    good = suite_of("scenarios", [result(number) for number in range(60) if number % 5])
    page.write(good, tmp_path / "new" / "report.html")
    assert (tmp_path / "new" / "report.html").read_text().count("<svg") == 4
