"""Applications: status, history, resources, diff; sync and rollback."""

import json
from functools import cache

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp

from worlds.cluster.core import Cluster, key_of, owned_by
from worlds.cluster.podmaking import POD
from worlds.github.access import Tokens, may_read, may_write
from worlds.github.shapes import stamp
from worlds.instances import Bound, endpoint
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.patches import MERGE, apply_patch
from worlds.repository.git import UnknownRevisionError
from worlds.repository.gitops import Application, GitOps, ResourceState
from worlds.sources import application as served

_REPLICASET = kind_named("ReplicaSet")


class RollbackRequest(BaseModel):
    """POST /rollback: the history entry to go back to."""

    model_config = ConfigDict(extra="ignore")
    id: int
    dryRun: bool = False  # noqa: N815 - Argo CD's name
    prune: bool = False


class PatchRequest(BaseModel):
    """PATCH: a merge patch as text."""

    model_config = ConfigDict(extra="ignore")
    patch: str


class ResourceRef(BaseModel):
    """One object of a selective sync."""

    model_config = ConfigDict(extra="ignore")
    group: str = ""
    kind: str
    namespace: str = ""
    name: str


class SyncRequest(BaseModel):
    """POST /sync: of everything, or of `resources` only."""

    model_config = ConfigDict(extra="ignore")
    resources: list[ResourceRef] = []
    revision: str = ""
    dryRun: bool = False  # noqa: N815 - Argo CD's name
    prune: bool = False


def argocd_app(gitops: GitOps, cluster: Cluster, *, tokens: Tokens) -> ASGIApp:
    """Return the application, with Argo CD's error bodies."""
    return Bound(_shared(), tokens, Applications(gitops, cluster))


@cache
def _shared() -> FastAPI:
    routes, base = served(), "/api/v1/applications"
    for method, path, handler in (
        ("GET", base, Applications.every),
        ("GET", base + "/{name}", Applications.one),
        ("GET", base + "/{name}/managed-resources", Applications.managed_resources),
        ("GET", base + "/{name}/resource-tree", Applications.resource_tree),
        ("GET", base + "/{name}/revisions/{revision}/metadata", Applications.revision),
        ("PATCH", base + "/{name}", Applications.patch),
        ("POST", base + "/{name}/rollback", Applications.rollback),
        ("POST", base + "/{name}/sync", Applications.sync),
        ("POST", base + "/{name}/resource", Applications.patch_object),
        ("DELETE", base + "/{name}/resource", Applications.delete_object),
    ):
        routes.add_api_route(
            path,
            endpoint(Applications, handler),
            methods=[method],
            dependencies=[Depends(may_read if method == "GET" else may_write)],
        )
    routes.add_api_route("/api/version", _version, methods=["GET"])
    routes.exception_handler(HTTPException)(_refuse)
    return routes


async def _version() -> dict[str, str]:
    return {"Version": "v3.1.8+becb020"}


async def _refuse(_request: Request, error: HTTPException) -> JSONResponse:
    codes = {401: 16, 403: 7, 404: 5, 400: 3, 409: 9}
    code = codes.get(error.status_code, 2)
    return JSONResponse({"error": error.detail, "code": code, "message": error.detail}, status_code=error.status_code)


