"""Create, replace, patch, delete, scale and evict, with preconditions and dry runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worlds.cluster.admission import AdmissionError, admit_pod
from worlds.cluster.core import Cluster
from worlds.cluster.podmaking import POD, is_ready, mark_deleted
from worlds.kubernetes import validation
from worlds.kubernetes.answers import (
    ApiError,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    modified,
    not_found,
)
from worlds.kubernetes.routes import Target
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.patches import APPLY, STRATEGIC, PatchError, PatchTestError, apply_patch
from worlds.objects.selectors import selects
from worlds.objects.store import AlreadyExistsError

_BUDGET = kind_named("PodDisruptionBudget")
_KEPT_METADATA = (
    "uid",
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
    "ownerReferences",
)


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What query parameters and headers say about a write."""

    dry_run: bool
    manager: str

    @classmethod
    def read(cls, parameters: Mapping[str, str], user_agent: str) -> "WriteOptions":
        """Read them. Raises ApiError 400 for a `dryRun` other than All."""
        dry = parameters.get("dryRun", "")
        if dry not in {"", "All"}:
            raise bad_request(f'invalid dryRun value "{dry}": only "All" is supported')
        manager = parameters.get("fieldManager") or user_agent.partition("/")[0] or "unknown"
        return cls(dry_run=dry == "All", manager=manager)


