"""Labels of the set that few or no published cases show: what kubectl prints of them leads to the same words."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.runbooks.folders import RunbookFolders
from evals.datasets.cloud_opsbench.benchmark import DATASET
from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.estate import read_objects
from evals.datasets.cloud_opsbench.vocabulary import CAUSES
from evals.harness.recorded import run_case
from tests.evals.datasets.opsbench import SPACE, Service, describe, estate, get, table, tool, write

CALLS = tool(
    "GetServiceDependencies",
    "[Service]: route-api\n[Upstream (Called By)]: web\n[Downstream (Calls)]:\nroute-api\n├── seat-api\n"
    "│   └── rides-db  <-- (Database)\n└── price-api",
    service_name="route-api",
)
STOPPED = "Status: x\n     Active: inactive (dead) since Mon 2026-03-02 09:58:30 CEST; 4min 30s ago\n"


def shop(*changed: Service) -> dict[str, str]:
    by_name = {one.name: one for one in changed}
    usual = (
        Service(name="seat-api"),
        Service(name="route-api", env={"SEAT_ADDR": "seat-api:8080", "PRICE_ADDR": "price-api:8080"}),
        Service(name="price-api"),
        Service(name="rides-db", kind="StatefulSet", port=3306),
    )
    return estate(*(by_name.pop(one.name, one) for one in usual), *by_name.values()) | dict([CALLS])


def logs(**lines: str) -> dict[str, str]:
    return dict(
        tool(
            "GetErrorLogs",
            str({"patterns": [{"count": 9, "sample": line}]}),
            namespace=SPACE,
            service_name=name.replace("_", "-"),
        )
        for name, line in lines.items()
    )


def events(*rows: tuple[str, ...]) -> str:
    heads = ("Type", "Reason", "Age", "From", "Message"), ("----", "------", "----", "----", "-------")
    return "Events:\n" + table(*heads, *rows, indent="  ")


def waits_for(claim: str) -> dict[str, str]:
    pending = events(
        (
            "Warning",
            "FailedScheduling",
            "2m",
            "default-scheduler",
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
        )
    )
    found = shop(Service(name="rides-db", kind="StatefulSet", node="", ready=False, status="Pending", events=pending))
    key, _ = describe("pods", "rides-db-0", "")
    mounted = (
        "Volumes:\n  data:\n    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim)\n"
        f"    ClaimName:  {claim}\n    ReadOnly:   false"
    )
    return found | {key: found[key].replace("Volumes:         <none>", mounted)}


def class_nobody_has() -> dict[str, str]:
    refused = ("Warning", "ProvisioningFailed", "5s (x3 over 30s)", "persistentvolume-controller")
    said = events((*refused, 'storageclass.storage.k8s.io "fast" not found'))
    claim = (
        f"Name:          data-0\nNamespace:     {SPACE}\nStorageClass:  fast\nStatus:        Pending\nVolume:        \n"
        f"Used By:       rides-db-0\n{said}"
    )
    listed = table(
        ("NAME", "STATUS", "VOLUME", "CAPACITY", "STORAGECLASS", "AGE"), ("data-0", "Pending", "", "", "fast", "2m")
    )
    classes = table(("NAME", "PROVISIONER", "AGE"), ("standard", "kubernetes.io/no-provisioner", "21d"))
    return waits_for("data-0") | dict(
        [
            get("persistentvolumeclaims", listed),
            describe("persistentvolumeclaims", "data-0", claim),
            get("storageclasses", classes),
        ]
    )


def refused_by_quota(resource: str, *, used: str, hard: str, asked: str) -> dict[str, str]:
    """A deployment whose pod is refused; its replica set was only listed, so that its name alone says whose it is."""
    made = "seat-api-6d5f7c9b8d"
    found = {key: text for key, text in shop(Service(name="seat-api", ready=False)).items() if f'"{made}' not in key}
    pods, _ = get("pods", "", output_wide=True)
    found[pods] = "\n".join(line for line in found[pods].splitlines() if made not in line) + "\n"
    deployment, _ = describe("deployments", "seat-api", "")
    found[deployment] = found[deployment].replace("1 updated | 1 total", "0 updated | 0 total")
    listed, _ = get("deployments", "")
    found[listed] = found[listed].replace("0/1     1   ", "0/1     0   ")
    said = (
        f'2m   Warning   FailedCreate   replicaset/{made}   Error creating: pods "{made}-x" is forbidden: exceeded '
        f"quota: all, requested: {resource}={asked}, used: {resource}={used}, limited: {resource}={hard}"
    )
    quota = f"Name:         all\nNamespace:    {SPACE}\n" + table(
        ("Resource", "Used", "Hard"), ("--------", "----", "----"), (resource, used, hard)
    )
    sets = table(("NAME", "DESIRED", "CURRENT", "READY", "AGE"), (made, "1", "0", "0", "2m30s"))
    return found | dict(
        [
            get("events", said),
            get("resourcequota", "NAME   AGE\nall    2m"),
            get("replicasets", sets),
            describe("resourcequota", "all", quota),
        ]
    )


def nobody_wanted() -> dict[str, str]:
    made = "seat-api-6d5f7c9b8d"
    found = {key: text for key, text in shop().items() if f'"{made}' not in key}
    pods, _ = get("pods", "", output_wide=True)
    found[pods] = "\n".join(line for line in found[pods].splitlines() if made not in line) + "\n"
    deployment, _ = describe("deployments", "seat-api", "")
    found[deployment] = found[deployment].replace(
        "1 desired | 1 updated | 1 total | 1 av", "0 desired | 0 updated | 0 total | 0 av"
    )
    listed, _ = get("deployments", "")
    rows = found[listed].splitlines()
    found[listed] = "\n".join(
        row.replace("1/1     1            1 ", "0/0     0            0 ") if row.startswith("seat-api") else row
        for row in rows
    )
    tried = tool("CheckServiceConnectivity", "Connection Failed", namespace=SPACE, service_name="seat-api", port=8080)
    return found | dict([tried])


def led_astray() -> dict[str, str]:
    rules = table(("Host", "Path", "Backends"), ("----", "----", "--------"), ("*", "", ""), indent="  ")
    rules += "              /   price-api:8080 (10.2.0.7:8080)\n"
    web = (
        f"Name:             web\nLabels:           app=route-api\nNamespace:        {SPACE}\nIngress Class:    nginx\n"
        f"Default backend:  <default>\nRules:\n{rules}Annotations:  <none>\n"
    )
    return shop() | dict([get("ingresses", "NAME   CLASS   AGE\nweb    nginx   2m"), describe("ingresses", "web", web)])


CASES: Mapping[str, tuple[dict[str, str], str]] = {
    "a deployment that wants no pods": (nobody_wanted(), "app/seat-api|deployment_zero_replicas"),
    "a secret that nobody made": (
        shop(
            Service(
                name="seat-api",
                ready=False,
                status="CreateContainerConfigError",
                state="State:          Waiting\n      Reason:       CreateContainerConfigError",
                events=events(("Warning", "Failed", "20s (x9 over 2m)", "kubelet", 'Error: secret "seats" not found')),
            )
        ),
        "app/seat-api|missing_secret_binding",
    ),
    "a database without free connections": (
        shop() | logs(seat_api='SQLNonTransientConnectionException: message from server: "Too many connections"'),
        "app/rides-db|db_connection_exhaustion",
    ),
    "a database that refuses to write": (
        shop() | logs(seat_api="java.sql.SQLException: The MySQL server is running with the --read-only option"),
        "app/rides-db|db_read_only",
    ),
    "a quota without memory": (
        refused_by_quota("requests.memory", used="900Mi", hard="1Gi", asked="256Mi"),
        f"namespace/{SPACE}|namespace_memory_quota_exceeded",
    ),
    "a quota without pods": (
        refused_by_quota("pods", used="3", hard="3", asked="1"),
        f"namespace/{SPACE}|namespace_pod_quota_exceeded",
    ),
    "a variable with another port than the service's": (
        shop(Service(name="route-api", env={"SEAT_ADDR": "seat-api:9090", "PRICE_ADDR": "price-api:8080"}))
        | logs(route_api="dial tcp 10.3.0.1:9090: connect: connection refused"),
        "app/route-api|service_env_var_address_mismatch",
    ),
    "a variable with a name that no service has": (
        shop(Service(name="route-api", env={"SEAT_ADDR": "seats:8080", "PRICE_ADDR": "price-api:8080"}))
        | logs(route_api="dial tcp: lookup seats on 10.68.0.2:53: no such host"),
        "app/route-api|service_env_var_address_mismatch",
    ),
    "a service whose name does not resolve": (
        shop() | logs(route_api="java.net.UnknownHostException: seat-api: Temporary failure in name resolution"),
        "app/route-api|service_dns_resolution_failure",
    ),
    "no scheduler": (
        shop(Service(name="seat-api", node="", ready=False, status="Pending"))
        | dict([tool("CheckNodeServiceStatus", STOPPED, node_name="n-1", service_name="kube-scheduler")]),
        "node/n-1|kube_scheduler_unavailable",
    ),
    "a node without its container runtime": (
        shop() | dict([tool("CheckNodeServiceStatus", STOPPED, node_name="n-2", service_name="containerd")]),
        "node/n-2|containerd_unavailable",
    ),
    "a storage class that nobody has": (class_nobody_has(), "app/rides-db|pvc_storage_class_mismatch"),
    "an ingress that leads to another application": (led_astray(), "app/route-api|gateway_misroute"),
}


@pytest.mark.parametrize(("cache", "expected"), CASES.values(), ids=CASES.keys())
async def test_the_label_is_found(tmp_path: Path, cache: dict[str, str], expected: str) -> None:
    thing, cause = expected.split("|")
    result = await run_case(DATASET.cases(write(tmp_path, cache, thing=thing, cause=cause))[0])
    assert result.ranked[:1] == (expected,)


def test_every_cause_that_is_translated_is_known() -> None:
    assert {cause.slug for cause in RunbookFolders().library().causes} >= CAUSES


def test_the_rules_of_a_described_ingress_are_read(tmp_path: Path) -> None:
    write(tmp_path, led_astray(), thing="app/x", cause="gateway_misroute")
    objects = read_objects(Cache(tmp_path / "tickets" / "runtime" / "1" / "tool_cache.json"))
    ingress = next(one for one in objects if one["kind"] == "Ingress")
    backend = {"service": {"name": "price-api", "port": {"number": 8080}}}
    assert ingress["spec"] == {
        "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
        "ingressClassName": "nginx",
    }


def test_a_pod_that_was_only_listed_belongs_to_whom_its_name_begins_with(tmp_path: Path) -> None:
    cache = {key: text for key, text in shop().items() if not key.startswith("DescribeResource")}
    write(tmp_path, cache, thing="app/x", cause="oom_killed")
    objects = read_objects(Cache(tmp_path / "tickets" / "runtime" / "1" / "tool_cache.json"))
    owners = {
        one["metadata"]["name"]: [(owner["kind"], owner["name"]) for owner in one["metadata"]["ownerReferences"]]
        for one in objects
        if one["kind"] == "Pod"
    }
    assert owners["seat-api-6d5f7c9b8d-x2x4z"] == [("ReplicaSet", "seat-api-6d5f7c9b8d")]
    assert owners["rides-db-0"] == [("StatefulSet", "rides-db")]


def test_a_replica_set_without_owner_belongs_to_whom_its_name_begins_with(tmp_path: Path) -> None:
    cache = refused_by_quota("pods", used="3", hard="3", asked="1")
    write(tmp_path, cache, thing="app/x", cause="namespace_pod_quota_exceeded")
    objects = read_objects(Cache(tmp_path / "tickets" / "runtime" / "1" / "tool_cache.json"))
    made = next(one for one in objects if one["metadata"]["name"] == "seat-api-6d5f7c9b8d")
    assert [one["name"] for one in made["metadata"]["ownerReferences"]] == ["seat-api"]
