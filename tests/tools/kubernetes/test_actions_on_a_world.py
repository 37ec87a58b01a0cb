"""Every action on a served estate: previewed, applied under its fence, observed, taken back; and refused when it must be."""

from __future__ import annotations

import pytest

from incidents.action import ActionOutcome, ActionRequest, Reversibility
from incidents.ids import ActionKind, EntityId
from incidents.topology import Topology
from incidents.value import Scalar
from tests.tools.kubernetes.conftest import Served
from tools.action import actions
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.kubernetes.change import FROM, KEY
from tools.kubernetes.document import Document
from tools.kubernetes.wire import PatchKind

CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
LIMIT = "spec.template.spec.containers[checkout].resources.limits.memory"


def request(served: Served, kind: str, path: str = "shop/deployment/checkout", **arguments: Scalar) -> ActionRequest:
    return ActionRequest(kind=ActionKind(kind), target=EntityId(served.id(path)), arguments=arguments)


async def read(served: Served, path: str = CHECKOUT) -> Document:
    assert served.cluster.kubernetes is not None
    return await served.cluster.kubernetes.get(path)


def limit(item: Document) -> str:
    return item.items("spec", "template", "spec", "containers")[0].word("resources", "limits", "memory")


async def edit(served: Served, **spec: object) -> None:
    """Somebody else changes the deployment."""
    assert served.writing.kubernetes is not None
    await served.writing.kubernetes.patch(CHECKOUT, {"spec": dict(spec)}, kind=PatchKind.MERGE)  # type: ignore[dict-item]


async def test_a_rollback_is_previewed_applied_once_observed_and_taken_back(served: Served) -> None:
    action, asked = actions()[ActionKind("rollback_workload")], request(served, "rollback_workload")
    snapshot = await action.capture(served.writing, asked)
    preview = await action.preview(served.writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert preview.by == "server-side dry-run"
    changed = {change.path: (change.before, change.after) for change in preview.diff}
    assert changed[LIMIT] == ("256Mi", "512Mi")
    assert limit(await read(served)) == "256Mi", "a preview changes nothing"
    title, undo = action.summarise(asked, snapshot)
    assert title == "Roll checkout back to revision 4"
    assert undo.startswith("put revision 5 back")
    before = await action.observe(served.writing, asked, snapshot, "key-1")
    assert before.outcome is ActionOutcome.NOT_HAPPENED

    await action.apply(served.writing, asked, snapshot, "key-1")
    item = await read(served)
    assert limit(item) == "512Mi"
    marks = item.mapping("metadata", "annotations")
    assert marks[KEY] == "key-1"
    assert marks[FROM] == snapshot.fence.content
    assert marks["midwatch.dev/incident"] == "inc-test"
    again = await action.apply(served.writing, asked, snapshot, "key-1")
    assert "before" in again.detail
    assert (await read(served)).whole("metadata", "generation") == item.whole("metadata", "generation")

    await served.world.advance(240)
    progress = await action.observe(served.writing, asked, snapshot, "key-1")
    assert progress.outcome is ActionOutcome.HAPPENED
    assert progress.done, progress.text
    assert progress.text == "6/6 ready"

    await action.undo(served.writing, asked, snapshot, "key-2")
    assert limit(await read(served)) == "256Mi"
    undone = await action.observe(served.writing, asked, snapshot, "key-2")
    assert undone.outcome is ActionOutcome.HAPPENED
    with pytest.raises(ConflictError, match="no longer carries"):
        await action.undo(served.writing, asked, snapshot, "key-3")


async def test_a_rollback_does_not_run_when_the_template_was_edited_after_the_approval(served: Served) -> None:
    action, asked = actions()[ActionKind("rollback_workload")], request(served, "rollback_workload", to_revision=4)
    snapshot = await action.capture(served.writing, asked)
    await edit(served, template={"metadata": {"labels": {"edited": "yes"}}})
    with pytest.raises((ConflictError, PermanentError)):
        await action.apply(served.writing, asked, snapshot, "key-1")
    assert limit(await read(served)) == "256Mi"


async def test_an_undo_does_not_run_when_somebody_changed_the_template_since(served: Served) -> None:
    action, asked = actions()[ActionKind("rollback_workload")], request(served, "rollback_workload")
    snapshot = await action.capture(served.writing, asked)
    await action.apply(served.writing, asked, snapshot, "key-1")
    await edit(served, template={"metadata": {"labels": {"edited": "yes"}}})
    with pytest.raises(ConflictError, match="changed again"):
        await action.undo(served.writing, asked, snapshot, "key-2")


@pytest.mark.parametrize(
    ("kind", "path", "arguments", "because"),
    [
        pytest.param("rollback_workload", "shop/deployment/checkout", {"to_revision": 99}, "no such revision", id="a revision that is not kept"),
        pytest.param("rollback_workload", "shop/deployment/checkout", {"to_revision": 5}, "already has", id="the revision that is there"),
        pytest.param("scale_workload", "shop/deployment/checkout", {"replicas": 6}, "already has 6", id="the number that is there"),
        pytest.param("scale_workload", "shop/deployment/checkout", {"replicas": -1}, "from 0 to", id="a negative number"),
        pytest.param("scale_workload", "shop/deployment/checkout", {"replicas": "many"}, "from 0 to", id="no number"),
        pytest.param("set_resources", "shop/deployment/checkout", {}, "nothing to set", id="nothing to set"),
        pytest.param("set_resources", "shop/deployment/checkout", {"memory_limit": "1Ki"}, "between 4Mi", id="a limit of nothing"),
        pytest.param("set_resources", "shop/deployment/checkout", {"memory_limit": "lots"}, "quantity", id="no quantity"),
        pytest.param("set_resources", "shop/deployment/checkout", {"container": "nope", "memory_limit": "1Gi"}, "no container", id="no such container"),
        pytest.param("restart_workload", "shop/service/checkout", {}, "is for deployment", id="a target of another kind"),
    ],
)  # fmt: skip
@pytest.mark.asyncio(loop_scope="module")
async def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    seen: Served, kind: str, path: str, arguments: dict[str, Scalar], because: str
) -> None:
    with pytest.raises(PermanentError, match=because):
        await actions()[ActionKind(kind)].capture(seen.writing, request(seen, kind, path, **arguments))


