"""The graph over the reference world, from the webhook to each of the ends that an incident may have."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from agents.specialist import SPECIALISTS
from incidents.approval import Accepted, Channel, Choice, Refused
from incidents.execution import Execution
from incidents.ids import ProposalDigest
from incidents.incident import Incident, Phase
from incidents.proposal import ProposalStatus
from orchestrator.assembly import open_advancer, open_bench, worker_handlers
from orchestrator.executor.assembly import executor_handlers
from orchestrator.jobs import Jobs, Queue
from orchestrator.steering import look_again
from orchestrator.store.executions import executions_of
from orchestrator.store.incidents import move
from orchestrator.store.postmortems import postmortem_of
from orchestrator.store.rehearsals import requested_rehearsals
from orchestrator.store.timeline import timeline_of
from orchestrator.sweep import sweep
from service.demo.command import REFERENCE
from tests.orchestrator.staging import DEPLOYMENT, ONCALL, Stage, another_executor, stage
from tests.service.web.serving import WEBHOOK
from worlds.objects.kinds import kind_named

NODE = kind_named("Node")
HEALTHY = REFERENCE.parents[1] / "healthy" / "quiet-night.yaml"


async def proposed(on: Stage) -> tuple[Incident, ProposalDigest]:
    """Until people are asked; the newest proposal."""
    incident = await on.until(Phase.AWAITING_DECISION)
    return incident, (await on.proposals(incident.id))[-1].proposal.digest


async def approve(on: Stage, digest: ProposalDigest) -> None:
    assert isinstance(await on.decide(digest), Accepted)


async def statuses(on: Stage, incident: Incident) -> list[ProposalStatus]:
    return [stored.status for stored in await on.proposals(incident.id)]


async def done(on: Stage, digest: ProposalDigest) -> list[Execution]:
    async with on.store.transaction() as tx:
        return list(await executions_of(tx, digest))


async def said(on: Stage, incident: Incident) -> str:
    async with on.store.transaction() as tx:
        return "\n".join(line.text for line in await timeline_of(tx, incident.id))


async def test_from_the_alert_to_a_verified_fix_with_another_worker_after_the_decision(on: Stage) -> None:
    before = on.generation()
    incident, digest = await proposed(on)
    [stored] = await on.proposals(incident.id)
    assert (stored.proposal.body.cause, stored.proposal.body.entity) == (
        "memory_limit_too_low",
        on.id("shop/deployment/checkout"),
    )
    assert on.generation() == before, "nothing changes before somebody decides"
    await approve(on, digest)
    async with open_bench(on.settings, on.store) as bench, open_advancer(bench) as advancer:
        await Jobs(on.store.url, handlers=worker_handlers(bench, advancer)).drain([Queue.GRAPH, Queue.TIMERS])
        await on.jobs.drain([Queue.EXECUTOR])
    ended = await on.until()
    assert ended.phase is Phase.VERIFIED
    assert on.generation() == before + 1
    async with on.store.transaction() as tx:
        assert await postmortem_of(tx, incident.id) is not None
    kinds = await on.ledger(incident.id)
    order = ["incident_opened", "diagnosed", "proposed", "decided", "dispatched", "executed", "verified"]
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order


async def test_every_specialist_looks_before_the_argument(on: Stage) -> None:
    incident, _ = await proposed(on)
    async with on.store.transaction() as tx:
        lines = await timeline_of(tx, incident.id)
    ended = {line.actor for line in lines if line.data.get("step") == "end"}
    assert ended == {agent.value for agent in SPECIALISTS}
    assert any(line.kind.value == "question" for line in lines), "a finding of one became a question for another"


async def test_a_rejection_ends_it_and_nothing_is_changed(on: Stage) -> None:
    before = on.generation()
    incident, digest = await proposed(on)
    await on.decide(digest, Choice.REJECT, reason="the batch run has to end first")
    await on.work()
    assert (await on.incident(incident.id)).phase is Phase.REJECTED
    assert await statuses(on, incident) == [ProposalStatus.REJECTED]
    assert on.generation() == before
    assert "the batch run has to end first" in await said(on, incident)


async def test_a_decision_that_nobody_takes_expires(on: Stage) -> None:
    before = on.generation()
    incident, digest = await proposed(on)
    await on.world.advance(901)
    await on.work()
    assert (await on.incident(incident.id)).phase is Phase.EXPIRED
    assert await statuses(on, incident) == [ProposalStatus.EXPIRED]
    assert isinstance(await on.decide(digest), Refused)
    await on.work()
    assert on.generation() == before
    assert "expired" in await on.ledger(incident.id)


async def test_alerts_that_resolve_while_people_think_withdraw_the_proposal(on: Stage) -> None:
    incident, digest = await proposed(on)
    item = on.deployment()
    item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "512Mi"
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-edit")
    generation = on.generation()
    for _ in range(14):  # under the fifteen minutes after which it would expire
        await on.world.advance(60)
        await on.jobs.drain()
        if (await on.incident(incident.id)).phase is Phase.RESOLVED:
            break
    assert (await on.incident(incident.id)).phase is Phase.RESOLVED
    assert await statuses(on, incident) == [ProposalStatus.SUPERSEDED]
    assert isinstance(await on.decide(digest), Refused)
    assert on.generation() == generation


async def test_alerts_that_resolve_before_there_is_a_proposal_leave_nothing_to_decide(on: Stage) -> None:
    """A trouble that ends by itself while it is looked at: nobody is asked, and what was found stays."""
    await on.jobs.drain([Queue.GRAPH, Queue.TIMERS])
    [incident] = await on.incidents()
    async with on.store.transaction() as tx:
        assert await requested_rehearsals(tx, incident.id), "it waits for its rehearsal"
        await move(tx, incident.id, to=Phase.RESOLVED, because="all alerts resolved", actor="test", now=on.clock.now())
    await on.jobs.drain()
    assert await on.proposals(incident.id) == ()
    assert (await on.incident(incident.id)).phase is Phase.RESOLVED
    async with on.store.transaction() as tx:
        left = await tx.execute(text("SELECT task_name FROM procrastinate_jobs WHERE status IN ('todo', 'failed')"))
        assert left.scalars().all() == [], "no job comes back to it in vain"


async def test_a_target_that_changed_since_the_approval_gets_a_fresh_proposal(on: Stage) -> None:
    incident, digest = await proposed(on)
    item = on.deployment()
    item["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "DEBUG", "value": "1"})
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-edit")
    await on.world.advance(5)
    generation = on.generation()
    await approve(on, digest)
    await on.work()
    first, second = await on.proposals(incident.id)
    assert (first.status, second.status) == (ProposalStatus.SUPERSEDED, ProposalStatus.PENDING)
    assert second.proposal.body.supersedes == digest
    assert second.proposal.body.actions[0].fence != first.proposal.body.actions[0].fence
    assert on.generation() == generation, "the old approval does not cover the new state"
    assert (await on.incident(incident.id)).phase is Phase.AWAITING_DECISION
    kinds = await on.ledger(incident.id)
    assert kinds.index("execution_refused") < kinds.index("superseded")


async def test_what_does_not_help_is_taken_back(on: Stage) -> None:
    before = on.deployment()["spec"]
    _, digest = await proposed(on)
    for node in list(on.objects.every(NODE)):
        item = {**node, "spec": {**node["spec"], "unschedulable": True}}
        on.objects.replace(NODE, item, manager="kubectl-cordon")
    await approve(on, digest)
    ended = await on.until()
    assert ended.phase is Phase.UNDONE, await said(on, ended)
    assert on.deployment()["spec"] == before
    assert [row.status.value for row in await done(on, digest)] == ["succeeded", "undone"]
    assert (await on.ledger(ended.id)).count("undone") == 2, "the action that was undone, and the verdict"


async def test_what_makes_it_worse_is_taken_back_before_the_window_ends(on: Stage) -> None:
    """Payments goes away while the rollback runs: not the rollback's fault, but nobody can know that at 02:50."""
    _, digest = await proposed(on)
    await approve(on, digest)
    item = on.deployment("payments", namespace="payments")
    item["spec"]["replicas"] = 0
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-scale")
    started = on.clock.now()
    ended = await on.until()
    assert ended.phase is Phase.UNDONE, await said(on, ended)
    assert "worsened" in await said(on, ended)
    assert (on.clock.now() - started).total_seconds() < on.settings.periods.watch_seconds + 600