class Applications:
    """Handlers."""

    def __init__(self, gitops: GitOps, cluster: Cluster) -> None:
        self._gitops = gitops
        self._cluster = cluster

    async def every(self) -> JsonObject:
        """GET /applications."""
        items = [self._shown(application) for application in self._gitops.applications.values()]
        return {"metadata": {"resourceVersion": str(self._cluster.store.version)}, "items": items}

    async def one(self, name: str) -> JsonObject:
        """GET /applications/NAME."""
        return self._shown(self._find(name))

    async def managed_resources(self, name: str) -> JsonObject:
        """GET managed-resources: target and live state of every object, as JSON texts."""
        items = []
        for state in self._gitops.states(self._find(name)):
            namespace, object_name = key_of(state.wanted)
            kind = kind_named(state.wanted["kind"])
            live = json.dumps(_plain(state.live)) if state.live else "null"
            target = json.dumps(state.wanted)
            items.append(
                {
                    "group": kind.group,
                    "kind": kind.kind,
                    "namespace": namespace,
                    "name": object_name,
                    "targetState": target,
                    "liveState": live,
                    "normalizedLiveState": live,
                    "predictedLiveState": target,
                    "resourceVersion": state.live["metadata"]["resourceVersion"] if state.live else "",
                    "modified": not state.synced,
                }
            )
        return {"items": items}

    async def resource_tree(self, name: str) -> JsonObject:
        """GET resource-tree: managed objects and what they own."""
        nodes: list[JsonObject] = []
        for state in self._gitops.states(self._find(name)):
            if state.live is not None:
                nodes.append(_node(state.live, parent=None))
                nodes += self._owned(state.live)
        return {"nodes": nodes, "orphanedNodes": []}

    async def revision(self, name: str, revision: str) -> JsonObject:
        """GET revision metadata."""
        try:
            commit = self._find(name).repository.resolve(revision)
        except UnknownRevisionError as error:
            raise HTTPException(404, f"revision {revision} not found") from error
        return {
            "author": f"{commit.author.name} <{commit.author.email}>",
            "date": stamp(commit.at),
            "message": commit.message,
            "tags": [],
        }

    async def rollback(self, name: str, body: RollbackRequest) -> JsonObject:
        """POST rollback. As in Argo CD it is refused while automated sync is on, because it would be undone."""
        application = self._find(name)
        entry = next((record for record in application.history if record.id == body.id), None)
        if entry is None:
            raise HTTPException(404, f"application {name} does not have deployment id {body.id} in history")
        if application.automated:
            raise HTTPException(400, "rollback cannot be initiated when auto-sync is enabled")
        if not body.dryRun:
            self._gitops.sync(application, revision=entry.revision, initiator="midwatch")
            self._cluster.settle()
        return self._shown(application)

    async def patch(self, name: str, body: PatchRequest) -> JsonObject:
        """PATCH: a merge patch of metadata.annotations and spec.syncPolicy.automated; the rest is fixed."""
        application = self._find(name)
        try:
            patch = json.loads(body.patch)
            annotations = patch.get("metadata", {}).get("annotations", {})
            policy = patch.get("spec", {}).get("syncPolicy", {})
        except (ValueError, AttributeError) as error:
            raise HTTPException(400, "the patch is no JSON merge patch of an application") from error
        for key, value in annotations.items():
            application.annotations.pop(key, None)
            application.annotations |= {} if value is None else {key: str(value)}
        if policy is None or "automated" in policy:
            automated = (policy or {}).get("automated")
            application.automated = automated is not None
            application.policy = dict(automated) if automated else application.policy
        return self._shown(application)

    async def sync(self, name: str, body: SyncRequest) -> JsonObject:
        """POST sync."""
        application = self._find(name)
        try:
            application.repository.resolve(body.revision or "HEAD")
        except UnknownRevisionError as error:
            raise HTTPException(400, f"revision {body.revision} must be resolved") from error
        if not body.dryRun:
            only = frozenset((one.kind, one.namespace, one.name) for one in body.resources)
            self._gitops.sync(
                application, revision=body.revision or "HEAD", initiator="midwatch", record=not only, only=only
            )
            self._cluster.settle()
        return self._shown(application)

    async def patch_object(
        self,
        request: Request,
        name: str,
        resourceName: str,  # noqa: N803 - Argo CD's name
        kind: str,
        patchType: str,  # noqa: N803 - Argo CD's name
        namespace: str = "",
    ) -> JsonObject:
        """POST resource: a merge patch of one managed object, as a JSON string."""
        live = self._managed(name, kind=kind, namespace=namespace, of=resourceName)
        if patchType != MERGE:
            raise HTTPException(400, f"patch type {patchType} is not supported here: use {MERGE}")
        patched = apply_patch(live, json.loads(await request.json()), content_type=MERGE)
        self._cluster.store.replace(kind_named(kind), patched, manager="argocd-server")
        self._cluster.settle()
        return {"manifest": json.dumps(_plain(patched))}

    async def delete_object(
        self,
        name: str,
        resourceName: str,  # noqa: N803 - Argo CD's name
        kind: str,
        namespace: str = "",
    ) -> JsonObject:
        """DELETE resource: one managed object."""
        self._managed(name, kind=kind, namespace=namespace, of=resourceName)
        self._cluster.store.delete(kind_named(kind), namespace=namespace, name=resourceName)
        self._cluster.settle()
        return {}

    def _managed(self, name: str, *, kind: str, namespace: str, of: str) -> JsonObject:
        states = self._gitops.states(self._find(name))
        wanted = (kind, namespace, of)
        state = next((s for s in states if (s.wanted["kind"], *key_of(s.wanted)) == wanted), None)
        if state is None or state.live is None:
            raise HTTPException(404, f"{kind} {namespace}/{of} not found as part of application {name}")
        return state.live

    def _find(self, name: str) -> Application:
        found = self._gitops.applications.get(name)
        if found is None:
            raise HTTPException(404, f'applications.argoproj.io "{name}" not found')
        return found

    def _shown(self, application: Application) -> JsonObject:
        states = self._gitops.states(application)
        synced = all(state.synced for state in states)
        source = {
            "repoURL": f"https://github.com/{application.repository.name}.git",
            "path": application.path,
            "targetRevision": application.target,
        }
        destination = {"server": "https://kubernetes.default.svc", "namespace": application.namespace}
        policy: JsonObject = {"automated": dict(application.policy)} if application.automated else {}
        history = [
            {
                "id": r.id,
                "revision": r.revision,
                "deployStartedAt": stamp(r.started),
                "deployedAt": stamp(r.deployed),
                "source": source,
                "initiatedBy": {"username": r.initiator} if r.initiator else {"automated": True},
            }
            for r in application.history
        ]
        health = _worst([_health(state.live) for state in states])
        operation = dict(application.operation)
        if operation:
            operation |= {"startedAt": stamp(operation["startedAt"]), "finishedAt": stamp(operation["finishedAt"])}
        resources = [_resource(state) for state in states]
        return {
            "metadata": {
                "name": application.name,
                "namespace": "argocd",
                "uid": self._cluster.chance.uid("app", application.name),
                "annotations": dict(application.annotations),
            },
            "spec": {"source": source, "destination": destination, "project": "default", "syncPolicy": policy},
            "status": {
                "sync": {
                    "status": "Synced" if synced else "OutOfSync",
                    "revision": application.repository.head.sha,
                    "comparedTo": {"source": source, "destination": destination},
                },
                "health": {"status": health},
                "history": history,
                "operationState": operation,
                "resources": resources,
                "reconciledAt": stamp(self._cluster.now),
                "summary": {"images": _images(states)},
            },
        }

    def _owned(self, owner: JsonObject) -> list[JsonObject]:
        found: list[JsonObject] = []
        for kind in (_REPLICASET, POD):
            for obj in self._cluster.store.every(kind, namespace=owner["metadata"].get("namespace", "")):
                if owned_by(owner, obj):
                    found.append(_node(obj, parent=owner))
                    found += self._owned(obj)
        return found


