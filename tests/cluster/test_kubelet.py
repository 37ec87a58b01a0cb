"""The fake kubelet against the real API server: pods go the way that their annotations say, in a kubelet's words."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.kubelet.behaviour import PREFIX
from tests.cluster.manifests import Manifest, deployment, job, pod_template

pytestmark = pytest.mark.cluster

CALL: dict[str, Any] = {"_request_timeout": 10}


class Watched:
    """A deployment of one pod, seen from the outside."""

    def __init__(self, cluster: ControlPlane, namespace: str, template: Manifest) -> None:
        self.cluster = cluster
        self.namespace = namespace
        cluster.create(deployment("app", namespace=namespace, template=template))

    def pod(self) -> Any:
        """The one pod that is not on its way out."""
        pods = self.cluster.core.list_namespaced_pod(self.namespace, **CALL).items
        alive = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        return alive[0] if len(alive) == 1 else None

    def container(self) -> Any:
        pod = self.pod()
        return pod.status.container_statuses[0] if pod and pod.status.container_statuses else None

    def waiting(self, reason: str, *, restarts: int = 0) -> Any:
        found = self.container()
        if found and found.restart_count >= restarts and found.state.waiting and found.state.waiting.reason == reason:
            return found
        return None

    def ready(self) -> Any:
        pod = self.pod()
        conditions = {c.type: c.status for c in (pod.status.conditions or [])} if pod else {}
        return pod if conditions.get("Ready") == "True" else None

    def events(self) -> dict[str, Any]:
        """The latest event by reason; of events of other parts only the scheduler's are there too."""
        listed = self.cluster.core.list_namespaced_event(self.namespace, **CALL).items
        return {e.reason: e for e in listed if e.involved_object.kind == "Pod"}

    def log(self, **options: object) -> str:
        pod = self.pod()
        assert pod
        # The client's `read_namespaced_pod_log` would print bytes as a literal; the plain answer is what was written.
        answer = self.cluster.core.read_namespaced_pod_log(
            pod.metadata.name, self.namespace, _preload_content=False, **options, **CALL
        )
        return str(answer.data.decode())


def test_a_crashing_container_backs_off_longer_each_time(own_control_plane: ControlPlane, namespace: str) -> None:
    told = {"behaviour": "crash", "exit-code": "7", "last-words": "panic: no config"}
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told=told))

    first = eventually(lambda: app.waiting("CrashLoopBackOff"), what="the first back-off")
    assert first.restart_count == 1, "the first restart is immediate"
    assert first.state.waiting.message.startswith("back-off 10s restarting failed container=app pod=app-")
    assert (first.last_state.terminated.exit_code, first.last_state.terminated.reason) == (7, "Error")

    second = eventually(lambda: app.waiting("CrashLoopBackOff", restarts=2), what="the second back-off")
    assert second.state.waiting.message.startswith("back-off 20s ")
    pod = app.pod()
    assert pod
    assert pod.status.phase == "Running"
    conditions = {c.type: c for c in pod.status.conditions}
    assert conditions["Ready"].status == "False"
    assert conditions["Ready"].reason == "ContainersNotReady"
    assert conditions["PodScheduled"].status == "True", "what the scheduler wrote stays"

    events = app.events()
    assert {"Scheduled", "Pulled", "Created", "Started", "BackOff"} <= events.keys()
    assert events["BackOff"].type == "Warning"
    assert events["BackOff"].count >= 2
    assert events["BackOff"].source.component == "kubelet"


def test_logs_of_the_run_before_come_through_the_api_server(own_control_plane: ControlPlane, namespace: str) -> None:
    told = {"behaviour": "crash", "log": "INFO starting\nINFO reading config", "last-words": "panic: no config"}
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told=told))
    eventually(lambda: app.waiting("CrashLoopBackOff"), what="a back-off")

    assert app.log(previous=True) == "INFO starting\nINFO reading config\npanic: no config\n"
    assert app.log(previous=True, tail_lines=1) == "panic: no config\n"
    assert app.log(previous=True, limit_bytes=4) == "INFO"
    assert app.log(previous=True, tail_lines=1, timestamps=True)[:2] == "20"


