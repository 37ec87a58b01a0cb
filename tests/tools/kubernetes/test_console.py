"""Links into the console that people use."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from incidents.entity import Entity
from tools.estate import KubernetesAccess
from tools.kubernetes.console import console_link

HEADLAMP = "https://console.example/c/main/{kinds}/{namespace}/{name}"


@pytest.mark.parametrize(
    ("console", "entity", "link"),
    [
        (HEADLAMP, "prod/shop/deployment/checkout", "https://console.example/c/main/deployments/shop/checkout"),
        ("https://d/#/{kind}/{name}", "prod/-/node/worker-1", "https://d/#/node/worker-1"),
        (HEADLAMP, "prod/shop/pod/a b", "https://console.example/c/main/pods/shop/a%20b"),
        pytest.param(HEADLAMP, "prod/-/external/api.cards.example", None, id="what is no object has no page"),
        pytest.param("", "prod/shop/deployment/checkout", None, id="no console is configured"),
    ],
)
def test_an_object_has_a_page_where_a_console_is_configured(console: str, entity: str, link: str | None) -> None:
    access = KubernetesAccess(in_cluster=True, console=console)
    assert console_link(access, Entity.parse(entity)) == link


def test_without_access_there_is_no_page() -> None:
    assert console_link(None, Entity.parse("prod/shop/deployment/checkout")) is None


@pytest.mark.parametrize(
    "console", ["console.example/{name}", "https://console.example/", "https://c/{name}/{uid}", "https://c/{name"]
)
def test_what_is_no_template_is_said(console: str) -> None:
    with pytest.raises(ValidationError, match="https://console"):
        KubernetesAccess(console=console)
