"""Rollouts: what was, what is wanted, how far it has come, and patches that change exactly that."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.entity import EntityKind
from tools.kubernetes.document import Document
from tools.kubernetes.history import kept_revisions, plain_template
from tools.kubernetes.json_patch import annotate, drop, pointer, put
from tools.kubernetes.metadata import kind_of
from tools.kubernetes.probes.revisions import rollout_of
from tools.kubernetes.rollout_status import rollout_status
from tools.kubernetes.workload import read_workload

REVISION = "deployment.kubernetes.io/revision"


def template(image: str, **labels: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "app", "image": image}]}
    return {"metadata": {"labels": {"app": "x", **labels}, "creationTimestamp": None}, "spec": spec}


def replicaset(number: int, image: str, *, created: str, **annotations: str) -> Document:
    marks = {REVISION: str(number), **annotations}
    meta = {"name": f"x-{number}", "annotations": marks, "creationTimestamp": created}
    return Document({"metadata": meta, "spec": {"template": template(image, **{"pod-template-hash": f"h{number}"})}})


def deployment(number: int, image: str) -> Document:
    written = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}
    managers = [{"manager": "kubectl-edit", "time": "2026-11-17T02:40:00Z", "fieldsV1": written}]
    meta = {"name": "x", "uid": "1", "annotations": {REVISION: str(number)}, "managedFields": managers}
    return Document({"metadata": meta, "spec": {"template": template(image)}})


def test_the_history_of_a_deployment_is_told_newest_first_with_exact_changes() -> None:
    old, new = (replicaset(n, f"shop/x:{n}", created=f"2026-11-17T0{n}:00:00Z") for n in (1, 2))
    rollout = rollout_of(deployment(2, "shop/x:2"), [old, new], cluster="c", kind=EntityKind.DEPLOYMENT)
    assert [revision.number for revision in rollout.revisions] == [2, 1]
    assert rollout.current is not None
    assert (rollout.current.actor, rollout.current.images) == ("kubectl-edit", ("shop/x:2",))
    assert [(c.path, c.before, c.after) for c in rollout.current.changes] == [
        ("spec.template.spec.containers[app].image", "shop/x:1", "shop/x:2")
    ]
    assert rollout.current.deployed == rollout.current.created
    assert rollout.previous is rollout.at(1)


def test_the_actor_of_a_revision_is_who_wrote_what_changed() -> None:
    image = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}}}}
    everything = {"f:spec": {"f:template": {"f:spec": {"f:restartPolicy": {}}}}}
    managers = [
        {"manager": "helm", "time": "2026-11-17T02:40:00Z", "fieldsV1": everything},
        {"manager": "kubectl-set", "time": "2026-11-17T02:40:00Z", "fieldsV1": image},
    ]
    meta = {"name": "x", "uid": "1", "annotations": {REVISION: "2"}, "managedFields": managers}
    owner = Document({"metadata": meta, "spec": {"template": template("shop/x:2")}})
    kept = [replicaset(n, f"shop/x:{n}", created=f"2026-11-17T0{n}:00:00Z") for n in (1, 2)]
    current = rollout_of(owner, kept, cluster="c", kind=EntityKind.DEPLOYMENT).current
    assert current is not None
    assert current.actor == "kubectl-set"


def test_a_revision_that_was_rolled_back_to_was_deployed_when_it_was_written_last() -> None:
    marks = {"deployment.kubernetes.io/revision-history": "1", "kubernetes.io/change-cause": "roll back"}
    back = replicaset(3, "shop/x:1", created="2026-11-17T01:00:00Z", **marks)
    between = replicaset(2, "shop/x:2", created="2026-11-17T02:00:00Z")
    rollout = rollout_of(deployment(3, "shop/x:1"), [between, back], cluster="c", kind=EntityKind.DEPLOYMENT)
    assert rollout.current is not None
    assert (rollout.current.history, rollout.current.cause) == ((1,), "roll back")
    assert rollout.current.deployed is not None
    assert rollout.current.created is not None
    assert f"{rollout.current.deployed:%H:%M}" == "02:40"
    assert f"{rollout.current.created:%H:%M}" == "01:00"


def test_the_history_of_a_statefulset_is_kept_in_controller_revisions() -> None:
    def kept(name: str, number: int, image: str) -> Document:
        patch = {"spec": {"template": {"$patch": "replace", **template(image)}}}
        return Document({"metadata": {"name": name}, "revision": number, "data": patch})

    workload = Document({"metadata": {"name": "x"}, "spec": {}, "status": {"updateRevision": "x-b"}})
    found = kept_revisions(workload, [kept("x-a", 1, "a"), kept("x-b", 2, "b")], kind=EntityKind.STATEFULSET)
    assert [(one.number, one.current) for one in found] == [(2, True), (1, False)]
    assert found[0].template == plain_template(Document(template("b"))), "without what the controller added"


def workload(kind: EntityKind = EntityKind.DEPLOYMENT, *, generation: int = 2, **status: Any) -> Any:
    body = {
        "metadata": {"name": "x", "generation": generation},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 2, **status},
    }
    return read_workload(Document(body), cluster="c", kind=kind)


ALL = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
LATE = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}


@pytest.mark.parametrize(
    ("found", "done", "stuck", "text"),
    [
        pytest.param(workload(**ALL), True, False, "3/3 ready", id="all new and available"),
        pytest.param(workload(**{**ALL, "replicas": 4}), False, False, "3/3 ready", id="an old pod is still there"),
        pytest.param(workload(**{**ALL, "updatedReplicas": 2}), False, False, "2/3 ready", id="old pods among them"),
        pytest.param(workload(**{**ALL, "availableReplicas": 2}), False, False, "3/3 ready", id="ready but not long enough"),
        pytest.param(workload(generation=3, **ALL), False, False, "3/3 ready; the controller has not seen the change yet", id="not seen yet"),
        pytest.param(workload(**{**ALL, "updatedReplicas": 1, **LATE}), False, True, "1/3 ready; it made no progress within its deadline", id="given up"),
        pytest.param(workload(EntityKind.STATEFULSET, **ALL, currentRevision="a", updateRevision="b"), False, False, "3/3 ready", id="a set between two revisions"),
        pytest.param(workload(EntityKind.STATEFULSET, **ALL, currentRevision="b", updateRevision="b"), True, False, "3/3 ready", id="a set that is through"),
    ],
)  # fmt: skip
def test_how_far_a_rollout_is(found: Any, done: bool, stuck: bool, text: str) -> None:
    status = rollout_status(found)
    assert (status.done, status.stuck, status.text) == (done, stuck, text)


def test_patches_make_what_is_missing_and_escape_what_they_name() -> None:
    item = Document({"metadata": {"annotations": {"a/b": "1"}}, "spec": {}})
    assert pointer("metadata", "annotations", "a/b~c") == "/metadata/annotations/a~1b~0c"
    assert put(item, ["spec", "replicas"], 3) == [{"op": "add", "path": "/spec/replicas", "value": 3}]
    assert put(item, ["spec", "template", "metadata", "x"], "y") == [
        {"op": "add", "path": "/spec/template", "value": {"metadata": {"x": "y"}}}
    ]
    assert drop(item, ["spec", "unschedulable"]) == []
    assert annotate(Document({"metadata": {}}), {"k": "v"}) == [
        {"op": "add", "path": "/metadata/annotations", "value": {"k": "v"}}
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Deployment", EntityKind.DEPLOYMENT),
        ("Rollout", None),
        ("Workflow", None),
        ("Pod", EntityKind.POD),
        ("Widget", None),
    ],
)
def test_custom_resources_are_not_taken_for_others_of_their_name(kind: str, expected: EntityKind | None) -> None:
    assert kind_of(kind) is expected
