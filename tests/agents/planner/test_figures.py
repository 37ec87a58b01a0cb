"""Figures: quantities as arguments, thresholds of checks, risk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planner.checks import ELEVATED, ERRORS_ENOUGH, guard_threshold, rebased, success_threshold
from agents.planner.measures import MEASURES
from agents.planner.prevention import bullets
from agents.planner.quantities import as_argument, number_of
from agents.planner.risk import risk
from incidents.action import BlastRadius, Reversibility
from incidents.proposal import Risk
from incidents.verification import Check, CheckRole, Comparison


@pytest.mark.parametrize(
    ("name", "number", "argument"),
    [
        pytest.param("memory_limit", 463470592, "448Mi", id="bytes go up to the next 16Mi"),
        pytest.param("memory_limit", 512 * 1024 * 1024, "512Mi", id="a round figure stays"),
        pytest.param("cpu_limit", 0.72, "750m", id="cores go up to the next 50m"),
        pytest.param("replicas", 4.2, 5, id="replicas are whole"),
        pytest.param("replicas", 3 * 1.0000000001, 3, id="noise of floating point adds no replica"),
        pytest.param("other", 1.5, 1.5, id="anything else as it is"),
    ],
)
def test_figures_become_arguments(name: str, number: float, argument: object) -> None:
    assert as_argument(name, number) == argument


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("256Mi", 268435456),
        ("750m", 0.75),
        ("2", 2.0),
        (3, 3.0),
        ("1Gi", 1073741824),
        ("", None),
        ("lots", None),
        (True, None),
    ],
)
def test_figures_are_read_in_every_form(value: object, number: float | None) -> None:
    assert number_of(value) == number


@given(now=st.floats(0.0001, 1), healthy=st.one_of(st.none(), st.floats(0, 0.2)))
def test_success_is_better_than_now_and_a_guard_is_worse_than_both(now: float, healthy: float | None) -> None:
    threshold = success_threshold("error_rate", now=now, healthy=healthy)
    elevated = now > max(ERRORS_ENOUGH, ELEVATED * (healthy or 0))
    assert threshold <= now / 2 if elevated else threshold >= ERRORS_ENOUGH
    assert guard_threshold("error_rate", now=now, healthy=healthy) > max(now, healthy or 0)


def test_measured_figures_move_the_thresholds() -> None:
    check = Check(
        role=CheckRole.GUARD,
        measure="latency_p99",
        entity="c/n/deployment/web",
        comparison=Comparison.AT_MOST,
        threshold=2.0,
        unit="seconds",
        text="",
    )
    moved = rebased(check, baseline=0.2)
    assert (moved.threshold, moved.baseline, moved.text) == (0.26, 0.2, "p99 of web not above 260 ms")
    assert rebased(check, baseline=None).threshold == 2.0
    success = check.model_copy(update={"role": CheckRole.SUCCESS})
    assert rebased(success, baseline=1.0, healthy=0.2).threshold == pytest.approx(0.3)


def test_measures_agree_with_themselves() -> None:
    assert {name: measure.name for name, measure in MEASURES.items()} == dict(zip(MEASURES, MEASURES, strict=True))


@pytest.mark.parametrize(
    ("how", "radius", "expected"),
    [
        pytest.param(Reversibility.EXACT, BlastRadius(pods=6), Risk.LOW, id="small and exactly undone"),
        pytest.param(Reversibility.EXACT, BlastRadius(pods=60), Risk.MEDIUM, id="many pods"),
        pytest.param(Reversibility.COMPENSATED, BlastRadius(pods=6), Risk.MEDIUM, id="undone by a counter-action"),
        pytest.param(Reversibility.COMPENSATED, BlastRadius(pods=60), Risk.HIGH, id="that, and many pods"),
        pytest.param(Reversibility.IRREVERSIBLE, BlastRadius(pods=1), Risk.HIGH, id="never undone"),
        pytest.param(Reversibility.EXACT, BlastRadius(nodes=("c/-/node/a",)), Risk.HIGH, id="a node"),
    ],
)
def test_risk_follows_from_undo_and_reach(how: Reversibility, radius: BlastRadius, expected: Risk) -> None:
    assert risk([(Reversibility.EXACT, BlastRadius()), (how, radius)]) is expected


def test_follow_ups_are_the_points_of_a_list() -> None:
    assert bullets("Words.\n\n- One,\n  and more.\n* Two.\n3. Three.\n") == ("One, and more.", "Two.", "Three.")
