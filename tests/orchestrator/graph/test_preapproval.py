"""A signed pre-approval stands in the place of a click, from alert to verified fix; without it people are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.ids import ProposalDigest
from incidents.incident import Phase
from incidents.policy import Effect
from incidents.proposal import ProposalStatus
from incidents.rejection import Rejection
from orchestrator.decisions import supersede
from orchestrator.nodes import decide
from orchestrator.store.executions import executions_of
from orchestrator.store.incidents import move
from orchestrator.store.proposals import proposal_by
from orchestrator.store.standing import uses
from orchestrator.store.transaction import Tx
from tests.orchestrator.staging import stage

SIGNED = """
rules:
  - name: roll checkout back
    actions: [rollback_workload]
    services: [checkout]
    causes: [memory_limit_too_low]
    effect: allow
    until: %s
    signed_by: ada@example.com
    reason: The last deploy is always it (OPS-417).
  - {name: everything else, effect: ask, approvers: [oncall]}
"""


async def test_a_signed_pre_approval_needs_no_click(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "policy.yaml").write_text(SIGNED % "2099-01-01T00:00:00Z")
    async with stage(tmp_path, database_url, policy=str(tmp_path / "policy.yaml")) as on:
        before = on.generation()
        ended = await on.until()
        [stored] = await on.proposals(ended.id)
        verdict = stored.proposal.body.policy
        assert (ended.phase, stored.status) == (Phase.VERIFIED, ProposalStatus.EXECUTED), await on.told(ended.id)
        assert (verdict.effect, [one.signed_by for one in verdict.preapprovals]) == (Effect.ALLOW, ["ada@example.com"])
        assert "pre-approved by `roll checkout back`, signed by ada@example.com" in verdict.reason
        assert on.generation() == before + 1
        assert "decided" not in await on.ledger(ended.id)
        async with on.store.transaction() as tx:
            assert await uses(tx) == {"roll checkout back": 1}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SIGNED % "2001-01-01T00:00:00Z", id="it ended"),
        pytest.param(SIGNED.replace("memory_limit", "certificate") % "2099-01-01T00:00:00Z", id="of another cause"),
    ],
)
async def test_a_pre_approval_that_does_not_hold_asks(tmp_path: Path, database_url: str, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    async with stage(tmp_path, database_url, policy=str(tmp_path / "policy.yaml")) as on:
        waiting = await on.until(Phase.AWAITING_DECISION)
        [stored] = await on.proposals(waiting.id)
        assert stored.status is ProposalStatus.PENDING
        assert stored.proposal.body.policy.rule == "everything else"


async def test_alerts_that_resolve_right_before_it_begins_leave_nothing_to_do(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intake withdraws the proposal between the worker's last look and the moment at which it is handed on."""
    (tmp_path / "policy.yaml").write_text(SIGNED % "2099-01-01T00:00:00Z")
    async with stage(tmp_path, database_url, policy=str(tmp_path / "policy.yaml")) as on:
        before, seen = on.generation(), decide.rejection_on

        async def resolved_then(tx: Tx, digest: ProposalDigest) -> Rejection | None:
            """The last that the worker looks at; it has read by then that the proposal is approved."""
            now, why = on.clock.now(), "all alerts resolved"
            async with on.store.transaction() as other:
                stored = await proposal_by(other, digest)
                await supersede(other, stored, because=why, actor="intake", now=now)
                incident = stored.proposal.body.incident
                await move(other, incident, to=Phase.RESOLVED, because=why, actor="intake", now=now)
            return await seen(tx, digest)

        monkeypatch.setattr(decide, "rejection_on", resolved_then)
        ended = await on.until(Phase.RESOLVED)
        while "the draft of the post-mortem is there" not in await on.told(ended.id):
            await on.world.advance(15.0)
            await on.work()
        [stored] = await on.proposals(ended.id)
        async with on.store.transaction() as tx:
            assert await executions_of(tx, stored.proposal.digest) == ()
        assert (stored.status, on.generation()) == (ProposalStatus.SUPERSEDED, before)