def test_a_log_can_be_followed_to_the_end_of_the_run(own_control_plane: ControlPlane, namespace: str) -> None:
    told = {"behaviour": "crash", "runs-seconds": "20", "log": "INFO starting", "last-words": "panic: no config"}
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told=told))
    eventually(lambda: (s := app.container()) and s.state.running, what="a running container")
    assert app.log() == "INFO starting\n"
    assert app.log(follow=True) == "INFO starting\npanic: no config\n"


def test_a_container_that_never_ran_before_has_no_previous_log(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1"))
    eventually(app.ready, what="a ready pod")
    assert app.log() == "INFO starting\nINFO listening on :8080\n"
    with pytest.raises(ApiException) as refused:
        app.log(previous=True)
    assert refused.value.status == 400
    assert "previous terminated container" in str(refused.value.body)


def test_too_little_memory_kills_and_a_higher_limit_heals(own_control_plane: ControlPlane, namespace: str) -> None:
    template = pod_template("app", image="shop/checkout:1", memory="256Mi", told={"needs-memory": "400Mi"})
    app = Watched(own_control_plane, namespace, template)
    killed = eventually(lambda: app.waiting("CrashLoopBackOff"), what="a back-off")
    assert (killed.last_state.terminated.exit_code, killed.last_state.terminated.reason) == (137, "OOMKilled")

    limits = {"limits": {"memory": "512Mi"}, "requests": {"memory": "512Mi"}}
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "resources": limits}]}}}}
    own_control_plane.apps.patch_namespaced_deployment("app", namespace, change, **CALL)
    healed = eventually(app.ready, what="a ready pod with the higher limit")
    assert healed.spec.containers[0].resources.limits["memory"] == "512Mi"
    assert healed.status.container_statuses[0].restart_count == 0


def test_an_image_that_does_not_exist_is_tried_again_and_again(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:2-nopull"))
    stuck = eventually(lambda: app.waiting("ImagePullBackOff"), what="a pull back-off")
    assert stuck.state.waiting.message.startswith('Back-off pulling image "shop/api:2-nopull"')
    pod = app.pod()
    assert pod
    assert pod.status.phase == "Pending"
    events = eventually(lambda: app.events() if "BackOff" in app.events() else None, what="the event")
    assert events["Failed"].type == "Warning"
    with pytest.raises(ApiException) as refused:
        app.log()
    assert refused.value.status == 400
    assert "waiting to start" in str(refused.value.body)


def test_a_pod_that_is_never_ready_says_why_and_stays_up(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told={"behaviour": "notready"}))
    events = eventually(lambda: app.events() if "Unhealthy" in app.events() else None, what="failed probes")
    assert events["Unhealthy"].message == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    status = app.container()
    assert status
    assert (status.ready, status.started, status.restart_count) == (False, True, 0)
    assert status.state.running
    assert not app.ready()


def test_a_slow_start_is_ready_in_the_end(own_control_plane: ControlPlane, namespace: str) -> None:
    told = {"behaviour": "slow", "ready-after-seconds": "20"}
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told=told))
    status = eventually(lambda: (s := app.container()) and s.state.running and s, what="a running container")
    assert not status.ready
    eventually(app.ready, what="a ready pod")


def test_a_job_completes_and_a_failing_one_fails(own_control_plane: ControlPlane, namespace: str) -> None:
    good = pod_template("good", image="shop/report:1", restartPolicy="Never")
    bad = pod_template("bad", image="shop/report:1", told={"behaviour": "crash"}, restartPolicy="Never")
    own_control_plane.create(
        job("good", namespace=namespace, template=good), job("bad", namespace=namespace, template=bad)
    )
    batch = own_control_plane.batch

    def finished(name: str) -> str | None:
        conditions = batch.read_namespaced_job(name, namespace, **CALL).status.conditions or []
        return next((c.type for c in conditions if c.type in ("Complete", "Failed") and c.status == "True"), None)

    assert eventually(lambda: finished("good"), what="the end of the good job") == "Complete"
    assert eventually(lambda: finished("bad"), what="the end of the bad job") == "Failed"


