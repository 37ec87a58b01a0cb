"""Merge, JSON and strategic merge patches."""

from typing import Any

import pytest

from worlds.objects.patches import JSON, MERGE, STRATEGIC, PatchError, PatchTestError, apply_patch

POD: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "containers": [
            {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "proxy", "image": "proxy:1"},
        ],
        "args": ["x", "y"],
    },
}


@pytest.mark.parametrize(
    ("content_type", "patch", "path", "expected"),
    [
        pytest.param(MERGE, {"metadata": {"labels": {"tier": "front"}}}, ("metadata", "labels"), {"app": "web", "tier": "front"}, id="merge adds to a map"),
        pytest.param(MERGE, {"metadata": {"labels": {"app": None}}}, ("metadata", "labels"), {}, id="merge removes with null"),
        pytest.param(MERGE, {"spec": {"containers": []}}, ("spec", "containers"), [], id="merge replaces a list"),
        pytest.param(STRATEGIC, {"spec": {"containers": [{"name": "proxy", "image": "proxy:2"}]}}, ("spec", "containers", 1, "image"), "proxy:2", id="strategic merges a list by its key"),
        pytest.param(STRATEGIC, {"spec": {"containers": [{"name": "web", "env": [{"name": "B", "value": "9"}]}]}}, ("spec", "containers", 0, "env"), [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}], id="strategic merges env by name"),
        pytest.param(STRATEGIC, {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "$patch": "delete"}]}]}}, ("spec", "containers", 0, "env"), [{"name": "B", "value": "2"}], id="strategic deletes an item"),
        pytest.param(STRATEGIC, {"spec": {"args": ["z"]}}, ("spec", "args"), ["z"], id="strategic replaces a list without key"),
        pytest.param(STRATEGIC, {"spec": {"containers": [{"$patch": "replace"}, {"name": "new"}]}}, ("spec", "containers"), [{"name": "new"}], id="strategic replaces on request"),
        pytest.param(JSON, [{"op": "replace", "path": "/spec/containers/0/image", "value": "web:2"}], ("spec", "containers", 0, "image"), "web:2", id="JSON replaces"),
        pytest.param(JSON, [{"op": "add", "path": "/spec/args/-", "value": "z"}], ("spec", "args"), ["x", "y", "z"], id="JSON appends"),
        pytest.param(JSON, [{"op": "add", "path": "/spec/args/0", "value": "z"}], ("spec", "args"), ["z", "x", "y"], id="JSON inserts"),
        pytest.param(JSON, [{"op": "remove", "path": "/metadata/labels/app"}], ("metadata", "labels"), {}, id="JSON removes"),
        pytest.param(JSON, [{"op": "add", "path": "/metadata/labels/a~1b", "value": "c"}], ("metadata", "labels", "a/b"), "c", id="JSON unescapes slashes"),
        pytest.param(JSON, [{"op": "test", "path": "/spec/args/1", "value": "y"}, {"op": "move", "from": "/spec/args/1", "path": "/spec/args/0"}], ("spec", "args"), ["y", "x"], id="JSON tests and moves"),
    ],
)  # fmt: skip
def test_a_patch_changes_what_it_says(content_type: str, patch: Any, path: tuple[Any, ...], expected: Any) -> None:
    before = repr(POD)
    here: Any = apply_patch(POD, patch, content_type=content_type)
    for step in path:
        here = here[step]
    assert here == expected
    assert repr(POD) == before


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        pytest.param([{"op": "test", "path": "/spec/args/0", "value": "z"}], PatchTestError, id="a test that fails"),
        pytest.param([{"op": "test", "path": "/spec/none", "value": 1}], PatchTestError, id="a test of nothing"),
        pytest.param([{"op": "replace", "path": "/spec/none/x", "value": 1}], PatchError, id="a missing path"),
        pytest.param([{"op": "fly", "path": "/spec"}], PatchError, id="an unknown operation"),
        pytest.param([{"path": "/spec"}], PatchError, id="no operation"),
        pytest.param({"spec": 1}, PatchError, id="not a list"),
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(patch: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        apply_patch(POD, patch, content_type=JSON)