@pytest.mark.asyncio(loop_scope="module")
async def test_a_target_that_does_not_exist_is_said_so(seen: Served) -> None:
    asked = request(seen, "restart_workload", "shop/deployment/nothing")
    with pytest.raises(NotFoundError):
        await actions()[ActionKind("restart_workload")].capture(seen.writing, asked)


async def test_resources_are_set_of_one_container_and_put_back(served: Served) -> None:
    asked = request(served, "set_resources", memory_limit=536870912 * 1.25)
    action = actions()[ActionKind("set_resources")]
    snapshot = await action.capture(served.writing, asked)
    preview = await action.preview(served.writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert [(change.path, change.before, change.after) for change in preview.diff] == [(LIMIT, "256Mi", "640Mi")]
    await action.apply(served.writing, asked, snapshot, "key-1")
    assert limit(await read(served)) == "640Mi"
    await action.undo(served.writing, asked, snapshot, "key-2")
    assert limit(await read(served)) == "256Mi"


@pytest.mark.asyncio(loop_scope="module")
async def test_scaling_says_who_will_have_their_way(seen: Served) -> None:
    asked = request(seen, "scale_workload", "shop/deployment/catalog", replicas=9)
    action = actions()[ActionKind("scale_workload")]
    snapshot = await action.capture(seen.writing, asked)
    preview = await action.preview(seen.writing, asked, snapshot)
    assert preview.accepted
    assert [(change.path, change.before, change.after) for change in preview.diff] == [("spec.replicas", "4", "9")]
    assert any("autoscaler catalog" in warning for warning in preview.warnings)
    assert any("Argo CD application" in warning for warning in preview.warnings)
    assert action.summarise(asked, snapshot)[0] == "Scale catalog from 4 to 9"


async def test_scaling_is_not_undone_when_somebody_scaled_again(served: Served) -> None:
    asked = request(served, "scale_workload", replicas=9)
    action = actions()[ActionKind("scale_workload")]
    snapshot = await action.capture(served.writing, asked)
    await action.apply(served.writing, asked, snapshot, "key-1")
    await edit(served, replicas=7)
    with pytest.raises(ConflictError, match="scaled to 7"):
        await action.undo(served.writing, asked, snapshot, "key-2")


async def test_a_restart_gives_new_pods_and_cannot_be_taken_back(served: Served) -> None:
    asked = request(served, "restart_workload", "shop/deployment/cart")
    action = actions()[ActionKind("restart_workload")]
    assert action.card.reversibility is Reversibility.IRREVERSIBLE
    snapshot = await action.capture(served.writing, asked)
    preview = await action.preview(served.writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert [change.path for change in preview.diff] == [
        'spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]'
    ]
    await action.apply(served.writing, asked, snapshot, "key-1")
    await served.world.advance(240)
    progress = await action.observe(served.writing, asked, snapshot, "key-1")
    assert progress.done, progress.text
    with pytest.raises(PermanentError, match="cannot be taken back"):
        await action.undo(served.writing, asked, snapshot, "key-2")


async def test_a_node_is_cordoned_and_uncordoned(served: Served) -> None:
    assert served.cluster.kubernetes is not None
    node = (await served.cluster.kubernetes.list("/api/v1/nodes")).items[0].word("metadata", "name")
    asked = request(served, "cordon_node", f"-/node/{node}")
    action = actions()[ActionKind("cordon_node")]
    snapshot = await action.capture(served.writing, asked)
    await action.apply(served.writing, asked, snapshot, "key-1")
    assert (await read(served, f"/api/v1/nodes/{node}")).flag("spec", "unschedulable")
    with pytest.raises(PermanentError, match="cordoned already"):
        await action.capture(served.writing, asked)
    await action.undo(served.writing, asked, snapshot, "key-2")
    assert not (await read(served, f"/api/v1/nodes/{node}")).flag("spec", "unschedulable")


async def test_a_node_is_opened_again_and_closed_as_it_was(served: Served) -> None:
    assert served.cluster.kubernetes is not None
    node = (await served.cluster.kubernetes.list("/api/v1/nodes")).items[0].word("metadata", "name")
    closing, opening = actions()[ActionKind("cordon_node")], actions()[ActionKind("uncordon_node")]
    asked = request(served, "uncordon_node", f"-/node/{node}")
    with pytest.raises(PermanentError, match="takes new pods already"):
        await opening.capture(served.writing, asked)
    closed = request(served, "cordon_node", f"-/node/{node}")
    await closing.apply(served.writing, closed, await closing.capture(served.writing, closed), "key-1")
    snapshot = await opening.capture(served.writing, asked)
    await opening.apply(served.writing, asked, snapshot, "key-2")
    assert not (await read(served, f"/api/v1/nodes/{node}")).flag("spec", "unschedulable")
    await opening.undo(served.writing, asked, snapshot, "key-3")
    assert (await read(served, f"/api/v1/nodes/{node}")).flag("spec", "unschedulable")


async def test_a_pod_is_evicted_and_its_controller_makes_another(served: Served) -> None:
    assert served.cluster.kubernetes is not None
    listed = await served.cluster.kubernetes.list(
        "/api/v1/namespaces/shop/pods", query={"labelSelector": "app.kubernetes.io/name=cart"}
    )
    name = listed.items[0].word("metadata", "name")
    asked = request(served, "delete_pod", f"shop/pod/{name}")
    action = actions()[ActionKind("delete_pod")]
    snapshot = await action.capture(served.writing, asked)
    preview = await action.preview(served.writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert (await action.observe(served.writing, asked, snapshot, "k")).outcome is ActionOutcome.NOT_HAPPENED
    await action.apply(served.writing, asked, snapshot, "k")
    await served.world.advance(120)
    progress = await action.observe(served.writing, asked, snapshot, "k")
    assert progress.outcome is ActionOutcome.HAPPENED
    assert progress.done
    left = await served.cluster.kubernetes.list(
        "/api/v1/namespaces/shop/pods", query={"labelSelector": "app.kubernetes.io/name=cart"}
    )
    assert name not in [item.word("metadata", "name") for item in left.items]
    assert len(left.items) == len(listed.items)


@pytest.mark.parametrize(
    "kind",
    [
        "rollback_workload",
        "restart_workload",
        "scale_workload",
        "set_resources",
        "cordon_node",
        "uncordon_node",
        "delete_pod",
    ],
)
def test_every_action_says_the_least_it_needs(kind: str) -> None:
    action = actions()[ActionKind(kind)]
    needs = [need.text for need in action.needs]  # type: ignore[attr-defined]
    assert needs
    assert not any(need.startswith(("delete", "*")) for need in needs)


def test_the_blast_radius_of_an_unknown_target_is_itself() -> None:
    asked = ActionRequest(kind=ActionKind("rollback_workload"), target=EntityId("c/shop/deployment/checkout"))
    radius = actions()[ActionKind("rollback_workload")].blast_radius(asked, Topology())
    assert radius.workloads == (asked.target,)
    assert radius.pods == 0
