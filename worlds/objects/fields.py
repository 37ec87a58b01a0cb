"""Which fields a write touched, in the FieldsV1 notation of `managedFields` (k8s.io/structured-merge-diff).

Items of lists that have a `name` (or `type`) are addressed by it, other lists count as one value: enough to say who
set what, which is what provenance needs.
"""

import json
from typing import Any

from worlds.objects.kinds import JsonObject

_META_FIELDS = ("labels", "annotations", "finalizers")


def changed_fields(before: JsonObject, after: JsonObject) -> JsonObject:
    """Return the FieldsV1 tree of the fields that differ; empty when nothing a manager owns has changed."""
    tree: JsonObject = {}
    for part in sorted(set(before) | set(after)):
        if part in {"apiVersion", "kind", "metadata"}:
            continue
        _note(tree, f"f:{part}", before.get(part), after.get(part))
    old, new = before.get("metadata", {}), after.get("metadata", {})
    meta: JsonObject = {}
    for part in _META_FIELDS:
        _note(meta, f"f:{part}", old.get(part), new.get(part))
    if meta:
        tree["f:metadata"] = meta
    return tree


def merge_fields(left: JsonObject, right: JsonObject) -> JsonObject:
    """Return the union of two FieldsV1 trees."""
    merged = dict(left)
    for key, value in right.items():
        merged[key] = merge_fields(merged.get(key, {}), value)
    return merged


def _note(tree: JsonObject, key: str, old: Any, new: Any) -> None:
    if old == new or new is None:
        return
    tree[key] = _children(old, new)


def _children(old: Any, new: Any) -> JsonObject:
    if isinstance(new, dict):
        was = old if isinstance(old, dict) else {}
        tree: JsonObject = {}
        for name, value in new.items():
            _note(tree, f"f:{name}", was.get(name), value)
        return tree
    if isinstance(new, list) and new and all(isinstance(item, dict) and _identity(item) for item in new):
        was_items = {_identity(item): item for item in old or [] if isinstance(item, dict)}
        tree = {}
        for item in new:
            _note(tree, f"k:{_identity(item)}", was_items.get(_identity(item)), item)
        return tree
    return {}


def _identity(item: JsonObject) -> str:
    for key in ("name", "type"):
        if isinstance(item.get(key), str):
            return json.dumps({key: item[key]}, separators=(",", ":"))
    return ""
