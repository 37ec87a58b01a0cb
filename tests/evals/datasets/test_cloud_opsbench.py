"""Cases of another shop than the published one: other names, stateful databases, and what kubectl prints of them."""

from pathlib import Path

import pytest

from evals.datasets.cloud_opsbench.benchmark import DATASET, unused
from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.checks import read_checks, read_dependencies, read_units
from evals.datasets.cloud_opsbench.estate import read_objects
from evals.datasets.dataset import DatasetError
from evals.harness.recorded import run_case
from tests.evals.datasets.opsbench import SPACE, Service, estate, get, tool, write
from worlds.objects.kinds import JsonObject

SHOP = (
    Service(name="seat-api"),
    Service(name="route-api", env={"SEAT_ADDR": "seat-api:8080", "PRICE_ADDR": "price-api:8080"}),
    Service(name="price-api"),
    Service(name="rides-db", kind="StatefulSet", port=3306),
)
NO_NODE = (
    "Events:\n  Type     Reason            Age   From               Message\n"
    "  ----     ------            ----  ----               -------\n"
    "  Warning  FailedScheduling  2m    default-scheduler  0/3 nodes are available: 1 node(s) were unschedulable, "
    "2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available."
)
REFUSED = (
    "Events:\n  Type     Reason     Age                From     Message\n"
    "  ----     ------     ----               ----     -------\n"
    "  Warning  Unhealthy  20s (x9 over 2m)   kubelet  Liveness probe failed: dial tcp 10.2.0.7:9999: connect: connection refused\n"
    "  Normal   Killing    20s (x3 over 2m)   kubelet  Container app failed liveness probe, will be restarted"
)
KILLED = (
    "State:          Running\n      Started:      Mon, 02 Mar 2026 10:02:40 +0200\n    Last State:     Terminated\n"
    "      Reason:       OOMKilled\n      Exit Code:    137\n      Started:      Mon, 02 Mar 2026 10:01:00 +0200\n"
    "      Finished:     Mon, 02 Mar 2026 10:02:30 +0200"
)

FAILED = KILLED.replace("OOMKilled", "Error").replace("137", "1")


def case_of(*changed: Service) -> dict[str, str]:
    by_name = {one.name: one for one in changed}
    return estate(*(by_name.pop(one.name, one) for one in SHOP), *by_name.values())


def read(tmp_path: Path, cache: dict[str, str]) -> Cache:
    write(tmp_path, cache, thing="app/x", cause="oom_killed")
    return Cache(tmp_path / "tickets" / "runtime" / "1" / "tool_cache.json")


