"""A change tried in a twin: the right one recovers it, a wrong one is caught, and what cannot be known is not claimed."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.action import FieldChange
from incidents.diagnosis import Argument, Hypothesis
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole
from incidents.foresight import Outlook
from incidents.ids import CauseSlug, EvidenceId, FactId, FactKind
from incidents.prediction import Prediction
from orchestrator.twin.model import NoTwin, twin_of
from orchestrator.twin.playing import TooSlowError, play
from orchestrator.twin.seen import Load, Memory, Seen
from tests.incidents.making import CHECKOUT, NOW
from tools.kubernetes.container import ContainerSpec, Resources
from tools.kubernetes.metadata import ObjectMeta
from tools.kubernetes.template import PodTemplate
from tools.kubernetes.workload import Replicas, Strategy, Workload

MI = 2**20
LIMIT = "spec.template.spec.containers[app].resources.limits.memory"
IMAGE = "spec.template.spec.containers[app].image"


def workload(*, replicas: int = 4, kind: EntityKind = EntityKind.DEPLOYMENT) -> Workload:
    spec = ContainerSpec(
        name="app", image="checkout:1.42.1", resources=Resources(memory_limit=256 * MI, memory_request=128 * MI)
    )
    return Workload(
        meta=ObjectMeta(entity=CHECKOUT, name="checkout", namespace="shop", uid="u", resource_version="1"),
        kind=kind,
        replicas=Replicas(desired=replicas),
        strategy=Strategy(max_surge="25%", max_unavailable="25%"),
        template=PodTemplate(containers=(spec,)),
    )


def seen(*, most: float = 340, limit_before: float | None = 512, **changes: Any) -> Seen:
    memory = Memory(
        container="app", limit=256 * MI, limit_before=limit_before * MI if limit_before else None, most=most * MI
    )
    given: dict[str, Any] = {
        "workload": workload(),
        "load": Load(rps=40.0, failing=0.07, failing_before=0.001),
        "memory": memory,
    }
    return Seen.model_validate(given | changes)


def fact(kind: str, *, at: Any = NOW) -> Fact:
    return Fact(
        id=FactId(f"fa-{kind}"),
        kind=FactKind(kind),
        role=FactRole.MECHANISM,
        entity=CHECKOUT,
        at=at,
        text=kind,
        evidence=(EvidenceId("ev-1"),),
        detector="test",
    )


OOM, DEPLOYED = fact("container.oom_killed"), fact("change.deployed")
FACTS = {item.id: item for item in (OOM, DEPLOYED)}


def hypothesis(*cited: Fact, change: Fact | None = None) -> Hypothesis:
    return Hypothesis(
        cause=CauseSlug("any"),
        title="Any",
        entity=CHECKOUT,
        probability=0.9,
        speaks_for=(Argument(text="", weight=1.0, facts=tuple(item.id for item in cited)),),
        change=change.id if change else None,
        statement="",
    )


def predicted(*diff: FieldChange, of: Seen | None = None, because: Hypothesis | None = None) -> Prediction:
    twin = twin_of(of or seen(), because or hypothesis(OOM), FACTS, diff)
    assert not isinstance(twin, NoTwin), twin.because
    return play(twin, seconds=60)


def raised(to: str) -> FieldChange:
    return FieldChange(path=LIMIT, before="256Mi", after=to)


def test_enough_memory_recovers_it() -> None:
    found = predicted(raised("512Mi"))
    assert found.outlook is Outlook.RECOVERS, found
    assert found.seconds is not None
    assert 5 <= found.seconds <= 240
    assert [(f.measure, f.after) for f in found.figures] == [
        ("error_rate", pytest.approx(0.001, abs=0.006)),
        ("workload_available", 4),
    ]
    assert any("340 MiB" in text for text in found.assumes)
    assert found.not_foreseen, "there is always something that it cannot tell"


@pytest.mark.parametrize(
    "diff",
    [
        pytest.param((raised("300Mi"),), id="less memory than it needs"),
        pytest.param((FieldChange(path="spec.replicas", before="4", after="8"),), id="more replicas of what dies"),
        pytest.param(
            (FieldChange(path="spec.template.metadata.annotations.restartedAt", before=None, after="now"),),
            id="a restart of what dies",
        ),
    ],
)
def test_a_wrong_fix_for_a_lack_of_memory_is_caught(diff: tuple[FieldChange, ...]) -> None:
    assert predicted(*diff).outlook in (Outlook.STAYS_BROKEN, Outlook.WORSENS)


def test_going_back_from_a_bad_release_recovers_it() -> None:
    back = FieldChange(path=IMAGE, before="checkout:1.42.1", after="checkout:1.42.0")
    found = predicted(back, because=hypothesis(DEPLOYED, change=DEPLOYED))
    assert found.outlook is Outlook.RECOVERS, found
    assert any("data or schemas" in text for text in found.not_foreseen)


def test_more_replicas_of_a_bad_release_do_not() -> None:
    more = FieldChange(path="spec.replicas", before="4", after="8")
    assert predicted(more, because=hypothesis(DEPLOYED, change=DEPLOYED)).outlook is Outlook.STAYS_BROKEN


@pytest.mark.parametrize(
    ("of", "because", "diff", "reason"),
    [
        pytest.param(seen(load=None), hypothesis(OOM), raised("512Mi"), "requests are not measured", id="no requests"),
        pytest.param(seen(memory=None), hypothesis(OOM), raised("512Mi"), "is not measured", id="no memory figures"),
        pytest.param(
            seen(most=255, limit_before=None), hypothesis(OOM), raised("512Mi"), "is not known", id="need unknown"
        ),
        pytest.param(seen(), hypothesis(), raised("512Mi"), "only these have a twin", id="another kind of cause"),
        pytest.param(
            seen(),
            hypothesis(OOM),
            FieldChange(path="spec.template.spec.nodeSelector.disk", before=None, after="ssd"),
            "does not know spec.template.spec.nodeSelector.disk",
            id="a field that the twin does not know",
        ),
        pytest.param(
            seen(workload=workload(kind=EntityKind.DAEMONSET)), hypothesis(OOM), raised("512Mi"), "no twin", id="kind"
        ),
        pytest.param(seen(workload=workload(replicas=500)), hypothesis(OOM), raised("512Mi"), "no twin", id="size"),
    ],
)
def test_what_cannot_be_known_is_not_claimed(of: Seen, because: Hypothesis, diff: FieldChange, reason: str) -> None:
    twin = twin_of(of, because, FACTS, (diff,))
    assert isinstance(twin, NoTwin)
    assert reason in twin.because


def test_a_twin_that_takes_too_long_is_given_up() -> None:
    twin = twin_of(seen(), hypothesis(OOM), FACTS, (raised("512Mi"),))
    assert not isinstance(twin, NoTwin)
    ticks = iter(range(1000))
    with pytest.raises(TooSlowError):
        play(twin, seconds=3, clock=lambda: float(next(ticks)))


def test_the_same_twin_says_the_same() -> None:
    assert predicted(raised("512Mi")) == predicted(raised("512Mi"))
