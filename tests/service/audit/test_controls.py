"""The mapping to controls: every field exists in a pack's schema, and docs/audit.md prints the same table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.audit.controls import CLASSIFICATION, CONTROLS, Control, holds
from service.audit.pack import EvidencePack

DOC = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: f"{control.framework} {control.id}")
def test_the_document_says_the_same(control: Control) -> None:
    row = next(line for line in DOC.splitlines() if line.startswith(f"| {control.framework} {control.id} |"))
    for text in (control.asks, control.shows, control.leaves_open, *control.fields):
        assert text in row


def test_the_document_does_not_overclaim() -> None:
    assert CLASSIFICATION in DOC


@pytest.mark.parametrize("field", sorted({field for control in CONTROLS for field in control.fields}))
def test_every_field_is_one_of_a_pack(field: str) -> None:
    schema = EvidencePack.model_json_schema(mode="serialization")
    assert _leads_somewhere(schema, schema, field.replace("[]", "").split(".")), field


def _leads_somewhere(node: Any, schema: dict[str, Any], steps: list[str]) -> bool:
    if "$ref" in node:
        return _leads_somewhere(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], schema, steps)
    if not steps:
        return True
    inside = [*node.get("anyOf", []), *node.get("allOf", []), *([node["items"]] if "items" in node else [])]
    if any(_leads_somewhere(one, schema, steps) for one in inside):
        return True
    known = node.get("properties", {})
    return steps[0] in known and _leads_somewhere(known[steps[0]], schema, steps[1:])


@pytest.mark.parametrize(
    ("plain", "path", "there"),
    [
        ({"a": [{"b": 1}]}, "a[].b", True),
        ({"a": [{"b": ""}]}, "a[].b", False),
        ({"a": []}, "a[]", False),
        ({"a": {"b": None}}, "a.b", False),
        ({}, "a.b", False),
    ],
)
def test_a_field_is_present_when_it_holds_something(plain: Any, path: str, there: bool) -> None:
    assert holds(plain, path) is there
