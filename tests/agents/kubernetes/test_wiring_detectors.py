"""Facts about how workloads are wired up: protocols, addresses, ports, volumes, and quotas over what nobody reports."""

from __future__ import annotations

from typing import Any

import pytest

from agents.kubernetes.detectors import (
    addresses,
    mounted,
    oom_killed,
    port_conflicts,
    quota_in_force,
    service_coverage,
    service_protocols,
)
from incidents.entity import EntityKind
from tests.agents.kubernetes.estate import (
    CLUSTER,
    Json,
    check,
    detect,
    entity,
    event,
    events,
    pod,
    pods,
    seen,
    status,
    waiting,
    workload,
    workloads,
)
from tools.kubernetes.document import Document
from tools.kubernetes.quota import Quotas, read_quota
from tools.kubernetes.service import Services, ServiceView, read_service


def container(name: str = "app", *, port: int = 8080, protocol: str = "TCP", **env: str) -> Json:
    variables = [{"name": key, "value": value} for key, value in env.items()]
    return {"name": name, "image": "x:1", "ports": [{"containerPort": port, "protocol": protocol}], "env": variables}


def template(*containers: Json, volumes: tuple[Json, ...] = ()) -> Json:
    return {"containers": list(containers), "volumes": list(volumes)}


def service(name: str, *, port: int = 8080, protocol: str = "TCP", behind: tuple[str, ...] = ()) -> ServiceView:
    ports = [{"port": port, "targetPort": port, "protocol": protocol}]
    body: Json = {"metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": {"ports": ports}}
    read = read_service(Document(body), cluster=CLUSTER)
    picked = tuple(entity(f"deployment/{one}") for one in behind)
    return ServiceView(service=read.model_copy(update={"workloads": picked}))


def services(*views: ServiceView) -> Any:
    return seen(Services(services=views))


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        pytest.param("UDP", [("service.protocol_mismatch", "service/checkout", {"protocol": "UDP", "container_protocol": "TCP"})], id="UDP to a port that speaks TCP"),
        pytest.param("TCP", [], id="the same protocol"),
    ],
)  # fmt: skip
def test_protocols_of_services(protocol: str, expected: list[Any]) -> None:
    facts = detect(
        service_protocols.DETECTOR,
        services(service("checkout", protocol=protocol, behind=("checkout",))),
        workloads(workload(template=template(container()))),
    )
    check(facts, expected)


@pytest.mark.parametrize(
    ("env", "what"),
    [
        pytest.param({"SEAT_ADDR": "seat:9090"}, "port", id="a port that the service lacks"),
        pytest.param({"SEAT_HOST": "seat", "SEAT_PORT": "9090"}, "port", id="host and port in two variables"),
        pytest.param({"SEAT_URL": "http://seatt:8080/api"}, "host", id="a service that does not exist"),
        pytest.param({"SEAT_URL": "http://seat:8080/api"}, None, id="the right address"),
        pytest.param({"SEAT_URL": "https://api.seats.example.org:8443"}, None, id="an address outside"),
        pytest.param({"SEAT_URL": "http://localhost:9999"}, None, id="the pod itself"),
    ],
)
def test_addresses_in_the_environment(env: dict[str, str], what: str | None) -> None:
    others = {"A_ADDR": "pay:8080", "B_ADDR": "mail:8080"}
    facts = detect(
        addresses.DETECTOR,
        services(service("seat"), service("pay"), service("mail")),
        workloads(workload(template=template(container(**others, **env)))),
    )
    assert [(fact.kind, fact.attributes["what"]) for fact in facts] == (
        [("config.address_wrong", what)] if what else []
    )


def test_two_containers_that_declare_one_port() -> None:
    both = template(container(), container("sidecar"))
    facts = detect(port_conflicts.DETECTOR, workloads(workload(template=both)))
    check(facts, [("workload.port_conflict", "deployment/checkout", {"port": 8080, "containers": "app, sidecar"})])
    apart = template(container(), container("sidecar", port=9090), container("dns", protocol="UDP"))
    assert not detect(port_conflicts.DETECTOR, workloads(workload(template=apart)))


def test_volumes_that_are_older_than_pods() -> None:
    kept: Json = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    fleeting: Json = {"name": "tmp", "emptyDir": {}}
    facts = detect(mounted.DETECTOR, workloads(workload(template=template(container(), volumes=(kept, fleeting)))))
    check(facts, [("workload.mounts_volume", "deployment/checkout", {"volume": "data"})])


def test_a_workload_without_a_service_among_others_that_have_one() -> None:
    names = ("checkout", "seat", "pay", "mail")
    known = workloads(*(workload(name, template=template(container())) for name in names))
    facts = detect(service_coverage.DETECTOR, known, services(*(service(name, behind=(name,)) for name in names[1:])))
    check(facts, [("workload.without_service", "deployment/checkout", {"ports": "8080"})])
    assert not detect(service_coverage.DETECTOR, known, services(service("seat", behind=("seat",))))


@pytest.mark.parametrize(
    ("resource", "hard", "used", "expected"),
    [
        pytest.param("services", "3", "3", {"limits": "services", "full": True}, id="no service left"),
        pytest.param("requests.storage", "5Gi", "0", {"limits": "storage", "full": False}, id="storage left"),
        pytest.param("requests.cpu", "3", "3", None, id="what pods use is told by their refusal"),
    ],
)
def test_quotas_over_what_nobody_reports(resource: str, hard: str, used: str, expected: Json | None) -> None:
    body: Json = {
        "metadata": {"name": "limits", "namespace": "shop", "uid": "q"},
        "status": {"hard": {resource: hard}, "used": {resource: used}},
    }
    facts = detect(quota_in_force.DETECTOR, seen(Quotas(quotas=(read_quota(Document(body), cluster=CLUSTER),))))
    check(facts, [("quota.in_force", "namespace/shop", expected)] if expected else [])


def test_a_process_that_is_killed_for_memory_before_it_runs() -> None:
    said = "Failed to create pod sandbox: container init was OOM-killed (memory limit too low?): unknown"
    limited: Json = {**container(), "resources": {"limits": {"memory": "5Mi"}}}
    starting = pod("a", status(state=waiting("ContainerCreating")), phase="Pending", spec={"containers": [limited]})
    facts = detect(oom_killed.DETECTOR, pods(starting), events(event("FailedCreatePodSandBox", said, about="pod/a")))
    assert [(fact.kind, fact.attributes["limit_bytes"]) for fact in facts] == [("container.oom_killed", 5 * 2**20)]
    assert EntityKind.DEPLOYMENT in facts[0].entity
