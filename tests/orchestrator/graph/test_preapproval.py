"""A signed pre-approval stands in the place of a click, from alert to verified fix; without it people are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.incident import Phase
from incidents.policy import Effect
from incidents.proposal import ProposalStatus
from orchestrator.store.standing import uses
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
