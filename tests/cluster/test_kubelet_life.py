"""The pure half of the fake kubelet: what it decides from a pod, and the course of a container's life."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import pytest

from tests.cluster.kubelet.behaviour import PREFIX, Behaviour, plan_for, quantity
from tests.cluster.kubelet.life import Running, Terminated, Waiting, back_off, go_duration, life
from tests.cluster.kubelet.wire import Json


def pod_with(told: dict[str, str], *, image: str = "shop/api:1", memory: str | None = None, **spec: str) -> Json:
    app: Json = {"name": "app", "image": image}
    if memory:
        app["resources"] = {"limits": {"memory": memory}}
    annotations = {PREFIX + key: value for key, value in told.items()}
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "annotations": annotations},
        "spec": {"containers": [app, {"name": "sidecar", "image": "mesh:1"}], **spec},
    }


CASES = {
    "nothing said is healthy": (pod_with({}), Behaviour.HEALTHY),
    "the image's tag says it": (pod_with({}, image="r.test:5000/shop/api:v2-crash"), Behaviour.CRASH),
    "a word in the image's name says nothing": (pod_with({}, image="shop/crash-reporter:1"), Behaviour.HEALTHY),
    "an annotation overrides the tag": (pod_with({"behaviour": "slow"}, image="a:crash"), Behaviour.SLOW),
    "a limit below the need kills": (pod_with({"needs-memory": "300Mi"}, memory="299Mi"), Behaviour.OOM),
    "a limit equal to the need suffices": (pod_with({"needs-memory": "300Mi"}, memory="300Mi"), Behaviour.HEALTHY),
    "no limit suffices for every need": (pod_with({"needs-memory": "300Gi"}), Behaviour.HEALTHY),
    "a restored limit does not cure another fault": (
        pod_with({"needs-memory": "1Mi", "behaviour": "crash"}, memory="2Mi"),
        Behaviour.CRASH,
    ),
    "who must not be restarted completes": (pod_with({}, restartPolicy="Never"), Behaviour.COMPLETE),
    "annotations may be about another container": (
        pod_with({"behaviour": "crash", "container": "sidecar"}),
        Behaviour.HEALTHY,
    ),
}


@pytest.mark.parametrize(("pod", "expected"), CASES.values(), ids=CASES.keys())
def test_behaviour_is_read_from_the_pod(pod: Json, expected: Behaviour) -> None:
    assert plan_for(pod, pod["spec"]["containers"][0]).behaviour is expected


def test_only_the_first_container_misbehaves_unless_another_is_named() -> None:
    pod = pod_with({"behaviour": "crash"})
    assert [plan_for(pod, c).behaviour for c in pod["spec"]["containers"]] == [Behaviour.CRASH, Behaviour.HEALTHY]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("256Mi", 256 * 2**20), ("1G", 10**9), ("0.5", Decimal("0.5")), ("100m", Decimal("0.1")), ("2Ki", 2048)],
)
def test_quantities(text: str, expected: Decimal | int) -> None:
    assert quantity(text) == expected


@pytest.mark.parametrize("text", ["12Q", "Mi", "1mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        quantity(text)


def test_back_off_doubles_up_to_five_minutes() -> None:
    plan = plan_for(pod_with({}), {"name": "app", "image": "a:crash"})
    lasted = [sum(step.seconds or 0 for step in back_off(plan, restarts=n)) for n in range(8)]
    assert lasted == [0, 10, 20, 40, 80, 160, 300, 300]
    messages = [next(back_off(plan, restarts=n)).state for n in (1, 4, 7)]
    assert [m.message.split(" restarting")[0] for m in messages if isinstance(m, Waiting)] == [
        "back-off 10s",
        "back-off 1m20s",
        "back-off 5m0s",
    ]


def test_durations_read_like_go() -> None:
    assert [go_duration(s) for s in (10, 60, 80, 300)] == ["10s", "1m0s", "1m20s", "5m0s"]


def test_a_crash_goes_from_creating_over_running_to_terminated() -> None:
    pod = pod_with({"behaviour": "crash", "ready-after-seconds": "1", "runs-seconds": "5"})
    states = [step.state for step in life(plan_for(pod, pod["spec"]["containers"][0]), restarts=0)]
    assert states == [
        Waiting(reason="ContainerCreating"),
        Running(ready=False),
        Running(ready=True),
        Terminated(exit_code=1, reason="Error"),
    ]


def test_a_second_start_pulls_nothing() -> None:
    pod = pod_with({"behaviour": "crash"})
    plan = plan_for(pod, pod["spec"]["containers"][0])
    first, second = (
        [h.reason for step in life(plan, restarts=n) for h in step.happenings if h.reason.startswith("Pull")]
        for n in (0, 1)
    )
    assert (first, second) == (["Pulling", "Pulled"], ["Pulled"])


def test_a_missing_image_is_never_started() -> None:
    pod = pod_with({"behaviour": "nopull"})
    steps = list(islice(life(plan_for(pod, pod["spec"]["containers"][0]), restarts=0), 12))
    assert not [step for step in steps if isinstance(step.state, Running)]
    assert [s.seconds for s in steps if isinstance(s.state, Waiting) and s.state.reason == "ImagePullBackOff"] == [
        *(10, 20, 40, 80, 160)
    ]
