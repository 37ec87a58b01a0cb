"""A change that hurts is taken back by itself; where it cannot be, people are told, and nothing is overwritten."""

from __future__ import annotations

from incidents.approval import Accepted
from incidents.incident import Phase
from orchestrator.store.executions import executions_of
from orchestrator.store.locks import locks_of
from tests.orchestrator.staging import DEPLOYMENT, Stage
from worlds.estate.effects import ActiveEffect
from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect


def slow_without_the_new_limit(pod: JsonObject, _: object) -> bool:
    """Whether a pod is one of the release that the rollback brings back."""
    limit: str = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
    return limit != "256Mi"


async def test_a_fix_after_which_latency_is_worse_is_undone_by_itself(on: Stage) -> None:
    """The release before has become slow: what stops the kills makes every request take eight times as long."""
    before = on.deployment()["spec"]
    incident = await on.until(Phase.AWAITING_DECISION)
    stored = (await on.proposals(incident.id))[-1]
    assert "latency_p99" in {check.measure for check in stored.proposal.body.checks}
    assert isinstance(await on.decide(stored.proposal.digest), Accepted)
    slow = ActiveEffect(
        target="shop/checkout",
        effect=Effect(latency_factor=8.0),
        since=on.world.estate.simulation.cluster.now,
        holds=slow_without_the_new_limit,
    )
    on.world.estate.simulation.effects.add(slow)
    ended = await on.until()
    told = "\n".join(await on.told(incident.id))
    assert ended.phase is Phase.UNDONE, told
    assert "worsened" in told
    assert "p99" in told
    assert on.deployment()["spec"] == before
    async with on.store.transaction() as tx:
        assert await locks_of(tx, incident.id) == (), "with the verdict nobody waits for it any more"


async def test_what_somebody_changed_meanwhile_is_not_taken_back_but_told(on: Stage) -> None:
    incident = await on.until(Phase.AWAITING_DECISION)
    digest = (await on.proposals(incident.id))[-1].proposal.digest
    assert isinstance(await on.decide(digest), Accepted)
    await on.until(Phase.VERIFYING)
    item = on.deployment()
    item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "1Gi"
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-edit")
    gone = on.deployment("payments", namespace="payments")
    gone["spec"]["replicas"] = 0
    on.objects.replace(DEPLOYMENT, gone, manager="kubectl-scale")
    generation = on.generation()
    ended = await on.until()
    assert ended.phase is Phase.ESCALATED, await on.told(incident.id)
    assert on.generation() == generation, "what somebody wrote by hand stays"
    async with on.store.transaction() as tx:
        rows = await executions_of(tx, digest)
        assert await locks_of(tx, incident.id) == ()
    assert [row.status.value for row in rows] == ["succeeded", "refused"]
    assert "changed again since" in rows[1].detail


async def test_a_good_change_that_nobody_watched_for_a_while_is_watched_then_and_stays(on: Stage) -> None:
    """Every process is down from the end of the rollout until long after the window."""
    incident = await on.until(Phase.AWAITING_DECISION)
    digest = (await on.proposals(incident.id))[-1].proposal.digest
    assert isinstance(await on.decide(digest), Accepted)
    await on.until(Phase.VERIFYING)
    await on.world.advance(1200)
    ended = await on.until()
    told = await on.told(incident.id)
    assert ended.phase is Phase.VERIFIED, told
    assert sum("watching again: nobody did for 20 min" in line for line in told) == 1, told
