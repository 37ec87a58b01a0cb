"""Talks to Argo CD's REST API. The only place that knows it.

Paths and bodies follow the swagger that Argo CD serves (`/swagger.json`, application service); managed resources carry
whole objects as JSON in strings, which are handed on as text and compared field by field elsewhere.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from incidents.canonical import Json
from incidents.redaction import redact
from tools.argocd.application import (
    Application,
    AutoSync,
    Deployed,
    ManagedResource,
    ObjectRef,
    Operation,
    ResourceStates,
)
from tools.estate import Endpoint
from tools.http import HttpClient, segment
from tools.wire import Wire

SYSTEM = "Argo CD"
OWN_ANNOTATIONS = "midwatch.dev/"


class _Automated(Wire):
    prune: bool = False
    selfHeal: bool = False  # noqa: N815 - the wire's name
    allowEmpty: bool = False  # noqa: N815 - the wire's name
    enabled: bool = True


class _SyncPolicy(Wire):
    automated: _Automated | None = None


class _Source(Wire):
    repoURL: str = ""  # noqa: N815 - the wire's name
    path: str = ""
    targetRevision: str = ""  # noqa: N815 - the wire's name


class _Destination(Wire):
    namespace: str = ""
    server: str = ""
    name: str = ""


class _Spec(Wire):
    project: str = ""
    source: _Source | None = None
    sources: tuple[_Source, ...] = ()
    destination: _Destination = _Destination()
    syncPolicy: _SyncPolicy | None = None  # noqa: N815 - the wire's name


class _Metadata(Wire):
    name: str
    namespace: str = ""
    uid: str = ""
    annotations: dict[str, str] | None = None


class _Sync(Wire):
    status: str = ""
    revision: str = ""


class _Health(Wire):
    status: str = ""
    message: str = ""


class _Initiator(Wire):
    username: str = ""
    automated: bool = False


class _History(Wire):
    id: int
    revision: str = ""
    deployedAt: datetime | None = None  # noqa: N815 - the wire's name
    deployStartedAt: datetime | None = None  # noqa: N815 - the wire's name
    initiatedBy: _Initiator = _Initiator()  # noqa: N815 - the wire's name


class _SyncResult(Wire):
    revision: str = ""


class _RequestedSync(Wire):
    revision: str = ""


class _RequestedOperation(Wire):
    initiatedBy: _Initiator = _Initiator()  # noqa: N815 - the wire's name
    sync: _RequestedSync = _RequestedSync()


class _OperationState(Wire):
    phase: str = ""
    message: str = ""
    startedAt: datetime | None = None  # noqa: N815 - the wire's name
    finishedAt: datetime | None = None  # noqa: N815 - the wire's name
    syncResult: _SyncResult | None = None  # noqa: N815 - the wire's name
    operation: _RequestedOperation = _RequestedOperation()


class _Condition(Wire):
    type: str = ""
    message: str = ""


class _Resource(Wire):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    group: str = ""
    status: str = ""
    health: _Health | None = None


class _Status(Wire):
    sync: _Sync = _Sync()
    health: _Health = _Health()
    history: tuple[_History, ...] = ()
    operationState: _OperationState | None = None  # noqa: N815 - the wire's name
    conditions: tuple[_Condition, ...] = ()
    resources: tuple[_Resource, ...] = ()


class _Application(Wire):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()
    operation: dict[str, object] | None = None


class _Applications(Wire):
    items: tuple[_Application, ...] | None = None


class _Managed(Wire):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    group: str = ""
    targetState: str | None = None  # noqa: N815 - the wire's name
    liveState: str | None = None  # noqa: N815 - the wire's name
    normalizedLiveState: str | None = None  # noqa: N815 - the wire's name
    predictedLiveState: str | None = None  # noqa: N815 - the wire's name
    modified: bool | None = None


class _ManagedResources(Wire):
    items: tuple[_Managed, ...] | None = None


class ArgoCDClient:
    """Reads applications; rolls one back when it was given write access."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def applications(self) -> tuple[Application, ...]:
        """All applications that these credentials may see, with their history."""
        answer = await self.http.get("/api/v1/applications", _Applications)
        return tuple(_application(item) for item in answer.items or ())

    async def application(self, name: str, *, namespace: str = "", refresh: bool = False) -> Application:
        """One application. Raises NotFoundError; Argo CD answers 403 for one that does not exist, too."""
        params = {"appNamespace": namespace or None, "refresh": "normal" if refresh else None}
        return _application(await self.http.get(f"/api/v1/applications/{segment(name)}", _Application, params=params))

    async def managed_resources(self, name: str, *, namespace: str = "") -> tuple[ResourceStates, ...]:
        """Desired and live state of every object of an application."""
        path = f"/api/v1/applications/{segment(name)}/managed-resources"
        answer = await self.http.get(path, _ManagedResources, params={"appNamespace": namespace or None})
        return tuple(_states(item) for item in answer.items or ())

    async def rollback(
        self, name: str, *, to_id: int, namespace: str = "", prune: bool = False, dry_run: bool = False
    ) -> Application:
        """Go back to a history entry. Argo CD refuses (400) while automated sync is on."""
        body: Json = {
            "name": name,
            "id": to_id,
            "prune": prune,
            "dryRun": dry_run,
            **({"appNamespace": namespace} if namespace else {}),
        }
        path = f"/api/v1/applications/{segment(name)}/rollback"
        return _application(await self.http.send("POST", path, _Application, body=body))

    async def sync(self, application: Application, objects: Sequence[ObjectRef]) -> Application:
        """Synchronise these objects to the commit that the application follows; nothing is pruned."""
        body: Json = {
            "name": application.name,
            "prune": False,
            "dryRun": False,
            "resources": [
                {"group": one.group, "kind": one.kind, "namespace": one.namespace, "name": one.name} for one in objects
            ],
            **({"appNamespace": application.namespace} if application.namespace else {}),
        }
        path = f"/api/v1/applications/{segment(application.name)}/sync"
        return _application(await self.http.send("POST", path, _Application, body=body))

    async def patch_object(self, application: Application, ref: ObjectRef, patch: Json) -> None:
        """Change a live object by a JSON merge patch, with Argo CD's own rights."""
        params = {**_naming(application, ref), "patchType": "application/merge-patch+json"}
        path = f"/api/v1/applications/{segment(application.name)}/resource"
        await self.http.send("POST", path, Wire, body=json.dumps(patch), params=params)

    async def delete_object(self, application: Application, ref: ObjectRef) -> None:
        """Delete a live object, with Argo CD's own rights."""
        path = f"/api/v1/applications/{segment(application.name)}/resource"
        await self.http.send("DELETE", path, Wire, params=_naming(application, ref))

    async def mark(
        self, application: Application, annotations: Mapping[str, str], *, automated: AutoSync | None, changes: bool
    ) -> Application:
        """Write annotations onto the Application object and, if it `changes`, its automated sync (None: off)."""
        policy: Json = (
            {"prune": automated.prune, "selfHeal": automated.self_heal, "allowEmpty": automated.allow_empty}
            if automated
            else None
        )
        patch: dict[str, Json] = {"metadata": {"annotations": dict(annotations)}}
        if changes:
            patch["spec"] = {"syncPolicy": {"automated": policy}}
        return await self.patch(application, patch)

    async def patch(self, application: Application, patch: Json, *, kind: Literal["merge"] = "merge") -> Application:
        """Change the Application object. Raises ConflictError when it is being changed."""
        body: Json = {
            "name": application.name,
            "patch": json.dumps(patch),
            "patchType": kind,
            **({"appNamespace": application.namespace} if application.namespace else {}),
        }
        path = f"/api/v1/applications/{segment(application.name)}"
        return _application(await self.http.send("PATCH", path, _Application, body=body))

    def link(self, application: Application) -> str:
        """The page of an application."""
        space = f"{segment(application.namespace)}/" if application.namespace else ""
        return self.http.link(f"/applications/{space}{segment(application.name)}")


