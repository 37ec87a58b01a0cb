"""The deployment controller: ReplicaSets per template, rolling updates, proportional scaling, rollout history.

Follows kubernetes/pkg/controller/deployment (rolling.go, sync.go): the same order and the same arithmetic, so that a
stuck rollout is stuck with the same number of pods as in a real cluster.
"""

import hashlib
import json
import math
from typing import Any

from worlds.cluster.conditions import set_condition
from worlds.cluster.core import Cluster, changed_owner, controlled, key_of, owner_reference
from worlds.cluster.events import Recorder
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import Change

DEPLOYMENT = kind_named("Deployment")
REPLICASET = kind_named("ReplicaSet")
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
HASH = "pod-template-hash"
_MANAGER = "kube-controller-manager"
_SKIPPED_ANNOTATIONS = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, DESIRED}


class DeploymentController:
    """Keeps the ReplicaSets of each Deployment as its spec asks."""

    watches = (DEPLOYMENT, REPLICASET)

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._events = Recorder(cluster, component="deployment-controller")
        self._progress: dict[str, tuple[tuple[str, str], float]] = {}

    def concerns(self, change: Change) -> list[tuple[str, str]]:
        """A Deployment, or one of its ReplicaSets."""
        if change.kind is DEPLOYMENT:
            return [key_of(change.object)]
        return changed_owner(change, of=REPLICASET, kind="Deployment")

    def reconcile(self, namespace: str, name: str) -> None:
        """Do the next step of the rollout."""
        deployment = self._store.find(DEPLOYMENT, namespace=namespace, name=name)
        if deployment is None:
            return
        owned = controlled(self._store, deployment, kind=REPLICASET)
        own = _without_hash(deployment["spec"]["template"])
        current = next((rs for rs in owned if _without_hash(rs["spec"]["template"]) == own), None)
        if current is None:
            self._add_replicaset(deployment, owned)
            return
        old = [rs for rs in owned if rs is not current]
        if self._mark_revision(deployment, current, old):
            return
        if deployment["spec"].get("paused"):
            self._update_status(deployment, current, old)
            return
        if not self._scale(deployment, current, old):
            self._update_status(deployment, current, old)
            self._forget_history(deployment, old)

    def _add_replicaset(self, deployment: JsonObject, owned: list[JsonObject]) -> None:
        own = deployment["spec"]["template"]
        digest = template_hash(own)
        labels = {**own["metadata"].get("labels", {}), HASH: digest}
        template = {**own, "metadata": {**own["metadata"], "labels": labels}}
        spec = deployment["spec"]
        revision = str(max([int(revision_of(rs)) for rs in owned], default=0) + 1)
        first = spec["replicas"] if not owned else 0
        annotations = {REVISION: revision, DESIRED: str(spec["replicas"])}
        annotations |= {
            k: v for k, v in deployment["metadata"].get("annotations", {}).items() if k not in _SKIPPED_ANNOTATIONS
        }
        body: JsonObject = {
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{digest}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": first,
                "selector": {"matchLabels": {**spec["selector"]["matchLabels"], HASH: digest}},
                "template": template,
                **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            },
            "status": {"replicas": 0},
        }
        self._store.create(REPLICASET, body, manager=_MANAGER)
        if first:
            self._say_scaled(deployment, body, 0, first)

    def _mark_revision(self, deployment: JsonObject, current: JsonObject, old: list[JsonObject]) -> bool:
        """Give the current template the highest revision (a rollback makes an old one current). True when written."""
        newest = max([int(revision_of(rs)) for rs in old], default=0)
        revision = revision_of(current) if int(revision_of(current)) > newest else str(newest + 1)
        changed = self._annotate(REPLICASET, current, REVISION, revision)
        return self._annotate(DEPLOYMENT, deployment, REVISION, revision) or changed

    def _annotate(self, kind: Any, obj: JsonObject, name: str, value: str) -> bool:
        if obj["metadata"].get("annotations", {}).get(name) == value:
            return False
        self._store.replace(kind, _annotated(obj, name, value), manager=_MANAGER)
        return True

    def _scale(self, deployment: JsonObject, current: JsonObject, old: list[JsonObject]) -> bool:
        """Do one step of scaling. True when something was written: the change brings us back here."""
        spec = deployment["spec"]
        wanted = spec["replicas"]
        live = [rs for rs in [current, *old] if rs["spec"]["replicas"] > 0]
        if any(desired_of(rs) != wanted for rs in live):
            return self._scale_in_proportion(deployment, live)
        if spec.get("strategy", {}).get("type") == "Recreate":
            return self._recreate(deployment, current, old)
        return self._grow_new(deployment, current, live) or self._shrink_old(deployment, current, old)

    def _scale_in_proportion(self, deployment: JsonObject, live: list[JsonObject]) -> bool:
        wanted = deployment["spec"]["replicas"]
        surge, _ = self._bounds(deployment)
        allowed = wanted + surge if len(live) > 1 else wanted
        before = desired_of(live[0]) + (surge if len(live) > 1 else 0)
        left = allowed - sum(rs["spec"]["replicas"] for rs in live) if wanted else 0
        for rs in sorted(live, key=lambda rs: (-rs["spec"]["replicas"], rs["metadata"]["creationTimestamp"])):
            have = rs["spec"]["replicas"]
            share = round(have * allowed / before) - have if before else 0
            step = max(min(share, left), 0) if left > 0 else min(max(share, left), 0)
            if rs is live[-1] and len(live) == 1:
                step = left
            left -= step
            target = 0 if wanted == 0 else have + step
            self._resize(deployment, rs, target)
        return True

    def _recreate(self, deployment: JsonObject, current: JsonObject, old: list[JsonObject]) -> bool:
        running = [rs for rs in old if rs["spec"]["replicas"] > 0]
        for rs in running:
            self._resize(deployment, rs, 0)
        if running or any(rs.get("status", {}).get("replicas", 0) for rs in old):
            return bool(running)
        return self._resize(deployment, current, deployment["spec"]["replicas"])

    def _grow_new(self, deployment: JsonObject, current: JsonObject, live: list[JsonObject]) -> bool:
        wanted, have = deployment["spec"]["replicas"], current["spec"]["replicas"]
        surge, _ = self._bounds(deployment)
        total = sum(rs["spec"]["replicas"] for rs in live if rs is not current) + have
        if have > wanted:
            return self._resize(deployment, current, wanted)
        room = wanted + surge - total
        return room > 0 and have < wanted and self._resize(deployment, current, have + min(room, wanted - have))

    def _shrink_old(self, deployment: JsonObject, current: JsonObject, old: list[JsonObject]) -> bool:
        wanted = deployment["spec"]["replicas"]
        _, unavailable = self._bounds(deployment)
        running = sorted(
            (rs for rs in old if rs["spec"]["replicas"] > 0), key=lambda rs: rs["metadata"]["creationTimestamp"]
        )
        if not running:
            return False
        least = wanted - unavailable
        total = sum(rs["spec"]["replicas"] for rs in [*old, current])
        new_unavailable = current["spec"]["replicas"] - available_of(current)
        budget = total - least - new_unavailable
        if budget <= 0:
            return False
        done = False
        for rs in running:
            sick = rs["spec"]["replicas"] - available_of(rs)
            step = min(sick, budget)
            if step > 0:
                done = self._resize(deployment, rs, rs["spec"]["replicas"] - step) or done
                budget -= step
        if done:
            return True
        spare = sum(available_of(rs) for rs in [*old, current]) - least
        for rs in running:
            step = min(rs["spec"]["replicas"], spare)
            if step > 0:
                done = self._resize(deployment, rs, rs["spec"]["replicas"] - step) or done
                spare -= step
        return done

    def _bounds(self, deployment: JsonObject) -> tuple[int, int]:
        """Return (maxSurge, maxUnavailable) in pods; both zero is not allowed, then one may be unavailable."""
        rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate", {})
        wanted = deployment["spec"]["replicas"]
        surge = in_pods(rolling.get("maxSurge", "25%"), of=wanted, up=True)
        unavailable = in_pods(rolling.get("maxUnavailable", "25%"), of=wanted, up=False)
        return surge, max(unavailable, 0 if surge else 1)

    def _resize(self, deployment: JsonObject, rs: JsonObject, replicas: int) -> bool:
        wanted = str(deployment["spec"]["replicas"])
        before = rs["spec"]["replicas"]
        if before == replicas and rs["metadata"].get("annotations", {}).get(DESIRED) == wanted:
            return False
        new = {**_annotated(rs, DESIRED, wanted), "spec": {**rs["spec"], "replicas": replicas}}
        self._store.replace(REPLICASET, new, manager=_MANAGER)
        if before != replicas:
            self._say_scaled(deployment, rs, before, replicas)
        return True

    def _say_scaled(self, deployment: JsonObject, rs: JsonObject, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {rs['metadata']['name']} from {before} to {after}"
        self._events.note(deployment, "ScalingReplicaSet", message)

    def _update_status(self, deployment: JsonObject, current: JsonObject, old: list[JsonObject]) -> None:
        everything = [current, *old]
        wanted = deployment["spec"]["replicas"]
        available = sum(available_of(rs) for rs in everything)
        total = sum(rs["status"].get("replicas", 0) for rs in everything)
        updated = current["status"].get("replicas", 0)
        status: JsonObject = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": total,
            "updatedReplicas": updated,
            "readyReplicas": sum(rs["status"].get("readyReplicas", 0) for rs in everything),
            "availableReplicas": available,
            "unavailableReplicas": max(wanted - available, 0),
            "conditions": copied(deployment.get("status", {}).get("conditions", [])),
        }
        now = self._cluster.timestamp()
        _, unavailable = self._bounds(deployment)
        enough = available >= wanted - unavailable
        reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
        text = "Deployment has minimum availability." if enough else "Deployment does not have minimum availability."
        set_condition(status["conditions"], "Available", value=enough, reason=reason, message=text, now=now)
        complete = updated == wanted and total == wanted and available == wanted
        self._judge_progress(deployment, current, status, complete=complete)
        new = {**deployment, "metadata": dict(deployment["metadata"]), "status": status}
        self._store.replace(DEPLOYMENT, new, manager=_MANAGER, subresource="status")

    def _judge_progress(
        self, deployment: JsonObject, current: JsonObject, status: JsonObject, *, complete: bool
    ) -> None:
        name, now = current["metadata"]["name"], self._cluster.timestamp()
        key = (current["metadata"]["uid"], revision_of(current))
        before = deployment.get("status", {})
        moved = any(status[k] > before.get(k, 0) for k in ("updatedReplicas", "readyReplicas", "availableReplicas"))
        deadline = float(deployment["spec"].get("progressDeadlineSeconds", 600))
        seen = self._progress.setdefault(deployment["metadata"]["uid"], (key, self._cluster.now))
        if seen[0] != key or moved or complete:
            seen = self._progress[deployment["metadata"]["uid"]] = (key, self._cluster.now)
            if not complete:
                self._cluster.look_again(self, *key_of(deployment), after=deadline + 1)
        late = not complete and self._cluster.now - seen[1] > deadline
        if complete:
            reason, text = "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
        elif late:
            reason, text = "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.'
        else:
            reason, text = "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'
        set_condition(status["conditions"], "Progressing", value=not late, reason=reason, message=text, now=now)

    def _forget_history(self, deployment: JsonObject, old: list[JsonObject]) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        idle = sorted(
            (rs for rs in old if not rs["spec"]["replicas"] and not rs["status"].get("replicas")),
            key=lambda rs: int(revision_of(rs)),
        )
        for rs in idle[: max(len(idle) - limit, 0)]:
            self._store.delete(REPLICASET, namespace=rs["metadata"]["namespace"], name=rs["metadata"]["name"])


