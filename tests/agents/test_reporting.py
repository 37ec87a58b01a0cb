"""What all specialists share: stating facts, coverage, findings, questions, and a defect of one detector."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agents.detector import Detector, Scene, Sightings
from agents.reporting import coverage, finding, findings_of, question, state
from agents.wording import clock_time, duration, listed, percent
from incidents.casefile import Assignment
from incidents.fact import Fact, FactRole, FactSpec
from incidents.finding import AgentName, Topic
from incidents.ids import FactKind
from tests.agents.kubernetes.estate import NOW, ONSET, entity, pods, seen, workloads
from tools.kubernetes.pod import Pods
from tools.kubernetes.workload import Workloads

SPEC = FactSpec(
    kind=FactKind("pod.odd"), role=FactRole.SYMPTOM, meaning="It is odd.", attributes={"count": "how often"}
)
CHECKOUT, CART = entity("deployment/checkout"), entity("deployment/cart")
ASKED = Assignment(agent=AgentName.KUBERNETES, topic=Topic.OVERVIEW, entities=(CHECKOUT,), round=2)


def odd(**attributes: int | None) -> Fact:
    return state(SPEC, entity=CHECKOUT, text="odd", seen=[pods()], at=ONSET, detector="test", **attributes)


def test_a_fact_has_only_what_its_kind_declares() -> None:
    assert odd(count=3).attributes == {"count": 3}
    assert odd(count=None).attributes == {}
    with pytest.raises(ValueError, match=r"pod.odd does not declare colour"):
        odd(colour=1)


def test_the_same_statement_is_the_same_fact() -> None:
    assert odd(count=3).id == odd(count=3).id
    assert odd(count=3).id != odd(count=4).id


def nothing(_: Sightings, __: Scene) -> Iterable[Fact]:
    return ()


DETECTOR = Detector(name="test", emits=(SPEC,), needs=(Pods, Workloads), detect=nothing)


@pytest.mark.parametrize(
    ("complete_pods", "complete_workloads", "covered"),
    [
        pytest.param([CHECKOUT], [CHECKOUT], {CHECKOUT}, id="both views name it"),
        pytest.param([CHECKOUT], [], set(), id="one view does not"),
        pytest.param([entity("namespace/shop")], [CHECKOUT], {CHECKOUT}, id="a view is complete about its namespace"),
        pytest.param([entity("namespace/shop")], [entity("namespace/shop")], {CHECKOUT, CART}, id="both are"),
    ],
)
def test_absence_counts_only_where_all_needed_views_are_complete(
    complete_pods: list[str], complete_workloads: list[str], covered: set[str]
) -> None:
    sightings = Sightings(
        observations=[
            seen(pods().view, complete=complete_pods),  # type: ignore[arg-type]
            seen(workloads().view, complete=complete_workloads),  # type: ignore[arg-type]
        ]
    )
    assert set(coverage([DETECTOR], sightings, [CHECKOUT, CART])) == {f"pod.odd@{one}" for one in covered}


def test_findings_are_told_nearest_first_and_mechanisms_before_symptoms() -> None:
    def fact(kind: str, role: FactRole, about: str) -> Fact:
        spec = FactSpec(kind=FactKind(kind), role=role, meaning="m.")
        return state(spec, entity=entity(about), text=f"{kind} {about}", seen=[pods()], at=None, detector="t")

    facts = [
        fact("a.symptom", FactRole.SYMPTOM, "deployment/checkout"),
        fact("a.state", FactRole.STATE, "deployment/checkout"),
        fact("a.far", FactRole.MECHANISM, "deployment/cart"),
        fact("a.mechanism", FactRole.MECHANISM, "deployment/checkout"),
    ]
    told = findings_of(ASKED, facts, near=[CHECKOUT], at=NOW)
    assert [one.text.split()[0] for one in told] == ["a.mechanism", "a.symptom", "a.far"]
    assert {one.round for one in told} == {2}


def test_a_finding_is_as_sure_as_its_weakest_fact() -> None:
    weak = odd().model_copy(update={"strength": 0.4})
    assert finding(ASKED, [odd(), weak], at=NOW).confidence == pytest.approx(0.4)


def test_the_same_question_is_one_question() -> None:
    first = question(ASKED, AgentName.CICD, Topic.CHANGES, entities=[CHECKOUT], text="what changed?")
    second = question(ASKED, AgentName.CICD, Topic.CHANGES, entities=[CHECKOUT], text="and what changed?")
    other = question(ASKED, AgentName.CICD, Topic.CHANGES, entities=[CART], text="what changed?")
    assert first.id == second.id != other.id


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (clock_time(ONSET), "02:35"),
        (clock_time(ONSET, now=NOW.replace(day=20)), "11-17 02:35"),
        (duration(40), "40 s"),
        (duration(720), "12 min"),
        (duration(3 * 3600), "3 h"),
        (duration(10 * 86400), "10 d"),
        (percent(0.071), "7.1 %"),
        (percent(0.5), "50 %"),
        (listed("abcde"), "a, b, c and 2 more"),
    ],
)
def test_figures_are_said_alike(said: str, expected: str) -> None:
    assert said == expected
