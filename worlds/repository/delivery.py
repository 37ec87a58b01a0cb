"""How changes reach the cluster: commit, workflow run, deployment record, Argo CD sync; or a hand on kubectl."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

import yaml

from worlds.cluster.core import Cluster, key_of
from worlds.estate.edits import edited
from worlds.estate.manifests import Manifests, manifests_of
from worlds.objects.kinds import kind_named
from worlds.repository.forge import Forge, WorkflowRun
from worlds.repository.git import Commit, Person, Repository
from worlds.repository.gitops import Application, GitOps, manifests_in, touches
from worlds.repository.sources import source_files, subject
from worlds.scenario.change import Change
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Workload, WorkloadKind

# Seconds before the rollout starts: the commit lands, the build is done, the deployment is recorded.
_COMMIT_BEFORE, _BUILT_BEFORE, _RECORDED_BEFORE = 170.0, 35.0, 20.0
_SYNC_AFTER_PUSH = 45.0
# How long a pipeline that deploys by itself takes from the push to kubectl apply.
_PIPELINE = 110.0
# The manifests of several estates: a few for each of some dozen workloads, in their last releases.
_MANIFESTS_KEPT = 1024
_SAFE_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_PEOPLE = (
    "checkout-dev",
    "storefront-dev",
    "catalog-dev",
    "payments-dev",
    "inventory-dev",
    "data-dev",
    "platform-dev",
    "mobile-dev",
    "search-dev",
    "release-dev",
)
"""Who commits: accounts of roles, because worlds have no people."""


@dataclass(kw_only=True)
class Managed:
    """A workload with its repository and, when it is under GitOps, its application."""

    workload: Workload
    repository: Repository
    manifests: Manifests
    application: Application | None
    folder: str
    releases: int = 0
    extra_files: dict[str, str] = field(default_factory=dict)


class Delivery:
    """Commits and rolls out changes of the estate's workloads."""

    def __init__(self, estate: Estate, *, cluster: Cluster, forge: Forge, gitops: GitOps) -> None:
        self._estate = estate
        self._cluster = cluster
        self._forge = forge
        self._gitops = gitops
        self.managed: dict[str, Managed] = {}
        forge.on_push.append(self._on_push)

    def person(self, name: str, *, for_what: str) -> Person:
        """Return somebody by name, or whoever is drawn for this."""
        full = name or _PEOPLE[int(self._cluster.chance.between(0, len(_PEOPLE), "person", for_what))]
        return Person(name=full, email=f"{full.lower().replace(' ', '.')}@{self._estate.organisation}.example")

    def adopt(self, workload: Workload) -> Managed:
        """Give a workload its repository and application. Nothing is committed yet."""
        name = workload.repository or workload.name
        full = name if "/" in name else f"{self._estate.organisation}/{name}"
        repository = self._forge.repository(full)
        folder = workload.manifests.strip("/")
        managed = Managed(
            workload=workload,
            repository=repository,
            manifests=manifests_of(workload, estate=self._estate),
            application=None,
            folder=folder,
        )
        if workload.gitops:
            application = Application(
                name=workload.name, repository=repository, path=folder, namespace=workload.namespace
            )
            self._gitops.add(application)
            managed.application = application
        self.managed[workload.key] = managed
        return managed

    def release(
        self,
        key: str,
        change: Change,
        *,
        at: float,
        message: str = "",
        author: str = "",
        code: Mapping[str, str] | None = None,
    ) -> None:
        """Plan a deploy through the pipeline: the rollout starts at `at` (unix seconds)."""
        managed = self.managed[key]
        who = self.person(author, for_what=f"{key}/{at}")
        box: list[Commit] = []
        agenda = self._cluster.agenda
        agenda.put(
            at - _COMMIT_BEFORE,
            lambda: box.append(self._commit(managed, change, who, message, code, at=at - _COMMIT_BEFORE)),
        )
        agenda.put(at - _RECORDED_BEFORE, lambda: self._record(managed, box[0], at=at - _RECORDED_BEFORE))
        agenda.put(at, lambda: self.roll_out(managed, box[0]))

    def commit_now(
        self,
        managed: Managed,
        change: Change,
        *,
        who: Person,
        message: str,
        at: float,
        code: Mapping[str, str] | None = None,
    ) -> Commit:
        """Commit a change and record its pipeline as finished, without rolling it out."""
        commit = self._commit(managed, change, who, message, code, at=at - _COMMIT_BEFORE)
        self._record(managed, commit, at=at - _RECORDED_BEFORE)
        return commit

    def commit_only(self, managed: Managed, change: Change, *, who: Person, message: str, at: float) -> Commit:
        """Commit a change that no pipeline takes further."""
        return self._commit(managed, change, who, message, None, at=at)

    def roll_out(self, managed: Managed, commit: Commit) -> None:
        """Bring a commit into the cluster, the workload's way."""
        if managed.application is not None:
            self._gitops.sync(managed.application, revision=commit.sha)
            return
        for kind, manifest in managed.manifests.items():
            self.put_live(kind, manifest, manager="kubectl-client-side-apply")

    def _on_push(self, repository: Repository, commit: Commit) -> None:
        """React to a commit that reached the default branch: Argo CD syncs, or the workload's own pipeline deploys."""
        self._gitops.pushed(repository, commit, delay=_SYNC_AFTER_PUSH)
        for managed in self.managed.values():
            mine = managed.repository is repository and managed.application is None
            if mine and touches(repository, commit, folder=managed.folder):
                now = self._cluster.now
                run = self._forge.run(repository, commit, workflow="deploy", created=now + 3, updated=now + 3)
                run.status, run.conclusion = "in_progress", None
                self._cluster.after(_PIPELINE, partial(self._pipeline_done, managed, commit, run))

    def _pipeline_done(self, managed: Managed, commit: Commit, run: WorkflowRun) -> None:
        run.status, run.conclusion, run.updated = "completed", "success", self._cluster.now
        found = {manifest["kind"]: manifest for manifest in manifests_in(commit, folder=managed.folder)}
        managed.manifests = {**managed.manifests, **found}
        self.roll_out(managed, commit)
        deployment = self._forge.deploy(
            managed.repository,
            commit,
            environment=self._estate.environment,
            at=self._cluster.now,
            description=f"Deploy {managed.workload.name} {_tag_of(managed)}",
        )
        self._forge.status(deployment, "success", at=self._cluster.now + 1)

    def put_live(self, kind_name: str, manifest: Mapping[str, object], *, manager: str) -> None:
        """Write one manifest straight into the cluster."""
        kind = kind_named(kind_name)
        namespace, name = key_of(dict(manifest))
        live = self._cluster.store.find(kind, namespace=namespace, name=name)
        if live is None:
            self._cluster.store.create(
                kind, {**manifest, **({"status": {}} if "status" in kind.subresources else {})}, manager=manager
            )
            return
        new = {**live, "metadata": dict(live["metadata"])}
        new |= {part: value for part, value in manifest.items() if part not in {"metadata", "apiVersion", "kind"}}
        self._cluster.store.replace(kind, new, manager=manager)

    def edit_live(self, key: str, change: Change, *, manager: str) -> None:
        """Change the objects in the cluster by hand; Git does not hear of it."""
        live = self.live_manifests(key)
        for kind, after in edited(live, change=change).items():
            if after != live[kind]:
                self._cluster.store.replace(kind_named(kind), after, manager=manager)

    def live_manifests(self, key: str) -> Manifests:
        """Return the objects of a workload as they are in the cluster, by kind."""
        live: Manifests = {}
        for kind, manifest in self.managed[key].manifests.items():
            namespace, name = key_of(manifest)
            found = self._cluster.store.find(kind_named(kind), namespace=namespace, name=name)
            if found is not None:
                live[kind] = found
        return live

    def _commit(
        self, managed: Managed, change: Change, who: Person, message: str, code: Mapping[str, str] | None, *, at: float
    ) -> Commit:
        managed.manifests = edited(managed.manifests, change=change)
        if managed.workload.kind is not WorkloadKind.JOB and change.tag is not None:
            managed.releases += 1
        managed.extra_files |= code or {}
        text = message or f"{subject(managed.workload, release=managed.releases, chance=self._cluster.chance)}"
        before = managed.repository.branches.get(managed.repository.default_branch)
        files = dict(managed.repository.head.files) if before else {}
        return managed.repository.commit({**files, **self._files(managed)}, author=who, at=at, message=text)

    def _files(self, managed: Managed) -> dict[str, str]:
        """Return the workload's files; in a repository of many workloads below its own folder."""
        root = managed.folder.rpartition("/")[0]
        prefix = f"{root}/" if root else ""
        sources = source_files(managed.workload, release=managed.releases, chance=self._cluster.chance)
        files = {f"{prefix}{path}": text for path, text in {**sources, **managed.extra_files}.items()}
        for kind, manifest in managed.manifests.items():
            files[f"{managed.folder}/{kind.lower()}.yaml"] = _as_yaml(json.dumps(manifest))
        return files

    def _record(self, managed: Managed, commit: Commit, *, at: float) -> None:
        forge, repository = self._forge, managed.repository
        created = commit.at + 3
        forge.run(repository, commit, workflow="build", created=created, updated=at - _BUILT_BEFORE + _RECORDED_BEFORE)
        description = f"Deploy {managed.workload.name} {managed.workload.tag}"
        tag = _tag_of(managed)
        deployment = forge.deploy(
            repository,
            commit,
            environment=self._estate.environment,
            at=at,
            description=description.replace(managed.workload.tag, tag),
        )
        forge.status(deployment, "in_progress", at=at + 1)
        self._cluster.agenda.put(
            max(at + _RECORDED_BEFORE + 15, self._cluster.now),
            lambda: forge.status(deployment, "success", at=at + _RECORDED_BEFORE + 15),
        )


@lru_cache(maxsize=_MANIFESTS_KEPT)
def _as_yaml(manifest: str) -> str:
    """Return a manifest as its file has it. It comes as JSON, by which it is kept: commits change few of many."""
    return str(yaml.dump(json.loads(manifest), Dumper=_SAFE_DUMPER, sort_keys=False, width=120))


def _tag_of(managed: Managed) -> str:
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        if kind in managed.manifests:
            template = managed.manifests[kind]["spec"]["template"]
            return str(template["metadata"]["labels"].get("app.kubernetes.io/version", ""))
    return ""
