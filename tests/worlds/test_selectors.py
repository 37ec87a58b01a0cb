"""Label and field selectors."""

import pytest

from worlds.objects.selectors import SelectorError, matches_fields, matches_labels, selects

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("", True, id="nothing asked"),
        pytest.param("app=web", True, id="equal"),
        pytest.param("app==web,tier=front", True, id="two that hold"),
        pytest.param("app=web,tier=back", False, id="one that does not"),
        pytest.param("app!=web", False, id="unequal"),
        pytest.param("other!=web", True, id="unequal to a missing label"),
        pytest.param("app in (web, api)", True, id="in a set"),
        pytest.param("app notin (web,api),tier", False, id="not in a set"),
        pytest.param("tier", True, id="exists"),
        pytest.param("!tier", False, id="does not exist"),
    ],
)
def test_a_label_selector_selects(selector: str, expected: bool) -> None:
    assert matches_labels(selector, LABELS) is expected


@pytest.mark.parametrize("selector", ["a b c", "app=web=x y", "in (x)"])
def test_an_unreadable_selector_is_refused(selector: str) -> None:
    with pytest.raises(SelectorError):
        matches_labels(selector, LABELS)


def test_a_field_selector_reads_paths() -> None:
    pod = {"metadata": {"name": "a"}, "status": {"phase": "Running"}}
    assert matches_fields("status.phase=Running,metadata.name!=b", pod)
    assert not matches_fields("spec.nodeName=node-1", pod)
    assert matches_fields("spec.nodeName=", pod)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param({"key": "app", "operator": "In", "values": ["web"]}, True, id="in"),
        pytest.param({"key": "app", "operator": "NotIn", "values": ["web"]}, False, id="not in"),
        pytest.param({"key": "app", "operator": "Exists"}, True, id="exists"),
        pytest.param({"key": "app", "operator": "DoesNotExist"}, False, id="does not exist"),
    ],
)
def test_expressions_select(expression: dict[str, object], expected: bool) -> None:
    assert selects({"matchLabels": {"tier": "front"}, "matchExpressions": [expression]}, LABELS) is expected
