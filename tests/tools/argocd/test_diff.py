"""Where live objects differ from Git: what is told, what is not, and what is hidden."""

from __future__ import annotations

import json

import pytest

from tools.argocd.application import ResourceStates
from tools.argocd.probes.diff import difference

GIT = {
    "kind": "Deployment",
    "metadata": {"name": "checkout"},
    "spec": {
        "replicas": 6,
        "template": {
            "spec": {"containers": [{"name": "app", "image": "a:1", "env": [{"name": "DB_PASSWORD", "value": "x1"}]}]}
        },
    },
}


def states(desired: object, live: object, kind: str = "Deployment") -> ResourceStates:
    def text(item: object) -> str | None:
        return json.dumps(item) if item else None

    return ResourceStates(kind=kind, namespace="shop", name="checkout", desired=text(desired), live=text(live))


def edited(**spec: object) -> dict:
    live = json.loads(json.dumps(GIT))
    live["spec"].update(spec)
    live["metadata"]["resourceVersion"] = "12"
    live["status"] = {"replicas": 3}
    return live


def test_what_only_lives_is_no_drift() -> None:
    assert difference(states(GIT, edited(progressDeadlineSeconds=600))) is None


def test_a_field_that_was_changed_by_hand() -> None:
    found = difference(states(GIT, edited(replicas=3)))
    assert found is not None
    assert [(field.path, field.before, field.after) for field in found.fields] == [("spec.replicas", "6", "3")]


def test_items_of_lists_are_called_by_their_names_and_secret_values_are_hidden() -> None:
    live = edited()
    live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "x2"
    found = difference(states(GIT, live))
    assert found is not None
    (field,) = found.fields
    assert field.path == "spec.template.spec.containers[app].env[DB_PASSWORD].value"
    assert (field.before, field.after) == ("[redacted:secret]", "[redacted:secret]")


@pytest.mark.parametrize(
    ("desired", "live", "missing", "extra"),
    [(GIT, None, True, False), (None, GIT, False, True)],
    ids=["missing", "extra"],
)
def test_objects_that_are_on_one_side_only(desired: object, live: object, *, missing: bool, extra: bool) -> None:
    found = difference(states(desired, live))
    assert found is not None
    assert (found.missing, found.extra) == (missing, extra)


def test_a_secret_shows_no_value() -> None:
    found = difference(states({"data": {"a": "cGFzcw=="}}, {"data": {"a": "b3RoZXI="}}, kind="Secret"))
    assert found is not None
    assert found.fields[0].after == "[redacted:secret]"
    assert difference(states(None, None)) is None
