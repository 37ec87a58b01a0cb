"""Reverting by pull request, rolling back in Argo CD, silencing: previewed, applied once, observed, taken back, refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incidents.action import ActionOutcome, ActionRequest
from incidents.entity import EntityKind
from incidents.ids import ActionKind, EntityId
from incidents.topology import Edge, Relation, Topology
from incidents.value import Scalar
from tests.tools.served_estate import INCIDENT, Served
from tools.action import Action, actions
from tools.argocd.actions.argocd_rollback import KEY
from tools.argocd.application import Application, AutoSync
from tools.argocd.client import ArgoCDClient
from tools.errors import (
    ConflictError,
    ForbiddenError,
    NotConfiguredError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from tools.github.client import GitHubClient
from tools.github.naming import repository_id

REPOSITORY = "harbour/checkout"
LOOKING = pytest.mark.asyncio(loop_scope="module")
"""For tests that only look at the world that they share."""


def action(kind: str) -> Action:
    return actions()[ActionKind(kind)]


def asking(kind: str, target: EntityId, **arguments: Scalar) -> ActionRequest:
    return ActionRequest(kind=ActionKind(kind), target=target, arguments=arguments, reason="the limit is too low")


# ---------------------------------------------------------------------------------------------------------------------
# Argo CD
# ---------------------------------------------------------------------------------------------------------------------


def application(estate: Served) -> EntityId:
    return estate.id("argocd/application/cart")


async def test_a_rollback_in_argo_cd_turns_automated_sync_off_and_the_undo_turns_it_on(estate: Served) -> None:
    one, asked = action("argocd_rollback"), asking("argocd_rollback", application(estate))
    assert estate.cluster.argocd is not None
    before = await estate.cluster.argocd.application("cart")
    snapshot = await one.capture(estate.writing, asked)
    preview = await one.preview(estate.writing, asked, snapshot)
    assert preview.accepted
    assert preview.diff[0].after == before.history[-2].revision
    title, _ = one.summarise(asked, snapshot)
    assert title.startswith(f"Roll application cart back to {before.history[-2].revision[:7]}")
    assert (await one.observe(estate.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.NOT_HAPPENED

    await one.apply(estate.writing, asked, snapshot, "key-1")
    after = await estate.cluster.argocd.application("cart")
    assert after.auto_sync is None
    assert after.history[-1].revision == before.history[-2].revision
    assert after.annotations[KEY] == "key-1"
    assert after.annotations["midwatch.dev/incident"] == INCIDENT
    assert (await one.observe(estate.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.HAPPENED

    with pytest.raises(ConflictError):
        await one.apply(estate.writing, asked, snapshot, "key-1")
    assert len((await estate.cluster.argocd.application("cart")).history) == len(after.history), "it ran once"

    await one.undo(estate.writing, asked, snapshot, "key-2")
    undone = await estate.cluster.argocd.application("cart")
    assert undone.history[-1].revision == before.history[-1].revision
    assert undone.auto_sync == before.auto_sync
    assert (await one.observe(estate.writing, asked, snapshot, "key-2")).outcome is ActionOutcome.HAPPENED
    assert (await one.undo(estate.writing, asked, snapshot, "key-2")).detail == "it had been undone before"


async def test_a_rollback_is_refused_when_somebody_synchronised_since(estate: Served) -> None:
    one, asked = action("argocd_rollback"), asking("argocd_rollback", application(estate))
    snapshot = await one.capture(estate.writing, asked)
    other = await one.capture(estate.writing, asked)
    await one.apply(estate.writing, asked, other, "somebody else")
    with pytest.raises(ConflictError, match="changed since"):
        await one.apply(estate.writing, asked, snapshot, "key-1")


async def test_an_undo_is_refused_when_somebody_turned_automated_sync_on(estate: Served) -> None:
    one, asked = action("argocd_rollback"), asking("argocd_rollback", application(estate))
    snapshot = await one.capture(estate.writing, asked)
    await one.apply(estate.writing, asked, snapshot, "key-1")
    assert estate.writing.argocd is not None
    live = await estate.writing.argocd.application("cart")
    await estate.writing.argocd.mark(live, {}, automated=AutoSync(self_heal=True), changes=True)
    with pytest.raises(ConflictError, match="somebody changed"):
        await one.undo(estate.writing, asked, snapshot, "key-2")


class Dying(ArgoCDClient):
    """What a process sees that dies, or loses its connection, right before it rolls back."""

    async def rollback(
        self, name: str, *, to_id: int, namespace: str = "", prune: bool = False, dry_run: bool = False
    ) -> Application:
        raise TransientError(f"no answer about {name} {to_id} {namespace} {prune} {dry_run}")


async def test_an_undo_that_was_only_begun_is_not_taken_for_one_and_is_gone_on_with(estate: Served) -> None:
    one, asked = action("argocd_rollback"), asking("argocd_rollback", application(estate))
    access = estate.writing.connections.argocd_write
    assert estate.cluster.argocd is not None
    assert access is not None
    before = await estate.cluster.argocd.application("cart")
    snapshot = await one.capture(estate.writing, asked)
    await one.apply(estate.writing, asked, snapshot, "key-1")
    dying = Dying(access)
    with pytest.raises(TransientError):
        await one.undo(replace(estate.writing, argocd=dying), asked, snapshot, "key-2")
    await dying.aclose()
    seen = await one.observe(estate.writing, asked, snapshot, "key-2")
    assert (seen.outcome, seen.done) == (ActionOutcome.NOT_HAPPENED, False), seen
    assert "is still at" in seen.text
    await one.undo(estate.writing, asked, snapshot, "key-2")
    undone = await estate.cluster.argocd.application("cart")
    assert (undone.history[-1].revision, undone.auto_sync) == (before.history[-1].revision, before.auto_sync)
    assert (await one.observe(estate.writing, asked, snapshot, "key-2")).outcome is ActionOutcome.HAPPENED


async def test_a_rollback_that_is_refused_leaves_automated_sync_as_it_was(estate: Served) -> None:
    """Argo CD wants it off first: when it then says no to the rollback itself, nothing may have changed."""
    one, asked = action("argocd_rollback"), asking("argocd_rollback", application(estate))
    assert estate.cluster.argocd is not None
    before = await estate.cluster.argocd.application("cart")
    snapshot = await one.capture(estate.writing, asked)
    gone = snapshot.state.replace(f'"id":{before.history[-2].id}', '"id":4711')
    assert gone != snapshot.state, "an entry that Argo CD dropped from its history meanwhile"
    with pytest.raises(PermanentError, match="4711"):
        await one.apply(estate.writing, asked, snapshot.model_copy(update={"state": gone}), "key-1")
    after = await estate.cluster.argocd.application("cart")
    assert (after.auto_sync, after.history) == (before.auto_sync, before.history)


@LOOKING
@pytest.mark.parametrize(
    ("target", "arguments", "error"),
    [
        pytest.param("argocd/application/nothing", {}, NotFoundError, id="an application that is not there"),
        pytest.param("argocd/application/cart", {"to_id": 4711}, NotFoundError, id="a history entry that is not there"),
        pytest.param("shop/deployment/checkout", {}, PermanentError, id="a deployment is no application"),
    ],
)
async def test_a_rollback_that_makes_no_sense(
    still: Served, target: str, arguments: dict[str, Scalar], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await action("argocd_rollback").capture(still.writing, asking("argocd_rollback", still.id(target), **arguments))


@LOOKING
async def test_an_application_reaches_what_it_deploys_and_who_calls_that(still: Served) -> None:
    checkout, web = still.id("shop/deployment/checkout"), still.id("shop/deployment/web")
    topology = Topology.of(
        [
            Edge(source=application(still), relation=Relation.DEPLOYS, target=checkout),
            Edge(source=web, relation=Relation.CALLS, target=checkout),
        ]
    )
    reach = action("argocd_rollback").blast_radius(asking("argocd_rollback", application(still)), topology)
    assert reach.workloads == (checkout,)
    assert reach.callers == (web,)


# ---------------------------------------------------------------------------------------------------------------------
# GitHub
# ---------------------------------------------------------------------------------------------------------------------


async def culprit(estate: Served) -> tuple[str, str]:
    """Repository and commit of the bad deploy."""
    return REPOSITORY, (await github(estate).deployments(REPOSITORY))[0].sha


def github(estate: Served) -> GitHubClient:
    assert estate.cluster.github is not None
    return estate.cluster.github


async def test_a_revert_is_a_pull_request_once_per_key_and_can_be_taken_back(estate: Served) -> None:
    repository, sha = await culprit(estate)
    one = action("revert_pull_request")
    asked = asking("revert_pull_request", repository_id(estate.cluster.name, repository), commit=sha)
    head, _ = await github(estate).branch_head(repository, "main")
    snapshot = await one.capture(estate.writing, asked)
    preview = await one.preview(estate.writing, asked, snapshot)
    assert preview.accepted
    assert any("256Mi" in (change.before or "") and "512Mi" in (change.after or "") for change in preview.diff)
    assert (await one.observe(estate.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.NOT_HAPPENED

    await one.apply(estate.writing, asked, snapshot, "key-1")
    again = await one.apply(estate.writing, asked, snapshot, "key-1")
    assert "is there already" in again.detail
    opened = [pull for pull in await github(estate).pulls(repository) if pull.head.startswith("midwatch/")]
    assert len(opened) == 1
    (pull,) = opened
    assert pull.state == "open"
    assert pull.title.startswith('Revert "')
    assert INCIDENT in pull.body
    assert "the limit is too low" in pull.body
    assert (await github(estate).branch_head(repository, "main"))[0] == head, "nothing is pushed to an existing branch"
    difference = await github(estate).compare(repository, base="main", head=pull.head)
    assert "512Mi" in "".join(file.patch for file in difference.files)
    assert (await one.observe(estate.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.HAPPENED

    await one.undo(estate.writing, asked, snapshot, "key-2")
    assert (await github(estate).pull(repository, pull.number)).state == "closed"
    with pytest.raises(NotFoundError):
        await github(estate).branch_head(repository, pull.head)
    assert (await one.observe(estate.writing, asked, snapshot, "key-2")).outcome is ActionOutcome.HAPPENED


@LOOKING
async def test_a_revert_of_nothing(still: Served) -> None:
    repository, _ = await culprit(still)
    target = repository_id(still.cluster.name, repository)
    for arguments, error in (({}, PermanentError), ({"commit": "0" * 40}, PermanentError)):
        with pytest.raises(error):
            await action("revert_pull_request").capture(
                still.writing, asking("revert_pull_request", target, **arguments)
            )


@LOOKING
async def test_a_token_that_may_only_read_cannot_open_a_pull_request(still: Served) -> None:
    repository, sha = await culprit(still)
    reading = replace(still.writing, github=still.cluster.github)
    one = action("revert_pull_request")
    asked = asking("revert_pull_request", repository_id(still.cluster.name, repository), commit=sha)
    snapshot = await one.capture(reading, asked)
    with pytest.raises((ForbiddenError, NotFoundError)):
        await one.apply(reading, asked, snapshot, "key-1")


# ---------------------------------------------------------------------------------------------------------------------
# Alertmanager
# ---------------------------------------------------------------------------------------------------------------------


async def test_a_silence_is_narrow_made_once_and_expired_again(estate: Served) -> None:
    one = action("silence_alert")
    target = estate.id("shop/deployment/checkout")
    asked = asking("silence_alert", target, alertname="ServiceHighErrorRate", duration_minutes=30, comment="known")
    snapshot = await one.capture(estate.writing, asked)
    preview = await one.preview(estate.writing, asked, snapshot)
    assert preview.accepted
    matchers = preview.diff[0].after or ""
    assert 'alertname="ServiceHighErrorRate"' in matchers
    assert 'namespace="shop"' in matchers
    assert "checkout" in matchers, "only the alert of this workload"

    await one.apply(estate.writing, asked, snapshot, "key-1")
    await one.apply(estate.writing, asked, snapshot, "key-1")
    assert estate.cluster.alertmanager is not None
    made = [silence for silence in await estate.cluster.alertmanager.silences() if silence.state == "active"]
    assert len(made) == 1
    assert made[0].created_by == "midwatch"
    assert INCIDENT in made[0].comment
    assert (made[0].ends_at - made[0].starts_at).total_seconds() == 30 * 60
    muted = [alert for alert in await estate.cluster.alertmanager.alerts() if alert.silenced_by]
    assert {alert.name for alert in muted} == {"ServiceHighErrorRate"}
    assert (await one.observe(estate.writing, asked, snapshot, "key-1")).outcome is ActionOutcome.HAPPENED

    await one.undo(estate.writing, asked, snapshot, "key-2")
    assert all(silence.state == "expired" for silence in await estate.cluster.alertmanager.silences())
    assert (await one.observe(estate.writing, asked, snapshot, "key-2")).outcome is ActionOutcome.HAPPENED


@LOOKING
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"alertname": "Watchdog", "duration_minutes": 30}, PermanentError, id="the dead man's switch"),
        pytest.param({"alertname": "Nothing", "duration_minutes": 30}, NotFoundError, id="what does not fire"),
        pytest.param({"alertname": "", "duration_minutes": 30}, PermanentError, id="nothing"),
    ],
)
async def test_what_is_never_silenced(still: Served, arguments: dict[str, Scalar], error: type[Exception]) -> None:
    asked = asking("silence_alert", still.id(f"-/{EntityKind.CLUSTER}/{still.cluster.name}"), **arguments)
    with pytest.raises(error):
        await action("silence_alert").capture(still.writing, asked)


@LOOKING
async def test_a_silence_is_never_longer_than_half_a_shift(still: Served) -> None:
    target = still.id("shop/deployment/checkout")
    asked = asking("silence_alert", target, alertname="ServiceHighErrorRate", duration_minutes=100000)
    snapshot = await action("silence_alert").capture(still.writing, asked)
    with pytest.raises(PermanentError, match="1 to 240"):
        await action("silence_alert").preview(still.writing, asked, snapshot)


@LOOKING
@pytest.mark.parametrize("kind", ["argocd_rollback", "revert_pull_request", "silence_alert"])
async def test_without_the_system_it_says_what_to_configure(still: Served, kind: str) -> None:
    nothing = replace(still.writing, argocd=None, github=None, alertmanager=None)
    targets = {
        "argocd_rollback": application(still),
        "revert_pull_request": repository_id(still.cluster.name, "acme/checkout"),
        "silence_alert": still.id("shop/deployment/checkout"),
    }
    asked = asking(kind, targets[kind], alertname="X", duration_minutes=5, commit="abc")
    with pytest.raises(NotConfiguredError, match="settings"):
        await action(kind).capture(nothing, asked)
