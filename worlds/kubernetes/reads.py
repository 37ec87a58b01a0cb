"""Get and list: selectors, paging, and the two shapes in which events are served."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worlds.kubernetes.answers import bad_request, expired, not_found
from worlds.kubernetes.routes import Target
from worlds.objects.kinds import JsonObject, Kind
from worlds.objects.selectors import SelectorError, matches_fields, matches_labels
from worlds.objects.store import ObjectStore


def get(store: ObjectStore, target: Target) -> JsonObject:
    """Return one object. Raises ApiError 404."""
    found = store.find(target.kind, namespace=target.namespace, name=target.name)
    if found is None:
        raise not_found(target.kind, target.name)
    return shown(found, kind=target.kind, now=store.now())


def select(store: ObjectStore, target: Target, parameters: Mapping[str, str]) -> list[JsonObject]:
    """Return the objects of a collection that pass the selectors. Raises ApiError 400."""
    return [obj for obj in store.every(target.kind, namespace=target.namespace) if passes(obj, parameters)]


def passes(obj: JsonObject, parameters: Mapping[str, str]) -> bool:
    """Say whether an object passes a request's selectors. Raises ApiError 400."""
    try:
        return matches_labels(
            parameters.get("labelSelector", ""), obj["metadata"].get("labels") or {}
        ) and matches_fields(parameters.get("fieldSelector", ""), obj)
    except SelectorError as error:
        raise bad_request(str(error)) from error


def list_objects(store: ObjectStore, target: Target, parameters: Mapping[str, str]) -> JsonObject:
    """Answer a list request, in pages when `limit` is given. Raises ApiError 400 or 410."""
    items = select(store, target, parameters)
    version, start = _read_continue(store, parameters.get("continue", ""))
    items = [item for item in items if _position(item) > start]
    metadata: JsonObject = {"resourceVersion": str(version)}
    limit = int(parameters.get("limit") or 0)
    if limit and len(items) > limit:
        left = len(items) - limit
        items = items[:limit]
        token = json.dumps({"v": version, "start": _position(items[-1])}).encode()
        metadata |= {"continue": base64.urlsafe_b64encode(token).decode(), "remainingItemCount": left}
    kind = target.kind
    listed = [_without_type(shown(item, kind=kind, now=store.now())) for item in items]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": listed}


def _position(obj: JsonObject) -> list[str]:
    return [obj["metadata"].get("namespace", ""), obj["metadata"]["name"]]


def _read_continue(store: ObjectStore, token: str) -> tuple[int, list[str]]:
    if not token:
        return store.version, []
    try:
        raw = json.loads(base64.urlsafe_b64decode(token.encode()))
        return int(raw["v"]), list(raw["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise expired(token) from error


def _without_type(obj: JsonObject) -> JsonObject:
    return {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}


def shown(obj: JsonObject, *, kind: Kind, now: datetime) -> JsonObject:
    """Return an object as this kind's API shows it: events have other field names in events.k8s.io.

    A lease that is stored without a time of renewal is renewed all the time.
    """
    if kind.kind == "Lease" and "renewTime" not in obj["spec"]:
        return {**obj, "spec": {**obj["spec"], "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
    if kind.group != "events.k8s.io":
        return obj
    renamed: dict[str, Any] = {
        "apiVersion": kind.api_version,
        "kind": "Event",
        "metadata": obj["metadata"],
        "eventTime": None,
        "reason": obj.get("reason", ""),
        "note": obj.get("message", ""),
        "type": obj.get("type", "Normal"),
        "regarding": obj.get("involvedObject", {}),
        "reportingController": obj.get("reportingComponent", ""),
        "reportingInstance": obj.get("reportingInstance", ""),
        "deprecatedSource": obj.get("source", {}),
        "deprecatedFirstTimestamp": obj.get("firstTimestamp"),
        "deprecatedLastTimestamp": obj.get("lastTimestamp"),
        "deprecatedCount": obj.get("count", 1),
    }
    return renamed
