"""What a fake kubelet finds missing before it creates a container."""

from __future__ import annotations

import pytest

from tests.cluster.kubelet.references import Reference, Source, references_of

CONTAINER = {
    "name": "app",
    "envFrom": [{"secretRef": {"name": "db"}}, {"configMapRef": {"name": "flags", "optional": True}}],
    "env": [
        {"name": "PLAIN", "value": "1"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "payment", "key": "url"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "payment", "key": "key", "optional": True}}},
    ],
}


def test_only_what_is_required_counts() -> None:
    assert list(references_of(CONTAINER)) == [
        Reference(source=Source.SECRET, name="db", key=None),
        Reference(source=Source.CONFIG_MAP, name="payment", key="url"),
    ]


@pytest.mark.parametrize(
    ("key", "found", "complaint"),
    [
        pytest.param("url", {"data": {"url": "x"}}, None, id="a key that is there is no matter"),
        pytest.param("url", {"binaryData": {"url": "eA=="}}, None, id="binary data count as well"),
        pytest.param(None, {}, None, id="a whole object may be empty"),
        pytest.param("url", None, 'configmap "payment" not found', id="a missing object is named"),
        pytest.param(
            "url", {"data": {}}, "couldn't find key url in ConfigMap shop/payment", id="a missing key is named"
        ),
    ],
)
def test_complaints_are_those_of_a_kubelet(key: str | None, found: dict[str, object] | None, complaint: str) -> None:
    reference = Reference(source=Source.CONFIG_MAP, name="payment", key=key)
    assert reference.complaint(found, namespace="shop") == complaint
