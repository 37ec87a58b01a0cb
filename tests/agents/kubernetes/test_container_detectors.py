"""Facts about containers, from the states and messages that real kubelets and runtimes write."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes.detectors import (
    crash_loop,
    create_config_error,
    create_failed,
    exited,
    image_pull,
    init_container,
    oom_killed,
    probe_failures,
    probe_settings,
)
from tests.agents.kubernetes.estate import (
    ONSET,
    Expected,
    check,
    condition,
    detect,
    event,
    events,
    pod,
    pods,
    running,
    status,
    terminated,
    waiting,
    workload,
    workloads,
)
from tools.probe import Observation

LIMITED = {"containers": [{"name": "app", "image": "x", "resources": {"limits": {"memory": "256Mi"}}}]}
KILLED = status(last=terminated(137, "OOMKilled", minutes=1), state=waiting("CrashLoopBackOff"), restarts=4)


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param(
            [pods(pod("a", KILLED, spec=LIMITED), pod("b", status(ready=True), ready=True))],
            [("container.oom_killed", "deployment/checkout", {"container": "app", "count": 4, "limit_bytes": 256 * 2**20, "pods": 1, "total_pods": 2, "exit_code": 137})],
            id="a container that is in back-off after a kill",
        ),
        pytest.param(
            [pods(pod("a", status(state=terminated(137, "OOMKilled", minutes=2))))],
            [("container.oom_killed", "deployment/checkout", {"count": 1})],
            id="a container that was killed just now and not restarted yet",
        ),
        pytest.param([pods(pod("a", status(last=terminated(137, "Error", minutes=1), restarts=1)))], [], id="killed by force is not killed for memory"),
        pytest.param([pods(pod("a", status(last=terminated(137, "OOMKilled", minutes=-5000), restarts=1, ready=True), ready=True))], [], id="a kill of days ago explains nothing tonight"),
    ],
)  # fmt: skip
def test_oom_kills(observations: list[Observation[Any]], expected: list[Expected]) -> None:
    check(detect(oom_killed.DETECTOR, *observations), expected)


def test_an_oom_kill_is_dated_by_the_first_back_off_and_says_how_often() -> None:
    back_off = event(
        "BackOff", "Back-off restarting failed container app in pod a_shop(x)", about="pod/a", container="app", first=0
    )
    (fact,) = detect(oom_killed.DETECTOR, pods(pod("a", KILLED, spec=LIMITED)), events(back_off))
    assert fact.at == ONSET
    assert fact.text == "container app of checkout was OOMKilled at 256Mi in 1 pod, 4 times since 02:35"
    assert len(fact.evidence) == 2


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param([KILLED], [("container.crash_loop", "deployment/checkout", {"restarts": 4})], id="in back-off"),
        pytest.param([status(state=terminated(1), last=terminated(1), restarts=5)], [("container.crash_loop", "deployment/checkout", {"restarts": 5})], id="between two back-offs"),
        pytest.param([status(state=running(5), last=terminated(1), restarts=3)], [("container.crash_loop", "deployment/checkout", {})], id="running again and not ready"),
        pytest.param([status(state=running(), last=terminated(1), restarts=9, ready=True)], [], id="it has come up in the end"),
        pytest.param([status(state=terminated(1), restarts=1)], [], id="a single failure is no loop"),
    ],
)  # fmt: skip
def test_crash_loops(statuses: list[dict[str, Any]], expected: list[Expected]) -> None:
    check(detect(crash_loop.DETECTOR, pods(pod("a", *statuses))), expected)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(pod("a", status(last=terminated(1), restarts=2)), [("container.exited_error", "deployment/checkout", {"exit_code": 1, "reason": "Error", "count": 2})], id="an error code"),
        pytest.param(pod("a", status(last=terminated(139), restarts=2)), [("container.exited_error", "deployment/checkout", {"exit_code": 139, "signal": "SIGSEGV"})], id="a signal"),
        pytest.param(pod("a", status(last=terminated(137, "OOMKilled"), restarts=2)), [], id="killed for memory is told elsewhere"),
        pytest.param(pod("a", status(last=terminated(0, "Completed"), restarts=4)), [("container.exited_ok_restarting", "deployment/checkout", {"count": 4})], id="success where it should run for ever"),
        pytest.param(pod("a", status(state=terminated(0, "Completed")), spec={"containers": [], "restartPolicy": "Never"}), [], id="a job that is done"),
        pytest.param(pod("a", status(last=terminated(143), restarts=1, ready=True), ready=True), [], id="stopped by the kubelet and well again"),
        pytest.param(pod("a", status(state=terminated(1)), deleted=1), [], id="a pod that is going anyway"),
    ],
)  # fmt: skip
def test_containers_that_end(found: Any, expected: list[Expected]) -> None:
    check(detect(exited.DETECTOR, pods(found)), expected)


PULL = "container.image_pull_failed"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param('Failed to pull image "ghcr.io/x/app:9": rpc error: code = NotFound desc = failed to pull and unpack image "ghcr.io/x/app:9": failed to resolve reference "ghcr.io/x/app:9": ghcr.io/x/app:9: not found', "not_found", id="containerd: no such tag"),
        pytest.param('Failed to pull image "x": Error response from daemon: manifest for x:9 not found: manifest unknown: manifest unknown', "not_found", id="docker: no such tag"),
        pytest.param('Failed to pull image "x/y": failed to resolve reference "docker.io/x/y:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed', "denied", id="docker hub does not say which"),
        pytest.param("failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized", "denied", id="no credentials"),
        pytest.param('failed to do request: Head "https://registry.corp/v2/app/manifests/1": dial tcp: lookup registry.corp on 10.96.0.10:53: no such host', "dns", id="the registry's name"),
        pytest.param('failed to do request: Head "https://ghcr.io/v2/x": dial tcp 140.82.121.33:443: i/o timeout', "network", id="the registry's network"),
        pytest.param("failed to pull: tls: failed to verify certificate: x509: certificate signed by unknown authority", "network", id="a certificate that is not trusted"),
        pytest.param('Failed to apply default image tag "X/app:1": couldn\'t parse image name "X/app:1": invalid reference format: repository name must be lowercase', "invalid", id="no name at all"),
        pytest.param("toomanyrequests: You have reached your pull rate limit.", "rate_limited", id="a rate limit"),
        pytest.param("no match for platform in manifest: not found", "platform", id="another CPU"),
        pytest.param('Container image "x" is not present with pull policy of Never', "never_pull", id="must not be pulled"),
        pytest.param("something new", "other", id="unknown words"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_pulled(message: str, reason: str) -> None:
    found = detect(
        image_pull.DETECTOR,
        pods(pod("a", status(state=waiting("ImagePullBackOff", "Back-off pulling image")), phase="Pending")),
        events(event("Failed", message, about="pod/a", container="app", first=0.5)),
    )
    check(found, [(PULL, "deployment/checkout", {"reason": reason, "image": "shop/app:1", "pods": 1})])


@pytest.mark.parametrize(
    ("message", "attributes"),
    [
        pytest.param('configmap "app-config" not found', {"missing_kind": "configmap", "missing_name": "app-config"}, id="a ConfigMap"),
        pytest.param('secret "db" not found', {"missing_kind": "secret", "missing_name": "db"}, id="a Secret"),
        pytest.param("couldn't find key DATABASE_URL in ConfigMap shop/app-config", {"missing_kind": "configmap", "missing_name": "app-config", "missing_key": "DATABASE_URL"}, id="a key of a ConfigMap"),
        pytest.param("couldn't find key password in Secret shop/db", {"missing_kind": "secret", "missing_name": "db", "missing_key": "password"}, id="a key of a Secret"),
        pytest.param('container has runAsNonRoot and image will run as root (pod: "a_shop(1)", container: app)', {"reason": "run_as_root"}, id="root where it must not"),
        pytest.param("failed to sync configmap cache: timed out waiting for the condition", {"reason": "not_synced"}, id="a kubelet that cannot read"),
    ],
)  # fmt: skip
def test_containers_that_cannot_be_created(message: str, attributes: dict[str, Any]) -> None:
    found = pod("a", status(state=waiting("CreateContainerConfigError", message)), phase="Pending")
    check(
        detect(create_config_error.DETECTOR, pods(found)),
        [("container.create_config_error", "deployment/checkout", attributes)],
    )


RUNC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            status(state=waiting("RunContainerError", RUNC + 'exec: "serve": executable file not found in $PATH: unknown')),
            [("container.create_failed", {"message_class": "command_not_found", "reason": "RunContainerError"}), ("container.command_not_found", {"command": "serve"})],
            id="a command that is not in the path",
        ),
        pytest.param(
            status(state=waiting("CrashLoopBackOff"), last=terminated(128, "StartError", message=RUNC + 'error during container init: exec: "/bin/serve": stat /bin/serve: no such file or directory: unknown'), restarts=2),
            [("container.create_failed", {"message_class": "command_not_found", "reason": "StartError"}), ("container.command_not_found", {"command": "/bin/serve"})],
            id="a command that is not at its path",
        ),
        pytest.param(
            status(state=waiting("RunContainerError", RUNC + 'exec: "/app/run": permission denied: unknown')),
            [("container.create_failed", {"message_class": "permission_denied"})],
            id="a command that may not be executed",
        ),
        pytest.param(
            status(state=waiting("CreateContainerError", 'error mounting "/var/lib/kubelet/pods/x/volumes/conf" to rootfs at "/etc/app.yaml": not a directory: Are you trying to mount a directory onto a file')),
            [("container.create_failed", {"message_class": "volume_mount"})],
            id="a mount that does not fit",
        ),
        pytest.param(
            status(state=waiting("CrashLoopBackOff"), last=terminated(127, message="sh: serve: not found"), restarts=2),
            [("container.command_not_found", {})],
            id="a shell that does not find it",
        ),
        pytest.param(status(state=waiting("ContainerCreating")), [], id="a container that is being made"),
    ],
)  # fmt: skip
def test_containers_that_cannot_be_started(found: dict[str, Any], expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(create_failed.DETECTOR, pods(pod("a", found)))
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])


PROBED = {
    "containers": [
        {
            "name": "app", "image": "x", "ports": [{"containerPort": 8080, "name": "http"}],
            "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}},
            "readinessProbe": {"tcpSocket": {"port": 8080}},
        }
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("message", "kind", "attributes"),
    [
        pytest.param('Liveness probe failed: Get "http://10.0.0.5:8080/live": dial tcp 10.0.0.5:8080: connect: connection refused', "probe.liveness_failing", {"reason": "refused", "port": 8080, "path": "/live"}, id="refused"),
        pytest.param("Readiness probe failed: HTTP probe failed with statuscode: 503", "probe.readiness_failing", {"reason": "http_status", "status": 503, "port": 8080}, id="an HTTP status"),
        pytest.param('Startup probe failed: Get "http://10.0.0.5:8080/up": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "probe.startup_failing", {"reason": "timeout", "path": "/up"}, id="a time-out"),
        pytest.param('Readiness probe failed: timeout: failed to connect service "10.0.0.5:9000" within 1s: context deadline exceeded', "probe.readiness_failing", {"reason": "timeout"}, id="gRPC time-out"),
        pytest.param('Liveness probe failed: service unhealthy (responded with "NOT_SERVING")', "probe.liveness_failing", {"reason": "not_serving"}, id="gRPC that does not serve"),
        pytest.param('Readiness probe failed: Get "http://10.0.0.5:8443/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03"', "probe.readiness_failing", {"reason": "protocol", "port": 8443}, id="TLS where HTTP was asked"),
        pytest.param("Liveness probe errored: rpc error: code = DeadlineExceeded", "probe.liveness_failing", {"reason": "timeout"}, id="an error of the probe itself, in older words"),
        pytest.param("Readiness probe failed: cat: /tmp/healthy: No such file or directory", "probe.readiness_failing", {"reason": "command"}, id="a command that fails"),
    ],
)  # fmt: skip
def test_probes_that_fail(message: str, kind: str, attributes: dict[str, Any]) -> None:
    facts = detect(
        probe_failures.DETECTOR,
        pods(pod("a", status(restarts=1, last=terminated(137)), spec=PROBED), pod("b", status(ready=True), ready=True)),
        events(event("Unhealthy", message, about="pod/a", container="app", count=7)),
    )
    check(facts, [(kind, "deployment/checkout", {"pods": 1, "total_pods": 2, "failures": 7, **attributes})])


def test_restarts_by_a_probe_are_counted_with_it() -> None:
    refused = (
        'Liveness probe failed: Get "http://10.0.0.5:8080/live": dial tcp 10.0.0.5:8080: connect: connection refused'
    )
    (fact,) = detect(
        probe_failures.DETECTOR,
        pods(pod("a", status(restarts=3, last=terminated(137)), spec=PROBED)),
        events(
            event("Unhealthy", refused, about="pod/a", container="app"),
            event(
                "Killing",
                "Container app failed liveness probe, will be restarted",
                about="pod/a",
                container="app",
                count=3,
            ),
        ),
    )
    assert fact.attributes["kills"] == 3
    assert fact.text == (
        "the liveness probe of app in checkout on port 8080/live fails in 1 pod: connection refused, 3 restarts for it since 02:36"
    )


@pytest.mark.parametrize(
    ("found", "because"),
    [
        pytest.param(
            pod("a", status(ready=True), ready=True, spec=PROBED), "a hiccup at the start of a pod that is ready now"
        ),
        pytest.param(pod("other", status(), spec=PROBED), "a pod that is gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_probe_failures_that_do_not_matter(found: Any, because: str) -> None:
    failed = event(
        "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", about="pod/a", container="app"
    )
    assert detect(probe_failures.DETECTOR, pods(found), events(failed)) == [], because


def probing(port: int | str, **settings: Any) -> dict[str, Any]:
    ports = [{"containerPort": 8080, "name": "http"}]
    probe = {"httpGet": {"path": "/", "port": port}, **settings}
    return {"containers": [{"name": "app", "image": "x", "ports": ports, "livenessProbe": probe}]}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(probing(8081, initialDelaySeconds=60), [("probe.port_not_exposed", {"port": "8081", "declared_ports": "8080"})], id="a number that is not declared"),
        pytest.param(probing("web", initialDelaySeconds=60), [("probe.port_not_exposed", {"port": "web"})], id="a name that is not declared"),
        pytest.param(probing("http", initialDelaySeconds=60), [], id="a name that is, with patience"),
        pytest.param(probing(8080, periodSeconds=5, failureThreshold=2), [("probe.too_impatient", {"probe": "liveness", "patience_s": 6, "start_seconds": 30.0})], id="less patience than a start takes"),
    ],
)  # fmt: skip
def test_probes_that_cannot_work(template: dict[str, Any], expected: list[tuple[str, dict[str, Any]]]) -> None:
    slow = pod("a", status(ready=True, state=running(0)), ready=True, created=0.3)
    facts = detect(probe_settings.DETECTOR, workloads(workload(template=template)), pods(slow))
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])


def test_an_init_container_that_fails_keeps_the_pod_from_starting() -> None:
    init = status("migrate", state=waiting("CrashLoopBackOff"), last=terminated(2), restarts=3)
    found = pod("a", status(state=waiting("PodInitializing")), init=[init], phase="Pending")
    check(
        detect(init_container.DETECTOR, pods(found)),
        [("init.container_failing", "deployment/checkout", {"container": "migrate", "exit_code": 2, "restarts": 3})],
    )
    past = pod("a", status(ready=True), init=[init], conditions=[condition("Initialized", "True")])
    assert detect(init_container.DETECTOR, pods(past)) == [], "it came through in the end"
