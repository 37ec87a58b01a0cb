"""The reference incident: what the twin foresees stands on the card, and is held against what really happens."""

from __future__ import annotations

from pathlib import Path

from incidents.card import card_of
from incidents.foresight import Outlook
from incidents.incident import Phase
from orchestrator.store.verifications import verification_of
from tests.orchestrator.staging import stage


async def test_the_twin_foresees_the_repair_of_the_reference_incident(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        [stored] = await on.proposals(incident.id)
        proposal = stored.proposal
        found = proposal.body.rehearsal
        assert found is not None
        assert found.outlook is Outlook.RECOVERS, found
        assert proposal.intact, "the digest covers the prediction"
        changed = proposal.model_copy(update={"body": proposal.body.model_copy(update={"rehearsal": None})})
        assert not changed.intact
        assert any(line.label == "Twin" for line in card_of(proposal).lines)
        await on.decide(proposal.digest)
        await on.until(Phase.VERIFIED)
        async with on.store.transaction() as tx:
            verdict = await verification_of(tx, proposal.digest)
        assert verdict is not None
        assert verdict.predicted is not None
        assert verdict.predicted.right is True
        assert "the twin recovers in" in verdict.predicted.text


async def test_twins_can_be_left_out(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url, periods={"twin_seconds": 0.0}) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        [stored] = await on.proposals(incident.id)
        assert stored.proposal.body.rehearsal is None