def _without_hash(template: JsonObject) -> JsonObject:
    """Return what of a pod template makes a ReplicaSet of its own: all but the hash label."""
    meta = template.get("metadata", {})
    labels = {key: value for key, value in meta.get("labels", {}).items() if key != HASH}
    return {"spec": template.get("spec", {}), "labels": labels, "annotations": meta.get("annotations") or {}}


def template_hash(template: JsonObject) -> str:
    """Return the ten letters that name a template's ReplicaSet."""
    raw = json.dumps(_without_hash(template), sort_keys=True).encode()
    number = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
    safe = "bcdf456789"
    return "".join(safe[int(digit)] for digit in f"{number % 10**10:010d}")


def _annotated(obj: JsonObject, name: str, value: str) -> JsonObject:
    """Return a copy with an annotation."""
    metadata = {**obj["metadata"], "annotations": {**obj["metadata"].get("annotations", {}), name: value}}
    return {**obj, "metadata": metadata}


def revision_of(obj: JsonObject) -> str:
    """Return the revision annotation, 0 when there is none yet."""
    return str(obj["metadata"].get("annotations", {}).get(REVISION, "0"))


def desired_of(rs: JsonObject) -> int:
    """Return for how many replicas of the Deployment the ReplicaSet was last scaled."""
    return int(rs["metadata"].get("annotations", {}).get(DESIRED, rs["spec"]["replicas"]))


def available_of(rs: JsonObject) -> int:
    """Return the available replicas of a ReplicaSet."""
    return int(rs.get("status", {}).get("availableReplicas", 0))


def in_pods(value: int | str, *, of: int, up: bool) -> int:
    """Return an absolute or percentage bound in pods."""
    if isinstance(value, int):
        return value
    exact = float(value.rstrip("%")) * of / 100 if value.endswith("%") else float(value)
    return math.ceil(exact - 1e-9) if up else math.floor(exact + 1e-9)
