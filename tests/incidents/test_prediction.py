"""What a rehearsal says against a change, how it says it, and whether its ranges held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incidents.foresight import Outlook
from incidents.prediction import Foreseen, Obstacle, Prediction, held_against
from incidents.verification import Check, CheckRole, Comparison, Measurement, Outcome
from tests.incidents.making import CHECKOUT, NOW

FULL = Obstacle(what="connections", text="12 pods would hold up to 366 connections", harms=True, most=6)
TIGHT = Obstacle(what="quota", text="7 of 10 pods would not be created", most=3)


def failing(before: float, after: float, **changes: Any) -> Foreseen:
    return Foreseen.model_validate(
        {"measure": "error_rate", "unit": "ratio", "before": before, "after": after, **changes}
    )


@pytest.mark.parametrize(
    ("prediction", "against"),
    [
        pytest.param(Prediction(outlook=Outlook.RECOVERS, figures=(failing(0.3, 0.001),)), False, id="it recovers"),
        pytest.param(Prediction(outlook=Outlook.NOT_FORESEEN), False, id="nothing is claimed"),
        pytest.param(
            Prediction(outlook=Outlook.STAYS_BROKEN, figures=(failing(0.3, 0.3),)), True, id="it helps nobody"
        ),
        pytest.param(
            Prediction(outlook=Outlook.STAYS_BROKEN, figures=(failing(0.3, 0.1),)), False, id="most of the way"
        ),
        pytest.param(Prediction(outlook=Outlook.STAYS_BROKEN, obstacles=(TIGHT,)), True, id="it would not come about"),
        pytest.param(Prediction(outlook=Outlook.WORSENS, figures=(failing(0.3, 0.1),)), True, id="harm decides"),
    ],
)
def test_what_a_rehearsal_speaks_against(prediction: Prediction, *, against: bool) -> None:
    assert prediction.speaks_against is against


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        pytest.param(Prediction(outlook=Outlook.RECOVERS, seconds=50), "the twin recovers in 50 s", id="plain"),
        pytest.param(
            Prediction(outlook=Outlook.WORSENS, obstacles=(FULL,)),
            "it would hurt: 12 pods would hold up to 366 connections",
            id="not played",
        ),
        pytest.param(
            Prediction(outlook=Outlook.STAYS_BROKEN, obstacles=(TIGHT,), figures=(failing(0.7, 0.6),)),
            "the twin does not recover: 7 of 10 pods would not be created",
            id="played with what comes up",
        ),
    ],
)
def test_how_it_is_said(prediction: Prediction, said: str) -> None:
    assert prediction.summary == said


def test_what_was_not_said_does_not_change_the_form_of_older_predictions() -> None:
    """Their digests were made before ranges and obstacles were there."""
    found = Prediction(outlook=Outlook.RECOVERS, seconds=50, figures=(failing(0.3, 0.001),)).model_dump(mode="json")
    assert set(found) == {"outlook", "seconds", "figures", "built_from", "assumes", "not_foreseen"}
    assert set(found["figures"][0]) == {"measure", "unit", "before", "after"}


CHECK = Check(
    role=CheckRole.SUCCESS,
    measure="error_rate",
    entity=CHECKOUT,
    comparison=Comparison.AT_MOST,
    threshold=0.01,
    unit="ratio",
    text="",
)


@pytest.mark.parametrize(("real", "within"), [(0.002, True), (0.009, False)])
def test_a_range_is_held_against_what_was_measured_last(real: float, *, within: bool) -> None:
    prediction = Prediction(outlook=Outlook.RECOVERS, seconds=50, figures=(failing(0.3, 0.001, low=0.0, high=0.005),))
    measured = [
        Measurement(check=0, at=NOW + timedelta(seconds=seconds), value=value)
        for seconds, value in ((0, 0.3), (60, 0.008), (120, real))
    ]
    found = held_against(prediction, Outcome.VERIFIED, checks=(CHECK,), measured=measured, since=NOW)
    assert found.right is True
    assert [(figure.real, figure.within) for figure in found.figures] == [(real, within)]
    assert f"error rate {real * 100:g} %, foreseen 0 % to 0.5 %" in found.text


def test_what_was_undone_is_not_held_against_the_ranges_of_a_recovery() -> None:
    prediction = Prediction(outlook=Outlook.RECOVERS, seconds=50, figures=(failing(0.3, 0.001, low=0.0, high=0.005),))
    found = held_against(prediction, Outcome.UNDONE, checks=(CHECK,), measured=(), since=NOW)
    assert (found.right, found.figures) == (False, ())
