"""Argo CD's part: applications that bring the cluster to what Git says, with history, status and diff.

Automated sync without self-heal: a new commit is synced once, a manual change shows as OutOfSync and stays.
"""

from dataclasses import dataclass, field
from functools import lru_cache, partial

import yaml

from worlds.cluster.core import Cluster, key_of
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.repository.git import Commit, Repository

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The manifests of several estates: a few files for each of some dozen workloads, in their last releases.
_FILES_KEPT = 1024
_MANAGER = "argocd-controller"
TRACKING = "argocd.argoproj.io/tracking-id"


@dataclass(frozen=True, kw_only=True)
class SyncRecord:
    """One entry of an application's history. Times are unix seconds."""

    id: int
    revision: str
    started: float
    deployed: float
    initiator: str = ""


@dataclass(kw_only=True)
class Application:
    """One Argo CD application."""

    name: str
    repository: Repository
    path: str
    namespace: str
    automated: bool = True
    policy: JsonObject = field(default_factory=lambda: {"prune": False, "selfHeal": False})
    """What `spec.syncPolicy.automated` says while automated sync is on."""
    annotations: dict[str, str] = field(default_factory=dict)
    history: list[SyncRecord] = field(default_factory=list)
    operation: JsonObject = field(default_factory=dict)
    target: str = "HEAD"

    @property
    def revision(self) -> str:
        """The commit that was last synced; empty when none was."""
        return self.history[-1].revision if self.history else ""


@dataclass(frozen=True, kw_only=True)
class ResourceState:
    """One object of an application: what Git wants and what is there."""

    wanted: JsonObject
    live: JsonObject | None
    synced: bool


