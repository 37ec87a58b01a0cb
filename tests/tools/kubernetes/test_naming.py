"""Whom configuration names: services of the cluster and hosts outside it."""

from __future__ import annotations

import pytest

from incidents.ids import EntityId
from incidents.topology import Relation
from tools.kubernetes.calling import calls_of
from tools.kubernetes.document import Document
from tools.kubernetes.naming import Directory, hosts_in, in_url, outside, outward

PAYMENTS, CART = EntityId("c/payments/service/payments"), EntityId("c/shop/service/cart")
DIRECTORY = Directory(services={("payments", "payments"): PAYMENTS, ("shop", "cart"): CART})


@pytest.mark.parametrize(
    ("name", "value", "hosts"),
    [
        pytest.param("X", "http://cart:8080/api", ("cart",), id="a URL"),
        pytest.param("X", "postgres://user:p%40ss@orders-db.data:5432/orders?sslmode=off", ("orders-db.data",), id="a URL with credentials"),
        pytest.param("X", "kafka-0.kafka.data:9092,kafka-1.kafka.data:9092", ("kafka-0.kafka.data", "kafka-1.kafka.data"), id="a list of hosts with ports"),
        pytest.param("X", "root:secret@tcp(mysql:3306)/db", ("mysql",), id="a MySQL DSN of Go"),
        pytest.param("CART_HOST", "cart", ("cart",), id="a bare word in a variable that holds a host"),
        pytest.param("APP_NAME", "cart", (), id="a bare word elsewhere is no host"),
        pytest.param("X", "see cart.shop.svc.cluster.local for more", ("cart.shop.svc.cluster.local",), id="a full service name anywhere"),
        pytest.param("TIMEOUT", "30s", (), id="a duration"),
        pytest.param("X", "at 12:30 o'clock", ("12",), id="a time of the day looks like a host with a port and names no service"),
    ],
)  # fmt: skip
def test_hosts_of_a_value(name: str, value: str, hosts: tuple[str, ...]) -> None:
    assert hosts_in(name, value) == hosts


@pytest.mark.parametrize(
    ("host", "namespace", "service"),
    [
        ("cart", "shop", CART),
        ("cart", "other", None),
        ("payments.payments", "shop", PAYMENTS),
        ("payments.payments.svc.cluster.local.", "shop", PAYMENTS),
        ("pod-0.payments.payments.svc", "shop", PAYMENTS),
        ("payments.example.com", "shop", None),
    ],
)
def test_a_host_is_a_service_as_seen_from_a_namespace(host: str, namespace: str, service: EntityId | None) -> None:
    assert DIRECTORY.find(host, namespace=namespace) == service


@pytest.mark.parametrize(
    ("host", "out"),
    [("api.stripe.com", True), ("cart.shop.svc.cluster.local", False), ("10.0.0.1", False), ("cart", False), ("db.corp.internal", False)],
)  # fmt: skip
def test_a_host_is_outside_by_its_form(host: str, out: bool) -> None:
    assert outside(host) is out


def test_only_urls_name_outside_hosts_of_any_form() -> None:
    assert in_url("https://api.stripe.com/v1 example.org:443") == ("api.stripe.com",)


@pytest.mark.parametrize(
    ("name", "value", "hosts"),
    [
        pytest.param("PROVIDER_URL", "api.cards.example:443", ("api.cards.example",), id="a host with a port"),
        pytest.param("SMTP_HOST", "smtp.mail.example", ("smtp.mail.example",), id="a variable that holds a host"),
        pytest.param("CART_ADDR", "cart.shop:80", (), id="a service and its namespace"),
        pytest.param("DOCS", "https://cards.com/help", ("cards.com",), id="a URL may name two parts"),
        pytest.param("CART_ADDR", "cart.shop.svc.cluster.local:80", (), id="a service by its full name"),
        pytest.param("VERSION", "release.2026.november", (), id="dots alone are no host"),
    ],
)
def test_what_can_only_be_outside(name: str, value: str, hosts: tuple[str, ...]) -> None:
    assert outward(name, value) == hosts


def test_calls_are_read_from_variables_arguments_and_config() -> None:
    template = {
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "args": ["--cart-url=http://cart:80"],
                    "env": [
                        {"name": "PAY", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "pay"}}},
                        {"name": "CARDS", "value": "https://api.cards.com/v2"},
                    ],
                }
            ]
        }
    }
    edges = calls_of(
        EntityId("c/shop/deployment/checkout"),
        Document(template),  # type: ignore[arg-type]
        directory=DIRECTORY,
        behind={CART: (EntityId("c/shop/deployment/cart"),)},
        config={("shop", "conf"): {"pay": "payments.payments:8080"}},
    )
    assert {edge.relation for edge in edges} == {Relation.CALLS}
    assert {edge.target for edge in edges} == {
        "c/shop/deployment/cart",
        PAYMENTS,
        "c/-/external/api.cards.com",
    }


def test_a_workload_does_not_call_itself() -> None:
    template = {"spec": {"containers": [{"name": "app", "env": [{"name": "SELF_URL", "value": "http://cart"}]}]}}
    own = EntityId("c/shop/deployment/cart")
    assert calls_of(own, Document(template), directory=DIRECTORY, behind={CART: (own,)}, config={}) == frozenset()  # type: ignore[arg-type]
