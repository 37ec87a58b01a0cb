"""Which fields a write touched, in the FieldsV1 notation of `managedFields` (k8s.io/structured-merge-diff).

Items of lists that have a `name` (or `type`) are addressed by it, other lists count as one value: enough to say who
set what, which is what provenance needs.
"""

import json
from functools import lru_cache
from typing import Any

from worlds.objects.kinds import JsonObject

_META_FIELDS = ("labels", "annotations", "finalizers")
# Names of containers, variables, ports and conditions: some hundreds in an estate.
_IDENTITIES_KEPT = 8192


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
    """Return the union of two FieldsV1 trees. It may share parts with them: trees are not changed in place."""
    if not left:
        return right
    merged = dict(left)
    for key, value in right.items():
        merged[key] = merge_fields(merged.get(key, {}), value)
    return merged


def _note(tree: JsonObject, key: str, old: Any, new: Any) -> None:
    if old is new or new is None or old == new:
        return
    tree[key] = _children(old, new) if isinstance(new, dict | list) else {}


def _children(old: Any, new: Any) -> JsonObject:
    if isinstance(new, dict):
        was = old if isinstance(old, dict) else {}
        return {
            f"f:{name}": _children(was.get(name), value) if isinstance(value, dict | list) else {}
            for name, value in new.items()
            if value is not None and (name not in was or (value is not was[name] and value != was[name]))
        }
    if isinstance(new, list) and new:
        names = [_identity(item) for item in new]
        if all(names):
            was_items = {_identity(item): item for item in old or [] if isinstance(item, dict)}
            tree: JsonObject = {}
            for name, item in zip(names, new, strict=True):
                _note(tree, f"k:{name}", was_items.get(name), item)
            return tree
    return {}


def _identity(item: Any) -> str:
    for key in ("name", "type") if isinstance(item, dict) else ():
        if isinstance(item.get(key), str):
            return _named(key, item[key])
    return ""


@lru_cache(maxsize=_IDENTITIES_KEPT)
def _named(key: str, value: str) -> str:
    return json.dumps({key: value}, separators=(",", ":"))