class GitOps:
    """All applications of the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.applications: dict[str, Application] = {}

    def add(self, application: Application) -> None:
        """Register an application. It is synced when told so."""
        self.applications[application.name] = application

    def of_workload(self, namespace: str, name: str) -> Application | None:
        """Return the application that manages a workload."""
        application = self.applications.get(name)
        return application if application is not None and application.namespace == namespace else None

    def wanted(self, application: Application, revision: str = "HEAD") -> list[JsonObject]:
        """Return the manifests at a revision."""
        return manifests_in(application.repository.resolve(revision), folder=application.path)

    def sync(
        self,
        application: Application,
        *,
        revision: str = "HEAD",
        initiator: str = "",
        record: bool = True,
        only: frozenset[tuple[str, str, str]] = frozenset(),
    ) -> Commit:
        """Apply the manifests at a revision and note it in the history. `only`: kind, namespace and name of some."""
        commit = application.repository.resolve(revision)
        for manifest in self.wanted(application, commit.sha):
            if not only or (manifest["kind"], *key_of(manifest)) in only:
                self._apply(application, manifest)
        now = self._cluster.now
        if record:
            self.remember(application, commit, initiator=initiator)
        application.operation = {
            "operation": {
                "sync": {"revision": commit.sha},
                "initiatedBy": {"username": initiator} if initiator else {"automated": True},
            },
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "startedAt": now - 2.0,
            "finishedAt": now,
        }
        return commit

    def remember(self, application: Application, commit: Commit, *, initiator: str = "") -> None:
        """Note in the history that a commit was deployed now."""
        number, now = application.history[-1].id + 1 if application.history else 0, self._cluster.now
        entry = SyncRecord(id=number, revision=commit.sha, started=now - 2.0, deployed=now, initiator=initiator)
        application.history = [*application.history, entry][-10:]

    def pushed(self, repository: Repository, commit: Commit, *, delay: float) -> None:
        """React to a new commit: automated applications whose path it touched are synced after a while."""
        for application in self.applications.values():
            mine = application.repository is repository and application.automated
            if mine and touches(repository, commit, folder=application.path):
                self._cluster.after(delay, partial(self._auto, application))

    def _auto(self, application: Application) -> None:
        if application.revision != application.repository.head.sha and application.automated:
            self.sync(application)

    def states(self, application: Application) -> list[ResourceState]:
        """Compare what Git wants with what is there."""
        found = []
        for manifest in self.wanted(application):
            namespace, name = key_of(manifest)
            live = self._cluster.store.find(kind_named(manifest["kind"]), namespace=namespace, name=name)
            synced = live is not None and _same(live, manifest, autoscaled=self._autoscaled(manifest))
            found.append(ResourceState(wanted=manifest, live=live, synced=synced))
        return found

    def _autoscaled(self, manifest: JsonObject) -> bool:
        hpas = self._cluster.store.every(
            kind_named("HorizontalPodAutoscaler"), namespace=manifest["metadata"]["namespace"]
        )
        return any(hpa["spec"]["scaleTargetRef"]["name"] == manifest["metadata"]["name"] for hpa in hpas)

    def _apply(self, application: Application, manifest: JsonObject) -> None:
        """Bring one object to what Git says. The manifest is handed over: the store keeps what it holds."""
        kind = kind_named(manifest["kind"])
        namespace, name = key_of(manifest)
        tracking = f"{application.name}:{kind.group}/{kind.kind}:{namespace}/{name}"
        meta = manifest["metadata"]
        annotations = {**meta.get("annotations", {}), TRACKING: tracking}
        wanted = {**manifest, "metadata": {**meta, "annotations": annotations}}
        live = self._cluster.store.find(kind, namespace=namespace, name=name)
        if live is None:
            self._cluster.store.create(
                kind, {**wanted, "status": {}} if "status" in kind.subresources else wanted, manager=_MANAGER
            )
            return
        metadata = dict(live["metadata"])
        for part in ("labels", "annotations"):
            metadata[part] = {**live["metadata"].get(part, {}), **wanted["metadata"].get(part, {})}
        parts = {part: value for part, value in wanted.items() if part not in {"metadata", "apiVersion", "kind"}}
        new = {**live, **parts, "metadata": metadata}
        if self._autoscaled(manifest) and "replicas" in live.get("spec", {}):
            new["spec"] = {**new["spec"], "replicas": live["spec"]["replicas"]}
        self._cluster.store.replace(kind, new, manager=_MANAGER)


def manifests_in(commit: Commit, *, folder: str) -> list[JsonObject]:
    """Return the manifests below a folder of a commit, in the order in which they are applied."""
    prefix = folder.rstrip("/") + "/"
    texts = [text for path, text in sorted(commit.files.items()) if path.startswith(prefix) and path.endswith(".yaml")]
    documents = [copied(document) for text in texts for document in _documents(text)]
    return sorted(documents, key=_apply_order)


@lru_cache(maxsize=_FILES_KEPT)
def _documents(text: str) -> tuple[JsonObject, ...]:
    """Return the manifests of one file. Kept by its text, for commits change few of many; never hand them out."""
    return tuple(document for document in yaml.load_all(text, Loader=_LOADER) if document and "kind" in document)


def touches(repository: Repository, commit: Commit, *, folder: str) -> bool:
    """Say whether a commit changed something below a folder."""
    prefix = folder.rstrip("/") + "/"
    before = repository.commits[commit.parents[0]].files if commit.parents else {}
    paths = [path for path in {*before, *commit.files} if path.startswith(prefix)]
    return any(before.get(path) != commit.files.get(path) for path in paths)


def _apply_order(manifest: JsonObject) -> int:
    order = ["ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "Service"]
    return order.index(manifest["kind"]) if manifest["kind"] in order else len(order)


def _comparable(obj: JsonObject) -> JsonObject:
    return {key: value for key, value in obj.items() if key not in {"metadata", "status", "apiVersion", "kind"}}


def _same(live: JsonObject, manifest: JsonObject, *, autoscaled: bool) -> bool:
    """Say whether an object is as Git wants it. The replicas of an autoscaled workload are its autoscaler's."""
    wanted = _comparable(manifest)
    if autoscaled and "spec" in wanted:
        wanted["spec"] = {key: value for key, value in wanted["spec"].items() if key != "replicas"}
    return _covers(_comparable(live), wanted)


def _covers(live: object, wanted: object) -> bool:
    """Say whether the live value has everything that is wanted, and lists have nothing more."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_covers(live.get(key), value) for key, value in wanted.items()) and _has_same_keys(live, wanted)
    if isinstance(wanted, list) and isinstance(live, list):
        return len(live) == len(wanted) and all(_covers(a, b) for a, b in zip(live, wanted, strict=True))
    return live == wanted


def _has_same_keys(live: JsonObject, wanted: JsonObject) -> bool:
    """Maps of free keys (data, selectors, env-like) must not have more than Git says."""
    free = {"selector", "matchLabels", "nodeSelector", "limits", "requests", "data"}
    return all(
        set(live.get(key) or {}) == set(wanted.get(key) or {})
        for key in free & {*live, *wanted}
        if isinstance(live.get(key), dict)
    )