async def test_what_policy_denies_is_shown_and_cannot_be_executed(tmp_path: Path, database_url: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "rules:\n  - name: freeze\n    effect: deny\n    reason: Nobody touches anything before Monday.\n"
    )
    async with stage(tmp_path, database_url, policy=policy) as on:
        before = on.generation()
        ended = await on.until()
        assert ended.phase is Phase.ESCALATED
        [stored] = await on.proposals(ended.id)
        assert stored.status is ProposalStatus.DENIED
        assert isinstance(await on.decide(stored.proposal.digest), Refused)
        await on.work()
        assert on.generation() == before
        assert "policy_denied" in await on.ledger(ended.id)
        assert "Nobody touches anything before Monday" in await said(on, ended)


async def test_on_a_healthy_estate_there_is_no_diagnosis_and_no_proposal(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url, HEALTHY) as on:
        labels = {"alertname": "ServiceHighErrorRate", "namespace": "shop", "deployment": "checkout"}
        alert = {
            "status": "firing",
            "labels": {**labels, "severity": "critical"},
            "annotations": {"summary": "checkout returns errors"},
            "startsAt": on.clock.now().isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "00000000000000a1",
        }
        body = {"version": "4", "groupKey": "{}:{a}", "status": "firing", "receiver": "midwatch", "alerts": [alert]}
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {WEBHOOK}"}, timeout=30) as client:
            (await client.post(on.webhook, json=body)).raise_for_status()
        ended = await on.until()
        assert ended.phase is Phase.INCONCLUSIVE, await said(on, ended)
        assert await on.proposals(ended.id) == ()
        assert "dispatched" not in await on.ledger(ended.id)


