"""An Argo CD application and what it manages, as values: what the client reads and the actions write about."""

import json
from datetime import datetime

from incidents.value import Value


class Deployed(Value):
    """One entry of an application's history: what was synchronised when."""

    id: int
    revision: str
    deployed_at: datetime | None = None
    started_at: datetime | None = None
    initiated_by: str = ""
    """A user name; empty when the controller did it by itself."""


class ManagedResource(Value):
    """One object that the application manages, and how it does."""

    kind: str
    namespace: str = ""
    name: str
    group: str = ""
    sync: str = ""
    health: str = ""
    message: str = ""


class Operation(Value):
    """The last operation (sync or rollback)."""

    phase: str
    """Running, Succeeded, Failed, Error, Terminating."""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    revision: str = ""
    by: str = ""


class AutoSync(Value):
    """The automated part of a sync policy; its absence means that people synchronise."""

    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


class Application(Value):
    """One application."""

    name: str
    namespace: str = ""
    """Where the Application object lives."""
    uid: str = ""
    annotations: dict[str, str] = {}
    """Those of Midwatch."""
    project: str = ""
    repository: str = ""
    path: str = ""
    target_revision: str = ""
    sources: int = 1
    destination_namespace: str = ""
    destination_server: str = ""
    sync: str = ""
    """Synced, OutOfSync, Unknown."""
    revision: str = ""
    """The revision that is deployed or compared with."""
    health: str = ""
    health_message: str = ""
    conditions: tuple[str, ...] = ()
    auto_sync: AutoSync | None = None
    operation: Operation | None = None
    pending: bool = False
    """Whether an operation was asked for that is not over: Argo CD begins it when it comes to it."""
    history: tuple[Deployed, ...] = ()
    """Oldest first."""
    resources: tuple[ManagedResource, ...] = ()

    @property
    def level(self) -> bool:
        """Whether no commit waits to be synchronised: what differs from Git was then changed or deleted by hand.

        In a repository of many applications the newest commit is often another one's, and automated sync synchronises
        only what changes a manifest: then what is left differs although the last sync went well.
        """
        if not self.history:
            return False
        well = self.operation is None or self.operation.phase == "Succeeded"
        return self.history[-1].revision == self.revision or (self.auto_sync is not None and well)


class ResourceStates(Value):
    """Desired and live state of one managed object, as JSON text; None when it is not there."""

    kind: str
    namespace: str
    name: str
    group: str = ""
    desired: str | None
    live: str | None
    modified: bool | None = None


class ObjectRef(Value):
    """One live object as Argo CD's requests name it."""

    group: str = ""
    version: str = "v1"
    kind: str
    namespace: str = ""
    name: str

    @classmethod
    def of(cls, state: ResourceStates) -> "ObjectRef":
        """Of an object that the application manages."""
        written = json.loads(state.desired or state.live or "{}")
        version = str(written.get("apiVersion", "v1")).rsplit("/", 1)[-1]
        return cls(group=state.group, version=version, kind=state.kind, namespace=state.namespace, name=state.name)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names it, whatever its version."""
        return self.group, self.kind, self.namespace, self.name
