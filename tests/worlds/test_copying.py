"""Copies of objects are equal and share nothing that could be changed."""

import copy

from worlds.objects.copying import copied


def test_a_copy_is_what_deepcopy_makes_of_json() -> None:
    tree = {"spec": {"containers": [{"name": "cart", "ports": [80, 443]}], "ready": True, "none": None}, "list": []}
    assert copied(tree) == copy.deepcopy(tree)


def test_a_change_of_the_copy_leaves_the_original_alone() -> None:
    tree = {"spec": {"containers": [{"name": "cart"}]}}
    other = copied(tree)
    other["spec"]["containers"][0]["name"] = "web"
    other["spec"]["containers"].append({"name": "more"})
    assert tree == {"spec": {"containers": [{"name": "cart"}]}}
