"""The three ways to patch an object: merge (RFC 7386), JSON (RFC 6902) and Kubernetes' strategic merge."""

from typing import Any

from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

# Keys by which items of a list are merged (the patchMergeKey tags of k8s.io/api); other lists are replaced whole.
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "taints": ("key",),
    "addresses": ("type",),
    "secrets": ("name",),
}


class PatchError(ValueError):
    """The patch cannot be read: look at the operation that the message names."""


class PatchTestError(ValueError):
    """A `test` operation of the patch did not hold: the object is not what the patch expects."""


def apply_patch(obj: JsonObject, patch: Any, *, content_type: str) -> JsonObject:
    """Return the patched copy of an object. Raises PatchError or PatchTestError."""
    if content_type == JSON:
        return _json_patch(obj, patch)
    if not isinstance(patch, dict):
        raise PatchError("a merge patch must be a JSON object")
    if content_type == STRATEGIC:
        return _strategic(copied(obj), patch)
    merged: JsonObject = _merge(copied(obj), patch)
    return merged


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copied(patch)
    result = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


def _strategic(target: JsonObject, patch: JsonObject) -> JsonObject:
    if patch.get("$patch") == "replace":
        return {key: copied(value) for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    for key, value in patch.items():
        if key.startswith("$"):
            _follow_directive(target, key, value)
        elif value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            was = target.get(key)
            target[key] = _strategic(was if isinstance(was, dict) else {}, value)
        elif isinstance(value, list):
            target[key] = _strategic_list(key, target.get(key), value)
        else:
            target[key] = value
    return target


def _follow_directive(target: JsonObject, key: str, value: Any) -> None:
    """Apply `$retainKeys` and `$deleteFromPrimitiveList`; the order of list elements is left as it is."""
    if key == "$retainKeys":
        for extra in set(target) - set(value):
            del target[extra]
    elif key.startswith("$deleteFromPrimitiveList/"):
        name = key.partition("/")[2]
        target[name] = [item for item in target.get(name, []) if item not in value]


def _strategic_list(name: str, target: Any, patch: list[Any]) -> list[Any]:
    merge_key = next((k for k in _MERGE_KEYS.get(name, ()) if any(isinstance(i, dict) and k in i for i in patch)), None)
    if {"$patch": "replace"} in patch:
        return [copied(item) for item in patch if item != {"$patch": "replace"}]
    if merge_key is None or not isinstance(target, list):
        return [copied(item) for item in patch if not (isinstance(item, dict) and item.get("$patch") == "delete")]
    result = list(target)
    for item in patch:
        place = next((i for i, was in enumerate(result) if was.get(merge_key) == item.get(merge_key)), None)
        if item.get("$patch") == "delete":
            result = [was for was in result if was.get(merge_key) != item.get(merge_key)]
        elif place is None:
            result.append(copied(item))
        else:
            result[place] = _strategic(result[place], item)
    return result


def _json_patch(obj: JsonObject, operations: Any) -> JsonObject:
    if not isinstance(operations, list):
        raise PatchError("a JSON patch must be a list of operations")
    root: JsonObject = {"": copied(obj)}
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchError(f"operation {operation!r} is not an object")
        _apply_operation(root, operation)
    result = root[""]
    if not isinstance(result, dict):
        raise PatchError("the patched object is not an object")
    return result


def _apply_operation(root: JsonObject, operation: JsonObject) -> None:
    try:
        verb, path = operation["op"], operation["path"]
        match verb:
            case "test":
                if _read(root, path) != operation["value"]:
                    raise PatchTestError(f"testing path {path} value failed: the test failed")
            case "add":
                _write(root, path, copied(operation["value"]), insert=True)
            case "replace":
                _read(root, path)
                _write(root, path, copied(operation["value"]), insert=False)
            case "remove":
                _remove(root, path)
            case "copy":
                _write(root, path, copied(_read(root, operation["from"])), insert=True)
            case "move":
                value = _read(root, operation["from"])
                _remove(root, operation["from"])
                _write(root, path, value, insert=True)
            case _:
                raise PatchError(f"unknown operation {verb!r}")
    except (KeyError, IndexError, TypeError) as problem:
        if operation.get("op") == "test":
            raise PatchTestError(f"testing path {operation.get('path')} failed: missing value") from problem
        raise PatchError(f"operation {operation!r} does not fit the object: missing path") from problem


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise PatchError(f"path {path!r} must start with /")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _parent(root: JsonObject, path: str) -> tuple[Any, str]:
    *way, last = _steps(path)
    here: Any = root
    for step in way:
        here = here[int(step)] if isinstance(here, list) else here[step]
    return here, last


def _read(root: JsonObject, path: str) -> Any:
    parent, last = _parent(root, path)
    return parent[int(last)] if isinstance(parent, list) else parent[last]


def _write(root: JsonObject, path: str, value: Any, *, insert: bool) -> None:
    parent, last = _parent(root, path)
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif insert:
        parent.insert(int(last), value)
    else:
        parent[int(last)] = value


def _remove(root: JsonObject, path: str) -> None:
    parent, last = _parent(root, path)
    del parent[int(last) if isinstance(parent, list) else last]
