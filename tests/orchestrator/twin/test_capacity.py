"""Load, pods and CPU in a twin: how many pods a load needs follows from what each of them was seen to serve."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.action import FieldChange
from incidents.diagnosis import Argument, Hypothesis
from incidents.fact import Fact, FactRole
from incidents.foresight import Outlook
from incidents.ids import CauseSlug, EvidenceId, FactId, FactKind
from incidents.prediction import Prediction
from orchestrator.twin.model import twin_of
from orchestrator.twin.playing import play
from orchestrator.twin.seen import Cpu, Load, Seen, Startup
from orchestrator.twin.troubles import NoTwin
from tests.incidents.making import CHECKOUT, NOW
from tests.orchestrator.twin.making import workload

CPU_LIMIT = "spec.template.spec.containers[app].resources.limits.cpu"


def fact(kind: str, **attributes: Any) -> Fact:
    return Fact(
        id=FactId(f"fa-{kind}"),
        kind=FactKind(kind),
        role=FactRole.CHANGE,
        entity=CHECKOUT,
        at=NOW,
        text=kind,
        attributes=attributes,
        evidence=(EvidenceId("ev-1"),),
        detector="test",
    )


SURGE, SCALED_DOWN = fact("traffic.surge"), fact("change.scaled_down", before=8, after=4)
CPU_LOWERED = fact("change.cpu_limit_lowered")


def hypothesis(cited: Fact) -> Hypothesis:
    return Hypothesis(
        cause=CauseSlug("any"),
        title="Any",
        entity=CHECKOUT,
        probability=0.9,
        speaks_for=(Argument(text="", weight=1.0, facts=(cited.id,)),),
        change=cited.id if cited.kind.startswith("change.") else None,
        statement="",
    )


def seen(**changes: Any) -> Seen:
    """Four pods that serve 100 of 200 requests a second; before, 80 came."""
    given: dict[str, Any] = {
        "workload": workload(),
        "load": Load(
            rps=200, rps_before=80, failing=0.5, failing_before=0.001, p50_before=0.05, p99=2.0, p99_before=0.3
        ),
        "memory": None,
        "cpu": Cpu(container="app", limit=1.0, used_before=0.8),
        "startup": Startup(least=20, usual=22, most=30),
    }
    return Seen.model_validate(given | changes)


def predicted(*diff: FieldChange, cited: Fact = SURGE, of: Seen | None = None, most: int | None = None) -> Prediction:
    twin = twin_of(of or seen(), hypothesis(cited), {cited.id: cited}, diff, most=most)
    assert not isinstance(twin, NoTwin), twin.because
    return play(twin, seconds=60)


def pods(number: int) -> FieldChange:
    return FieldChange(path="spec.replicas", before="4", after=str(number))


def figure(found: Prediction, measure: str) -> tuple[float, float]:
    return next((one.before, one.after) for one in found.figures if one.measure == measure)


def test_as_many_pods_as_the_load_needs_recover_it() -> None:
    found = predicted(pods(10))
    assert found.outlook is Outlook.RECOVERS, found
    assert not found.speaks_against
    assert figure(found, "error_rate")[0] == pytest.approx(0.5, abs=0.03)
    assert figure(found, "error_rate")[1] < 0.01
    assert figure(found, "latency_p99")[1] < 0.6
    assert found.seconds is not None
    assert found.seconds >= 20, "pods take as long to start as they were seen to take"


def test_one_pod_more_is_no_help_and_is_spoken_against() -> None:
    found = predicted(pods(5))
    assert found.outlook is Outlook.STAYS_BROKEN
    assert found.speaks_against


def test_half_of_the_way_is_told_and_not_spoken_against() -> None:
    found = predicted(pods(7))
    assert found.outlook is Outlook.STAYS_BROKEN
    assert not found.speaks_against
    assert figure(found, "error_rate")[1] == pytest.approx(0.14, abs=0.05)


def test_fewer_pods_make_it_worse() -> None:
    assert predicted(pods(3)).outlook is Outlook.WORSENS


def test_only_so_many_pods_come_up_as_there_is_room_for() -> None:
    assert predicted(pods(10), most=5).speaks_against


def test_pods_that_were_taken_away_and_come_back_recover_it() -> None:
    before = Load(rps=80, rps_before=80, failing=0.4, failing_before=0.001, p50_before=0.05)
    found = predicted(pods(8), cited=SCALED_DOWN, of=seen(load=before, cpu=None))
    assert found.outlook is Outlook.RECOVERS, found


def test_cpu_that_was_taken_away_and_comes_back_recovers_it() -> None:
    load = Load(rps=80, rps_before=80, failing=0.3, failing_before=0.001, p50_before=0.05, p99=2.0, p99_before=0.3)
    cpu = Cpu(container="app", limit=0.2, limit_before=1.0, used_before=1.2)
    change = FieldChange(path=CPU_LIMIT, before="200m", after="1")
    found = predicted(change, cited=CPU_LOWERED, of=seen(load=load, cpu=cpu))
    assert found.outlook is Outlook.RECOVERS, found


def test_nothing_is_claimed_where_nobody_knows_what_a_pod_can_take() -> None:
    load = Load(rps=200, rps_before=80, failing=0.001, failing_before=0.001, p50_before=0.05)
    twin = twin_of(seen(load=load, cpu=None), hypothesis(SURGE), {SURGE.id: SURGE}, (pods(8),))
    assert isinstance(twin, NoTwin)
    assert "how much one of its pods can take is not known" in twin.because


def test_a_twin_that_is_not_like_what_is_seen_claims_nothing() -> None:
    """Each pod serves all that comes by its CPU, and still half of it fails: something else is wrong."""
    load = Load(rps=80, rps_before=80, failing=0.6, failing_before=0.001, p50_before=0.05)
    cpu = Cpu(container="app", limit=0.2, limit_before=1.0, used_before=0.85)
    change = FieldChange(path=CPU_LIMIT, before="200m", after="1")
    found = predicted(change, cited=CPU_LOWERED, of=seen(load=load, cpu=cpu))
    assert found.outlook is Outlook.NOT_FORESEEN
    assert "really 60.0% do" in found.not_foreseen[0]