@pytest.mark.parametrize("source", ["prometheus", "loki", "kubernetes"])
async def test_a_source_that_is_down_is_said_and_stops_nobody_else(
    source: str, tmp_path: Path, database_url: str
) -> None:
    scenario = tmp_path / "checkout-blind.yaml"
    reference = REFERENCE.read_text().replace("../estates/shop.yaml", str(REFERENCE.parents[1] / "estates/shop.yaml"))
    scenario.write_text(f"{reference}visibility: {{unavailable: [{source}]}}\n")
    async with stage(tmp_path, database_url, scenario) as on:
        incident = await on.until(Phase.AWAITING_DECISION, Phase.ESCALATED, Phase.INCONCLUSIVE)
        async with on.store.transaction() as tx:
            lines = await timeline_of(tx, incident.id)
        ended = {line.actor: line.text for line in lines if line.data.get("step") == "end"}
        assert set(ended) == {agent.value for agent in SPECIALISTS}
        assert any("could not see" in text for text in ended.values()), ended


async def test_without_the_needed_right_nobody_is_asked_to_approve(on: Stage, tmp_path: Path) -> None:
    before = on.generation()
    await on.jobs.drain([Queue.GRAPH, Queue.TIMERS])
    token = on.world.tokens["reader"]
    async with another_executor(on, url=on.world.urls["kubernetes"], token=token, folder=tmp_path) as timid:
        await Jobs(on.store.url, handlers=executor_handlers(timid)).drain([Queue.EXECUTOR])
    ended = await on.until()
    assert ended.phase is Phase.ESCALATED
    assert await on.proposals(ended.id) == ()
    told = await said(on, ended)
    assert "it lacks patch deployments.apps in shop" in told
    assert "awaiting" not in told
    assert on.generation() == before
    now = on.clock.now()
    answer = await look_again(on.store, incident=ended.id, person=ONCALL, channel=Channel.API, now=now, key="granted")
    assert isinstance(answer, str), answer
    asked = await on.until(Phase.AWAITING_DECISION)
    assert len(await on.proposals(asked.id)) == 1, "once the right is granted, the answer from before does not count"


async def test_the_sweep_asks_for_a_rehearsal_that_nobody_does_and_not_for_one_that_waits(on: Stage) -> None:
    await on.jobs.drain([Queue.GRAPH, Queue.TIMERS])

    async def waiting() -> int:
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'rehearse' AND status = 'todo'")
        async with on.store.transaction() as tx:
            return int((await tx.execute(query)).scalar_one())

    assert await waiting() == 1
    await sweep(on.store, now=on.clock.now())
    assert await waiting() == 1
    async with on.store.transaction() as tx:
        await tx.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'rehearse'"))
    for _ in range(2):
        await sweep(on.store, now=on.clock.now())
        assert await waiting() == 1, "one job answers all requests of the incident"
    await on.until(Phase.AWAITING_DECISION)