def test_a_deleted_pod_is_gone_after_its_grace_and_replaced(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1"))
    before = eventually(app.ready, what="a ready pod")
    own_control_plane.core.delete_namespaced_pod(before.metadata.name, namespace, **CALL)

    def replaced() -> bool:
        names = [p.metadata.name for p in own_control_plane.core.list_namespaced_pod(namespace, **CALL).items]
        return len(names) == 1 and before.metadata.name not in names

    eventually(replaced, what="the old pod gone, a new one there")
    eventually(app.ready, what="the new pod ready")
    assert app.events()["Killing"].message == "Stopping container app"


def test_an_unknown_behaviour_is_reported_where_one_looks(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told={"behaviour": "dance"}))
    stuck = eventually(lambda: app.waiting("CreateContainerConfigError"), what="the complaint")
    assert "dance" in stuck.state.waiting.message


def test_a_node_under_memory_pressure_is_tainted_until_it_is_well(own_control_plane: ControlPlane) -> None:
    core = own_control_plane.core

    def look() -> tuple[str, list[str]]:
        node = core.read_node("node-2", **CALL)
        pressure = next(c.status for c in node.status.conditions if c.type == "MemoryPressure")
        return pressure, [taint.key for taint in node.spec.taints or []]

    def tell(behaviour: str | None) -> None:
        core.patch_node("node-2", {"metadata": {"annotations": {PREFIX + "behaviour": behaviour}}}, **CALL)

    tell("memory-pressure")
    try:
        eventually(
            lambda: look() == ("True", ["node.kubernetes.io/memory-pressure"]), what="the condition and its taint"
        )
    finally:
        tell(None)
    eventually(lambda: look() == ("False", []), what="a node without taints")


def test_a_missing_config_map_holds_the_container_back_until_it_is_there(
    own_control_plane: ControlPlane, namespace: str
) -> None:
    template = pod_template("app", image="shop/api:1")
    source = {"configMapKeyRef": {"name": "payment", "key": "url"}}
    template["spec"]["containers"][0]["env"] = [{"name": "PAYMENT_URL", "valueFrom": source}]
    app = Watched(own_control_plane, namespace, template)
    stuck = eventually(lambda: app.waiting("CreateContainerConfigError"), what="the complaint")
    assert stuck.state.waiting.message == 'configmap "payment" not found'

    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "payment", "namespace": namespace}}
    own_control_plane.create(config)

    wanted = f"couldn't find key url in ConfigMap {namespace}/payment"

    def complains_about_the_key() -> bool:
        status = app.waiting("CreateContainerConfigError")
        return bool(status) and status.state.waiting.message == wanted

    eventually(complains_about_the_key, what="the missing key")
    own_control_plane.core.patch_namespaced_config_map("payment", namespace, {"data": {"url": "http://p"}}, **CALL)
    eventually(app.ready, what="a ready pod")


def test_a_hung_container_is_killed_by_its_liveness_probe(own_control_plane: ControlPlane, namespace: str) -> None:
    app = Watched(own_control_plane, namespace, pod_template("app", image="shop/api:1", told={"behaviour": "hung"}))
    killed = eventually(lambda: app.waiting("CrashLoopBackOff"), what="a back-off")
    assert (killed.last_state.terminated.exit_code, killed.last_state.terminated.reason) == (137, "Error")
    events = app.events()
    assert events["Unhealthy"].message.startswith("Liveness probe failed: ")
    assert events["Killing"].message == "Container app failed liveness probe, will be restarted"
    assert app.log(previous=True).endswith("WARN worker pool exhausted, 64 of 64 busy\n")