class Writer:
    """Carries out writes against the cluster's store."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def create(self, target: Target, body: JsonObject, options: WriteOptions) -> JsonObject:
        """Create an object. Raises ApiError 409, 403 (admission) or 422."""
        kind = target.kind
        obj = copied(body)
        meta = obj.setdefault("metadata", {})
        if kind.namespaced:
            meta["namespace"] = target.namespace
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self._cluster.chance.letters(
                5, "name", meta["generateName"], self._store.version
            )
        if not meta.get("name"):
            raise invalid(kind, "", [("metadata.name", "Required value: name or generateName is required")])
        validation.check(kind, obj, before=None)
        try:
            if kind is POD:
                obj["status"] = {"phase": "Pending"}
                admit_pod(self._store, obj)
            elif "status" in kind.subresources:
                obj["status"] = {}
            return self._store.create(kind, obj, manager=options.manager, dry_run=options.dry_run)
        except AdmissionError as error:
            raise forbidden(kind.plural, meta["name"], str(error), group=kind.group) from error
        except AlreadyExistsError as error:
            raise already_exists(kind, meta["name"]) from error

    def put(self, target: Target, body: JsonObject, options: WriteOptions) -> JsonObject:
        """Replace an object. Raises ApiError 404, 409 or 422."""
        if target.subresource == "scale":
            return self._put_scale(target, body, options)
        live = self._live(target)
        self._check_preconditions(target, live, body.get("metadata", {}))
        return self._store_new(target, live, copied(body), options)

    def patch(self, target: Target, patch: Any, content_type: str, options: WriteOptions) -> JsonObject:
        """Patch an object. Raises ApiError 400, 404, 409 or 422."""
        if (
            content_type == APPLY
            and self._store.find(target.kind, namespace=target.namespace, name=target.name) is None
        ):
            return self.create(target, patch, options)
        live = self._live(target)
        before = _scale_of(live) if target.subresource == "scale" else live
        if isinstance(patch, dict):
            self._check_preconditions(target, live, patch.get("metadata") or {})
        try:
            after = apply_patch(before, patch, content_type=STRATEGIC if content_type == APPLY else content_type)
        except PatchTestError as error:
            raise ApiError(
                422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
            ) from error
        except PatchError as error:
            raise bad_request(str(error)) from error
        if target.subresource == "scale":
            return self._put_scale(target, after, options)
        return self._store_new(target, live, after, options)

    def delete(
        self, target: Target, body: JsonObject, parameters: Mapping[str, str], options: WriteOptions
    ) -> JsonObject:
        """Delete an object; a pod gracefully. Raises ApiError 404 or 409."""
        live = self._live(target)
        self._check_preconditions(target, live, body.get("preconditions") or {})
        dry = options.dry_run or body.get("dryRun") == ["All"]
        if target.kind is POD:
            raw = parameters.get("gracePeriodSeconds", body.get("gracePeriodSeconds"))
            grace = None if raw is None else float(raw)
            return live if dry else self._delete_pod(live, grace)
        if not dry:
            self._store.delete(target.kind, namespace=target.namespace, name=target.name)
        details = {"name": target.name, "kind": target.kind.plural, "uid": live["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _delete_pod(self, pod: JsonObject, grace: float | None) -> JsonObject:
        if grace == 0:
            return self._store.delete(POD, namespace=pod["metadata"]["namespace"], name=pod["metadata"]["name"])
        return mark_deleted(self._cluster, pod, grace=grace)

    def evict(self, target: Target, body: JsonObject, options: WriteOptions) -> JsonObject:
        """Evict a pod unless a budget forbids it. Raises ApiError 404, 409 or 429."""
        pod = self._live(Target(kind=POD, namespace=target.namespace, name=target.name))
        delete_options = body.get("deleteOptions") or {}
        self._check_preconditions(target, pod, delete_options.get("preconditions") or {})
        budgets = self._store.every(_BUDGET, namespace=target.namespace)
        covering = [b for b in budgets if selects(b["spec"].get("selector"), pod["metadata"].get("labels") or {})]
        for budget in covering:
            allowed = budget.get("status", {}).get("disruptionsAllowed", 0)
            if allowed < 1 and is_ready(pod):
                raise _budget_refuses(budget)
        if not options.dry_run and delete_options.get("dryRun") != ["All"]:
            mark_deleted(self._cluster, pod)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    def scale(self, target: Target) -> JsonObject:
        """Return the Scale of a workload. Raises ApiError 404."""
        return _scale_of(self._live(target))

    def _put_scale(self, target: Target, scale: JsonObject, options: WriteOptions) -> JsonObject:
        live = self._live(target)
        self._check_preconditions(target, live, scale.get("metadata", {}))
        new = copied(live)
        new["spec"]["replicas"] = scale.get("spec", {}).get("replicas", 0)
        validation.check(target.kind, new, before=live)
        stored = self._store.replace(
            target.kind, new, manager=options.manager, subresource="scale", dry_run=options.dry_run
        )
        return _scale_of(stored)

    def _store_new(self, target: Target, live: JsonObject, new: JsonObject, options: WriteOptions) -> JsonObject:
        meta = new.setdefault("metadata", {})
        for field, was in (("name", target.name), ("namespace", target.namespace or None)):
            if meta.get(field, was) != was:
                raise bad_request(
                    f"the {field} of the object ({meta[field]}) does not match the {field} on the URL ({was})"
                )
        for field in _KEPT_METADATA:
            meta.pop(field, None)
            if field in live["metadata"]:
                meta[field] = copied(live["metadata"][field])
        meta["name"] = target.name
        if target.namespace:
            meta["namespace"] = target.namespace
        new |= {"apiVersion": live["apiVersion"], "kind": live["kind"]}
        if target.subresource == "status":
            new = {**live, "metadata": meta, "status": new.get("status", {})}
        elif "status" in live:
            new["status"] = live["status"]
        validation.check(target.kind, new, before=live)
        return self._store.replace(
            target.kind, new, manager=options.manager, subresource=target.subresource, dry_run=options.dry_run
        )

    def _live(self, target: Target) -> JsonObject:
        found = self._store.find(target.kind, namespace=target.namespace, name=target.name)
        if found is None:
            raise not_found(target.kind, target.name)
        return found

    def _check_preconditions(self, target: Target, live: JsonObject, wanted: Mapping[str, Any]) -> None:
        """Compare uid and resourceVersion with those that the request names."""
        meta = live["metadata"]
        if wanted.get("uid") and wanted["uid"] != meta["uid"]:
            why = f"Precondition failed: UID in precondition: {wanted['uid']}, UID in object meta: {meta['uid']}"
            raise conflict(target.kind, target.name, why)
        if wanted.get("resourceVersion") and wanted["resourceVersion"] != meta["resourceVersion"]:
            raise modified(target.kind, target.name)


def _scale_of(live: JsonObject) -> JsonObject:
    meta = live["metadata"]
    shown = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    selector = live["spec"].get("selector", {}).get("matchLabels", {})
    text = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    status = {"replicas": live.get("status", {}).get("replicas", 0), "selector": text}
    spec = {"replicas": live["spec"].get("replicas", 0)}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": shown, "spec": spec, "status": status}


def _budget_refuses(budget: JsonObject) -> ApiError:
    name, status = budget["metadata"]["name"], budget.get("status", {})
    needed, there = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    message = f"The disruption budget {name} needs {needed} healthy pods and has {there} currently"
    details = {"causes": [{"reason": "DisruptionBudget", "message": message}]}
    return ApiError(
        429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", details=details
    )