def _naming(application: Application, ref: ObjectRef) -> dict[str, str | None]:
    return {
        "appNamespace": application.namespace or None,
        "namespace": ref.namespace or None,
        "resourceName": ref.name,
        "version": ref.version,
        "group": ref.group or None,
        "kind": ref.kind,
    }


def _application(item: _Application) -> Application:
    spec, status = item.spec, item.status
    source = spec.source or next(iter(spec.sources), _Source())
    automated = spec.syncPolicy.automated if spec.syncPolicy else None
    return Application(
        name=item.metadata.name,
        namespace=item.metadata.namespace,
        uid=item.metadata.uid,
        annotations={k: v for k, v in (item.metadata.annotations or {}).items() if k.startswith(OWN_ANNOTATIONS)},
        project=spec.project,
        repository=source.repoURL,
        path=source.path,
        target_revision=source.targetRevision,
        sources=max(1, len(spec.sources)),
        destination_namespace=spec.destination.namespace,
        destination_server=spec.destination.server or spec.destination.name,
        sync=status.sync.status,
        revision=status.sync.revision,
        health=status.health.status,
        health_message=status.health.message,
        conditions=tuple(f"{condition.type}: {condition.message}" for condition in status.conditions),
        auto_sync=_auto_sync(automated),
        operation=_operation(status.operationState),
        pending=item.operation is not None,
        history=tuple(sorted((_deployed(entry) for entry in status.history), key=lambda entry: entry.id)),
        resources=tuple(_resource(resource) for resource in status.resources),
    )


def _auto_sync(automated: _Automated | None) -> AutoSync | None:
    if automated is None or not automated.enabled:
        return None
    return AutoSync(prune=automated.prune, self_heal=automated.selfHeal, allow_empty=automated.allowEmpty)


def _operation(state: _OperationState | None) -> Operation | None:
    if state is None:
        return None
    return Operation(
        phase=state.phase,
        message=redact(state.message),
        started_at=state.startedAt,
        finished_at=state.finishedAt,
        revision=(state.syncResult.revision if state.syncResult else "") or state.operation.sync.revision,
        by=state.operation.initiatedBy.username,
    )


def _deployed(entry: _History) -> Deployed:
    return Deployed(
        id=entry.id,
        revision=entry.revision,
        deployed_at=entry.deployedAt,
        started_at=entry.deployStartedAt,
        initiated_by=entry.initiatedBy.username,
    )


def _resource(resource: _Resource) -> ManagedResource:
    health = resource.health or _Health()
    return ManagedResource(
        kind=resource.kind,
        namespace=resource.namespace,
        name=resource.name,
        group=resource.group,
        sync=resource.status,
        health=health.status,
        message=redact(health.message),
    )


def _states(item: _Managed) -> ResourceStates:
    return ResourceStates(
        kind=item.kind,
        namespace=item.namespace,
        name=item.name,
        group=item.group,
        desired=_object(item.predictedLiveState) or _object(item.targetState),
        live=_object(item.normalizedLiveState) or _object(item.liveState),
        modified=item.modified,
    )


def _object(text: str | None) -> str | None:
    """Argo CD writes the word null for an object that is not there."""
    return text if text and text != "null" else None
