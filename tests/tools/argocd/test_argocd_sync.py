"""Objects that were changed or deleted by hand go back to what Git says, and what was there by hand comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.action import ActionOutcome, ActionRequest
from incidents.canonical import Json
from incidents.ids import ActionKind
from incidents.topology import Edge, Relation, Topology
from tests.tools.served_estate import SCENARIOS, Served, serving
from tools.action import Action, actions
from tools.argocd.application import Application, ObjectRef
from tools.argocd.client import ArgoCDClient
from tools.argocd.merging import merge_patch
from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, TransientError
from tools.estate import WriteCluster
from worlds.objects.patches import MERGE, apply_patch

BY_HAND = SCENARIOS / "routing" / "shipments-selector-by-hand.yaml"
DELETED = SCENARIOS / "configuration" / "shipments-configmap-deleted.yaml"
SERVICE, CONFIG = "lgx-core/service/shipments-svc", "lgx-core/configmap/shipments-svc-config"
INSTANCE = "app.kubernetes.io/instance"


@pytest.fixture
async def edited(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, BY_HAND) as one:
        yield one


@pytest.fixture
async def deleted(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, DELETED) as one:
        yield one


def sync() -> Action:
    return actions()[ActionKind("argocd_sync")]


def asking(estate: Served, *objects: str) -> ActionRequest:
    wanted = ",".join(estate.id(one) for one in objects)
    target = estate.id("argocd/application/shipments-svc")
    return ActionRequest(kind=ActionKind("argocd_sync"), target=target, arguments={"objects": wanted})


def argocd(cluster: WriteCluster) -> ArgoCDClient:
    assert cluster.argocd is not None
    return cluster.argocd


async def live(estate: Served, kind: str) -> dict[str, Any] | None:
    states = await argocd(estate.writing).managed_resources("shipments-svc")
    text = next(state.live for state in states if state.kind == kind)
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


async def selector(estate: Served) -> str:
    found = await live(estate, "Service")
    assert found is not None
    value: str = found["spec"]["selector"][INSTANCE]
    return value


async def test_a_selector_that_was_edited_goes_back_to_git_once_and_the_edit_comes_back_with_the_undo(
    edited: Served,
) -> None:
    one, asked = sync(), asking(edited, SERVICE)
    before = await argocd(edited.writing).application("shipments-svc")
    snapshot = await one.capture(edited.writing, asked)
    preview = await one.preview(edited.writing, asked, snapshot)
    assert preview.accepted, preview.refusal
    assert [(c.before, c.after) for c in preview.diff] == [("shipments-canary", "shipments-svc")]
    assert (await one.observe(edited.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.NOT_HAPPENED

    await one.apply(edited.writing, asked, snapshot, "key-1")
    assert await selector(edited) == "shipments-svc"
    progress = await one.observe(edited.writing, asked, snapshot, "key-1")
    assert (progress.outcome, progress.done) == (ActionOutcome.HAPPENED, True)
    assert (await one.apply(edited.writing, asked, snapshot, "key-1")).detail == "it had been done before"
    after = await argocd(edited.writing).application("shipments-svc")
    assert after.history == before.history, "other objects were not synchronised"
    assert after.auto_sync == before.auto_sync

    await one.undo(edited.writing, asked, snapshot, "key-2")
    assert await selector(edited) == "shipments-canary"
    assert (await one.undo(edited.writing, asked, snapshot, "key-2")).detail == "it had been undone before"


async def test_what_was_deleted_is_created_and_the_undo_deletes_it(deleted: Served) -> None:
    one, asked = sync(), asking(deleted, CONFIG)
    assert await live(deleted, "ConfigMap") is None
    snapshot = await one.capture(deleted.writing, asked)
    assert (await one.preview(deleted.writing, asked, snapshot)).diff[0].after == "created as Git says"
    await one.apply(deleted.writing, asked, snapshot, "key-1")
    assert await live(deleted, "ConfigMap") is not None
    await one.undo(deleted.writing, asked, snapshot, "key-2")
    assert await live(deleted, "ConfigMap") is None


async def test_an_object_that_was_changed_since_is_neither_put_back_nor_undone(edited: Served) -> None:
    one, asked = sync(), asking(edited, SERVICE)
    snapshot = await one.capture(edited.writing, asked)
    client = argocd(edited.writing)
    application = await client.application("shipments-svc")
    states = await client.managed_resources("shipments-svc")
    ref = next(ObjectRef.of(state) for state in states if state.kind == "Service")
    await client.patch_object(application, ref, {"spec": {"selector": {INSTANCE: "shipments-blue"}}})
    assert not (await one.preview(edited.writing, asked, snapshot)).accepted
    with pytest.raises(ConflictError):
        await one.apply(edited.writing, asked, snapshot, "key-1")
    assert await selector(edited) == "shipments-blue"

    fresh = await one.capture(edited.writing, asked)
    await one.apply(edited.writing, asked, fresh, "key-2")
    await client.patch_object(application, ref, {"spec": {"selector": {INSTANCE: "shipments-green"}}})
    with pytest.raises(ConflictError, match="changed again"):
        await one.undo(edited.writing, asked, fresh, "key-3")
    assert await selector(edited) == "shipments-green"


class Dying(ArgoCDClient):
    """What a process sees that dies right before it writes an object."""

    async def patch_object(self, application: Application, ref: ObjectRef, patch: Json) -> None:
        raise TransientError(f"no answer about {application.name} {ref.name} {patch}")


async def test_an_undo_that_was_only_begun_is_not_taken_for_one_and_is_gone_on_with(edited: Served) -> None:
    one, asked = sync(), asking(edited, SERVICE)
    access = edited.writing.connections.argocd_write
    assert access is not None
    snapshot = await one.capture(edited.writing, asked)
    await one.apply(edited.writing, asked, snapshot, "key-1")
    dying = Dying(access)
    with pytest.raises(TransientError):
        await one.undo(replace(edited.writing, argocd=dying), asked, snapshot, "key-2")
    await dying.aclose()
    seen = await one.observe(edited.writing, asked, snapshot, "key-2")
    assert (seen.outcome, seen.done) == (ActionOutcome.NOT_HAPPENED, False), seen
    await one.undo(edited.writing, asked, snapshot, "key-2")
    assert await selector(edited) == "shipments-canary"
    seen = await one.observe(edited.writing, asked, snapshot, "key-2")
    assert (seen.outcome, seen.done, seen.text) == (ActionOutcome.HAPPENED, True, "as it was before")


@pytest.mark.parametrize(
    ("objects", "error"),
    [
        pytest.param(("lgx-core/deployment/shipments-svc",), PermanentError, id="a workload, which goes by revisions"),
        pytest.param(("lgx-core/service/rates-svc",), NotFoundError, id="an object of another application"),
        pytest.param((), PermanentError, id="nothing"),
    ],
)
async def test_what_a_sync_does_not_put_back(edited: Served, objects: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        await sync().capture(edited.writing, asking(edited, *objects))


async def test_a_token_that_may_only_read_synchronises_nothing(edited: Served) -> None:
    reading = replace(edited.writing, argocd=edited.cluster.argocd)
    one, asked = sync(), asking(edited, SERVICE)
    snapshot = await one.capture(reading, asked)
    with pytest.raises(ForbiddenError):
        await one.apply(reading, asked, snapshot, "key-1")
    assert await selector(edited) == "shipments-canary"


async def test_its_reach_is_what_the_service_leads_to(edited: Served) -> None:
    service, workload = edited.id(SERVICE), edited.id("lgx-core/deployment/shipments-svc")
    gateway = edited.id("lgx-edge/deployment/edge-gw")
    topology = Topology.of(
        [
            Edge(source=service, relation=Relation.SELECTS, target=workload),
            Edge(source=gateway, relation=Relation.CALLS, target=workload),
        ]
    )
    radius = sync().blast_radius(asking(edited, SERVICE), topology)
    assert radius.workloads == (workload,)
    assert radius.callers == (gateway,)


LEAVES = st.one_of(st.integers(0, 3), st.text("ab", max_size=2), st.lists(st.integers(0, 2), max_size=2))
OBJECTS = st.recursive(LEAVES, lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3), max_leaves=8)
DICTIONARIES = st.dictionaries(st.sampled_from("abcd"), OBJECTS, max_size=4)


@given(now=DICTIONARIES, wanted=DICTIONARIES)
def test_a_merge_patch_turns_one_object_into_the_other(now: dict[str, Any], wanted: dict[str, Any]) -> None:
    patch = merge_patch(now=now, wanted=wanted)
    assert apply_patch(now, patch, content_type=MERGE) == wanted
    assert (patch == {}) == (now == wanted)