def only(objects: list[JsonObject], kind: str, name: str) -> JsonObject:
    return next(one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_objects_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    objects = read_objects(read(tmp_path, case_of(Service(name="seat-api", state=KILLED, restarts=3, ready=False))))
    pod = only(objects, "Pod", "seat-api-6d5f7c9b8d-x2x4z")
    status = pod["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["reason"]) == (3, "OOMKilled")
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert pod["status"]["startTime"] == "2026-03-02T08:00:00Z"
    assert only(objects, "StatefulSet", "rides-db")["spec"]["replicas"] == 1
    assert only(objects, "Pod", "rides-db-0")["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    assert only(objects, "Service", "rides-db")["spec"]["ports"] == [{"port": 3306, "protocol": "TCP"}]
    assert only(objects, "Node", "n-1")["spec"] == {"unschedulable": True}


def test_what_only_a_manifest_tells_completes_what_is_live(tmp_path: Path) -> None:
    manifest = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: seat-api}
        spec:
          template:
            spec:
              affinity: {podAntiAffinity: {}}
              containers: [{name: app, image: registry.example/seat-api:OLD, livenessProbe: {tcpSocket: {port: 1}}}]
    """
    cache = case_of() | dict([tool("GetAppYAML", manifest, app_name="seat-api")])
    spec = only(read_objects(read(tmp_path, cache)), "Deployment", "seat-api")["spec"]["template"]["spec"]
    assert spec["affinity"] == {"podAntiAffinity": {}}
    assert spec["containers"][0]["image"] == "registry.example/seat-api:1.4"
    assert "livenessProbe" not in spec["containers"][0]


def test_events_of_lists_and_descriptions_are_one(tmp_path: Path) -> None:
    listed = get(
        "events", "2m1s   Warning   FailedScheduling   pod/seat-api-6d5f7c9b8d-x2x4z   0/3 nodes are available"
    )
    told = NO_NODE[: NO_NODE.index("0/3")] + "0/3 nodes are available"
    cache = case_of(Service(name="seat-api", node="", ready=False, events=told)) | dict([listed])
    events = [one for one in read_objects(read(tmp_path, cache)) if one["kind"] == "Event"]
    assert [(one["reason"], one["involvedObject"]["namespace"]) for one in events] == [("FailedScheduling", SPACE)]


def test_a_drawn_tree_of_calls_is_read_branch_by_branch(tmp_path: Path) -> None:
    drawn = (
        "[Service]: route-api\n[Upstream (Called By)]: web\n[Downstream (Calls)]:\nroute-api\n├── seat-api\n"
        "│   └── rides-db  <-- (Database)\n└── price-api"
    )
    cache = read(tmp_path, case_of() | dict([tool("GetServiceDependencies", drawn, service_name="route-api")]))
    assert set(read_dependencies(cache)) == {
        ("web", "route-api"),
        ("route-api", "seat-api"),
        ("seat-api", "rides-db"),
        ("route-api", "price-api"),
    }


def test_units_and_connections_are_read(tmp_path: Path) -> None:
    stopped = "Status: x\n     Active: inactive (dead) since Mon 2026-03-02 09:58:30 CEST; 4min 30s ago\n"
    tried = (
        "=== report ===\nDebug Pod test results deployed on n-2: punt!\nTerminated\nConnection Failed\n"
        "Debug Pod test results deployed on n-3: seat-api (10.3.0.1:8080) open\nConnection Succeeded"
    )
    cache = read(
        tmp_path,
        case_of()
        | dict(
            [
                tool("CheckNodeServiceStatus", stopped, node_name="n-2", service_name="containerd"),
                tool("CheckServiceConnectivity", tried, namespace=SPACE, service_name="seat-api", port=8080),
            ]
        ),
    )
    unit = next(read_units(cache))
    assert (unit.node, unit.name, unit.state) == ("n-2", "containerd", "inactive")
    assert (cache.moments.last - unit.since).total_seconds() == pytest.approx(270, abs=40)
    assert [(one.node, one.worked) for one in read_checks(cache)] == [("n-2", False), ("n-3", True)]


@pytest.mark.parametrize(
    ("changed", "logs", "expected"),
    [
        pytest.param(
            Service(name="seat-api", node="", ready=False, status="Pending", selector={"disk": "fast"}, events=NO_NODE),
            {},
            "app/seat-api|node_selector_mismatch",
            id="a label that no node has",
        ),
        pytest.param(
            Service(
                name="price-api",
                ready=False,
                restarts=3,
                events=REFUSED,
                liveness="Liveness:   tcp-socket :9999 delay=15s timeout=1s period=10s #success=1 #failure=3",
            ),
            {},
            "app/price-api|liveness_probe_incorrect_port",
            id="a probe of a port that is not there",
        ),
        pytest.param(
            Service(name="rides-db", kind="StatefulSet", port=3306, state=KILLED, restarts=4, ready=False),
            {},
            "app/rides-db|oom_killed",
            id="a stateful set without memory",
        ),
        pytest.param(
            Service(name="seat-api", ready=False, restarts=2, state=FAILED),
            {"seat-api": "java.sql.SQLException: Access denied for user 'seat'@'10.2.0.7' (using password: YES)"},
            "app/seat-api|mysql_invalid_credentials",
            id="a database that refuses the password",
        ),
        pytest.param(
            Service(name="seat-api", ready=False, restarts=4, state=FAILED),
            {"seat-api": "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure"},
            "app/seat-api|mysql_invalid_port",
            id="a database at another port",
        ),
        pytest.param(
            Service(name="seat-api", ready=False, restarts=4, state=FAILED),
            {"seat-api": "nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)"},
            "app/seat-api|service_sidecar_port_conflict",
            id="a sidecar that took the port",
        ),
    ],
)  # fmt: skip
async def test_the_cause_is_found_in_the_words_of_the_set(
    tmp_path: Path, changed: Service, logs: dict[str, str], expected: str
) -> None:
    said = [
        tool("GetErrorLogs", str({"patterns": [{"count": 9, "sample": line}]}), namespace=SPACE, service_name=name)
        for name, line in logs.items()
    ]
    thing, cause = expected.split("|")
    path = write(tmp_path, case_of(changed) | dict(said), thing=thing, cause=cause)
    result = await run_case(DATASET.cases(path)[0])
    assert result.ranked[:1] == (expected,)
    assert (result.correct, result.metrics["A@1"], result.metrics["object@1"]) == (True, 1.0, 1.0)


def test_what_has_no_reader_is_noted(tmp_path: Path) -> None:
    rows = "NAME     COMPLETIONS   AGE\nnightly  1/1           2m"
    cache = read(tmp_path, case_of() | dict([get("jobs", rows), tool("GetDashboards", "{}", team="x")]))
    assert list(unused(cache)) == ["GetDashboards is not read", "jobs were listed and are not read"]


def test_a_folder_without_cases_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="SYSTEM/CATEGORY/NUMBER"):
        DATASET.cases(tmp_path)


def test_the_complaint_is_all_that_is_told_of_the_truth(tmp_path: Path) -> None:
    path = write(tmp_path, case_of(), thing="app/seat-api", cause="SECRET_TRUTH")
    recording, ask = DATASET.cases(path)[0].load()
    assert ask.symptom == "Tickets cannot be bought."
    assert "SECRET_TRUTH" not in f"{recording}{ask}"
