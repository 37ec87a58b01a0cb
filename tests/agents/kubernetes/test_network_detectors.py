"""Facts about what leads traffic to pods: services, ports, ingresses, network policies, and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agents.kubernetes.detectors import (
    dns,
    ingress,
    ingress_elsewhere,
    network_policy,
    service_endpoints,
    service_ports,
)
from incidents.topology import Edge, Relation, Topology
from tests.agents.kubernetes.estate import (
    CLUSTER,
    ONSET,
    check,
    condition,
    detect,
    entity,
    manager,
    pod,
    pods,
    seen,
    status,
    workload,
    workloads,
)
from tools.kubernetes.document import Document
from tools.kubernetes.ingress import Backend, Ingresses, read_ingress
from tools.kubernetes.log import ContainerLog, LogLine, Logs
from tools.kubernetes.network_policy import NetworkPolicies, read_network_policy
from tools.kubernetes.selecting import Labelled, closest
from tools.kubernetes.service import Services, ServiceView, read_endpoints, read_service

CHECKOUT = entity("deployment/checkout")


def service(
    *,
    ready: int,
    unready: int = 0,
    selector: dict[str, str] | None = None,
    near: Sequence[Labelled] = (),
    target: Any = 8080,
) -> Any:
    body = {
        "metadata": {"name": "checkout", "namespace": "shop", "managedFields": [manager("kubectl-edit", 1, "spec.selector")], "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"selector": selector or {"app": "checkout"}, "ports": [{"port": 80, "targetPort": target}]},
    }  # fmt: skip
    endpoints = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": n < ready}} for n in range(ready + unready)]
    found = read_service(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    behind = () if near else (CHECKOUT,)
    whole = found.model_copy(
        update={"endpoints": read_endpoints([Document({"endpoints": endpoints})], cluster=CLUSTER), "workloads": behind}  # type: ignore[dict-item]
    )
    almost = closest(whole.selector, near, name="checkout") if near else None
    return seen(Services(services=(ServiceView(service=whole, closest=almost),)))


NEAR = [Labelled(entity=CHECKOUT, namespace="shop", labels={"app": "checkout", "track": "stable"})]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(service(ready=0, unready=2), [("service.no_endpoints", {"unready": 2, "ports": "80"})], id="pods that are not ready"),
        pytest.param(service(ready=1, unready=1), [("service.endpoints_not_ready", {"ready": 1, "total": 2})], id="some that are not"),
        pytest.param(service(ready=2), [], id="all are ready"),
        pytest.param(
            service(ready=0, selector={"app": "checkout", "track": "canary"}, near=NEAR),
            [("service.no_endpoints", {"unready": 0}), ("service.selector_mismatch", {"differing_key": "track", "wanted": "canary", "found": "stable", "closest_workload": CHECKOUT})],
            id="a selector that misses by one label",
        ),
    ],
)  # fmt: skip
def test_services(view: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(service_endpoints.DETECTOR, view)
    check(facts, [(kind, "service/checkout", attributes) for kind, attributes in expected])


def test_a_service_is_without_endpoints_since_its_first_pod_went() -> None:
    lost = pod("a", status(), conditions=[condition("ContainersReady", "False", minutes=0)], created=0)
    facts = detect(service_endpoints.DETECTOR, service(ready=0, unready=1), pods(lost))
    assert facts[0].at is not None
    assert facts[0].text.endswith("since 02:35")


def ported(**port: Any) -> dict[str, Any]:
    return {"containers": [{"name": "app", "image": "x", "ports": [port]}]}


@pytest.mark.parametrize(
    ("target", "template", "found"),
    [
        pytest.param(8080, ported(containerPort=8080), False, id="the declared port"),
        pytest.param(8081, ported(containerPort=8080), True, id="another port"),
        pytest.param("http", ported(containerPort=8080, name="http"), False, id="the declared name"),
        pytest.param("web", ported(containerPort=8080, name="http"), True, id="another name"),
        pytest.param(8081, {"containers": [{"name": "app", "image": "x"}]}, False, id="nothing is declared, so nothing is known"),
    ],
)  # fmt: skip
def test_ports_of_services(target: Any, template: dict[str, Any], found: bool) -> None:
    facts = detect(service_ports.DETECTOR, service(ready=1, target=target), workloads(workload(template=template)))
    expected = [("service.port_mismatch", "service/checkout", {"service_port": 80, "target_port": str(target)})]
    check(facts, expected if found else [])


@pytest.mark.parametrize(
    ("exists", "port", "tls", "expected"),
    [
        pytest.param(False, False, True, [("ingress.backend_missing", {"port": "80"})], id="a service that does not exist"),
        pytest.param(True, False, True, [("ingress.backend_missing", {})], id="a port that it does not have"),
        pytest.param(True, True, False, [("ingress.tls_secret_missing", {"secret": "cert"})], id="a TLS secret that does not exist"),
        pytest.param(True, True, True, [], id="all is there"),
    ],
)  # fmt: skip
def test_ingresses(exists: bool, port: bool, tls: bool, expected: list[tuple[str, dict[str, Any]]]) -> None:
    body = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "tls": [{"secretName": "cert"}],
            "rules": [{"host": "shop.example", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "checkout", "port": {"number": 80}}}}]}}],
        },
    }  # fmt: skip
    found = read_ingress(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    backends: tuple[Backend, ...] = tuple(
        backend.model_copy(update={"service_exists": exists, "port_exists": port}) for backend in found.backends
    )
    secrets = tuple(entry.model_copy(update={"exists": tls}) for entry in found.tls)
    whole = found.model_copy(update={"backends": backends, "tls": secrets})
    facts = detect(ingress.DETECTOR, seen(Ingresses(ingresses=(whole,))))
    check(facts, [(kind, "ingress/web", attributes) for kind, attributes in expected])


def leading(name: str, to: str, *, app: str = "") -> Any:
    """An ingress of an application that leads to a service."""
    body = {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app.kubernetes.io/name": app} if app else {}},
        "spec": {"rules": [{"host": f"{name}.example", "http": {"paths": [{"path": "/", "backend": {"service": {"name": to, "port": {"number": 80}}}}]}}]},
    }  # fmt: skip
    found = read_ingress(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    backends = tuple(
        backend.model_copy(update={"service_exists": True, "port_exists": True}) for backend in found.backends
    )
    return found.model_copy(update={"backends": backends})


def serving(*names: str) -> Any:
    bodies = [{"metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}} for name in names]  # fmt: skip
    views = tuple(ServiceView(service=read_service(Document(body), cluster=CLUSTER)) for body in bodies)  # type: ignore[arg-type]
    return seen(Services(services=views))


@pytest.mark.parametrize(
    ("ingresses", "expected"),
    [
        pytest.param([leading("api", "web"), leading("web", "web")], ["ingress/api"], id="it leads to another application"),
        pytest.param([leading("gate", "web", app="api"), leading("web", "web")], ["ingress/gate"], id="its label says whose it is"),
        pytest.param([leading("api", "api"), leading("web", "web")], [], id="each leads to its own"),
        pytest.param([leading("api", "web"), leading("other", "api")], [], id="another ingress leads there"),
        pytest.param([leading("edge", "web")], [], id="no service bears its name"),
    ],
)  # fmt: skip
def test_ingresses_that_lead_to_others(ingresses: list[Any], expected: list[str]) -> None:
    facts = detect(ingress_elsewhere.DETECTOR, serving("api", "web"), seen(Ingresses(ingresses=tuple(ingresses))))
    check(facts, [("ingress.leads_elsewhere", name, {"service": entity("service/web"), "meant": entity("service/api")}) for name in expected])  # fmt: skip


CALLS = Topology.of([Edge(source=entity("deployment/web"), relation=Relation.CALLS, target=CHECKOUT)])
DNS_RULE = {"ports": [{"protocol": "UDP", "port": 53}]}


def policy(name: str, *, picks: str = "checkout", **spec: Any) -> Any:
    body = {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-11-17T02:30:00Z"},
        "spec": {"podSelector": {"matchLabels": {"app": picks}}, **spec},
    }
    return read_network_policy(Document(body), cluster=CLUSTER)


def peers(**labels: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": labels}}


BLOCKED = ("networkpolicy.blocks", "deployment/checkout", {"direction": "ingress", "peer": entity("deployment/web")})


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], [], id="no policy leaves everything open"),
        pytest.param([policy("deny", ingress=[])], [BLOCKED], id="deny all"),
        pytest.param([policy("allow", ingress=[{"from": [peers(app="web")]}])], [], id="the caller is let in"),
        pytest.param([policy("allow", ingress=[{"from": [peers(app="mobile")]}])], [BLOCKED], id="somebody else is let in"),
        pytest.param([policy("deny", ingress=[]), policy("allow", ingress=[{"from": [peers(app="web")]}])], [], id="policies add up"),
        pytest.param([policy("ports", ingress=[{"from": [peers(app="web")], "ports": [{"port": 9090}]}])], [BLOCKED], id="let in at another port"),
        pytest.param([policy("span", ingress=[{"ports": [{"port": 8000, "endPort": 9000}]}])], [], id="let in at a range of ports"),
        pytest.param([policy("named", ingress=[{"ports": [{"port": "http"}]}])], [], id="let in at a named port"),
        pytest.param([policy("ns", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]}])], [], id="let in by the name of the namespace"),
        pytest.param([policy("ns", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "other"}}}]}])], [BLOCKED], id="another namespace is let in"),
        pytest.param([policy("out", picks="web", egress=[DNS_RULE], policyTypes=["Egress"])], [("networkpolicy.blocks", "deployment/web", {"direction": "egress", "peer": CHECKOUT})], id="the caller may not get out"),
        pytest.param([policy("out", picks="web", egress=[{"to": [peers(app="checkout")], "ports": [{"port": 8080}]}], policyTypes=["Egress"])], [("networkpolicy.blocks", "deployment/web", {"direction": "egress", "peer": "dns"})], id="it may get out, but not to DNS"),
    ],
)  # fmt: skip
def test_network_policies(policies: list[Any], expected: list[Any]) -> None:
    facts = detect(
        network_policy.DETECTOR,
        seen(NetworkPolicies(policies=tuple(policies))),
        workloads(workload(template=ported(containerPort=8080, name="http")), workload("web")),
        topology=CALLS,
    )
    check(facts, expected)


def log(*lines: str) -> Any:
    found = tuple(LogLine(at=ONSET, text=line) for line in lines)
    one = ContainerLog(pod=entity("pod/a"), workload=CHECKOUT, container="app", previous=False, lines=found)
    return seen(Logs(logs=(one,)))


@pytest.mark.parametrize(
    ("lines", "attributes"),
    [
        pytest.param(["dial tcp: lookup payments.payments on 10.96.0.10:53: no such host"] * 2, {"name": "payments.payments", "reason": "not_found", "lines": 2}, id="Go"),
        pytest.param(["Error: getaddrinfo EAI_AGAIN payments"] * 3, {"name": "payments", "reason": "timeout"}, id="node"),
        pytest.param(["java.net.UnknownHostException: payments.svc"] * 2, {"name": "payments.svc", "reason": "not_found"}, id="Java"),
        pytest.param(['could not translate host name "orders-db" to address: Temporary failure in name resolution'] * 2, {"name": "orders-db", "reason": "timeout"}, id="libpq"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_resolved(lines: list[str], attributes: dict[str, Any]) -> None:
    check(detect(dns.DETECTOR, log(*lines)), [("dns.failing", "deployment/checkout", attributes)])


def test_a_single_slip_of_dns_is_none() -> None:
    assert detect(dns.DETECTOR, log("lookup x on 10.96.0.10:53: no such host")) == []


def test_the_dns_of_the_cluster_is_known_by_its_label_whatever_its_name() -> None:
    other = workload("names", namespace="infra", ready=0)
    assert detect(dns.DETECTOR, workloads(other)) == []
    meta = other.meta.model_copy(update={"labels": {"k8s-app": "kube-dns"}})
    (fact,) = detect(dns.DETECTOR, workloads(other.model_copy(update={"meta": meta})))
    assert fact.related == (other.meta.entity,)


def test_the_dns_of_the_cluster() -> None:
    coredns = workload("coredns", namespace="kube-system", ready=0)
    facts = detect(dns.DETECTOR, workloads(coredns))
    check(facts, [("dns.failing", f"cluster/{CLUSTER}", {"coredns": "0/2"})])
