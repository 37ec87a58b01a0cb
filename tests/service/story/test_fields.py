"""Changed fields as people read them: the end of the path, the container's name, book-keeping last."""

from __future__ import annotations

import pytest

from incidents.action import FieldChange
from service.story.fields import fields, label_of


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("spec.template.spec.containers[checkout].resources.limits.memory", "checkout: limits.memory"),
        ("spec.template.spec.initContainers[migrate].image", "migrate: image"),
        ('spec.template.metadata.labels["app.kubernetes.io/version"]', 'labels["app.kubernetes.io/version"]'),
        ("spec.replicas", "replicas"),
        ("spec.unschedulable", "unschedulable"),
        ("metadata.annotations.x", "annotations.x"),
        ("spec.", "spec."),
        ("something else", "something else"),
    ],
)
def test_a_path_is_told_by_its_end(path: str, label: str) -> None:
    assert label_of(path) == label


def test_what_makes_a_difference_comes_first_and_nothing_is_left_out() -> None:
    paths = ['spec.template.metadata.labels["v"]', "spec.replicas", "spec.template.spec.containers[a].image"]
    told = fields([FieldChange(path=path, before="1", after=None) for path in paths])
    assert [one.path for one in told] == [*paths[1:], paths[0]]
    assert {(one.before, one.after) for one in told} == {("1", None)}