def _resource(state: ResourceState) -> JsonObject:
    namespace, name = key_of(state.wanted)
    kind = kind_named(state.wanted["kind"])
    body = {"group": kind.group, "version": kind.version, "kind": kind.kind, "namespace": namespace, "name": name}
    return body | {"status": "Synced" if state.synced else "OutOfSync", "health": {"status": _health(state.live)}}


def _node(obj: JsonObject, *, parent: JsonObject | None) -> JsonObject:
    kind = kind_named(obj["kind"])
    node = {
        "group": kind.group,
        "version": kind.version,
        "kind": kind.kind,
        "namespace": obj["metadata"].get("namespace", ""),
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "createdAt": obj["metadata"]["creationTimestamp"],
        "health": {"status": _health(obj)},
    }
    if parent is not None:
        meta = parent["metadata"]
        node["parentRefs"] = [
            {"kind": parent["kind"], "name": meta["name"], "namespace": meta.get("namespace", ""), "uid": meta["uid"]}
        ]
    return node


def _health(live: JsonObject | None) -> str:  # noqa: PLR0911 - one answer per kind
    """Judge health as Argo CD's built-in checks do, for the kinds that have one."""
    if live is None:
        return "Missing"
    status = live.get("status") or {}
    match live["kind"]:
        case "Deployment":
            conditions = {c["type"]: c for c in status.get("conditions", [])}
            if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
                return "Degraded"
            wanted = live["spec"].get("replicas", 1)
            done = status.get("updatedReplicas", 0) >= wanted and status.get("availableReplicas", 0) >= wanted
            return "Healthy" if done else "Progressing"
        case "StatefulSet":
            return "Healthy" if status.get("readyReplicas", 0) >= live["spec"].get("replicas", 1) else "Progressing"
        case "Pod":
            waiting = [
                c.get("state", {}).get("waiting", {}).get("reason", "") for c in status.get("containerStatuses", [])
            ]
            if any(reason.endswith(("BackOff", "Error")) for reason in waiting):
                return "Degraded"
            return "Healthy" if status.get("phase") == "Running" else "Progressing"
        case _:
            return "Healthy"


def _worst(found: list[str]) -> str:
    order = ["Healthy", "Progressing", "Missing", "Degraded"]
    return max(found, key=order.index, default="Healthy")


def _images(states: list[ResourceState]) -> list[str]:
    live = [state.live for state in states if state.live is not None and "template" in state.live.get("spec", {})]
    return sorted({c["image"] for obj in live for c in obj["spec"]["template"]["spec"]["containers"]})


def _plain(live: JsonObject) -> JsonObject:
    return {**live, "metadata": {k: v for k, v in live["metadata"].items() if k != "managedFields"}}
