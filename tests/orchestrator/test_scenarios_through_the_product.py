"""Very different nights through the whole product: the right cause at the right thing, nothing harmful, the right end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from incidents.approval import Accepted
from incidents.diagnosis import Diagnosis, Verdict
from incidents.incident import SETTLED, Incident, Phase
from orchestrator.store.diagnoses import latest_diagnosis
from service.demo.command import REFERENCE
from tests.orchestrator.staging import Stage, stage

SCENARIOS = REFERENCE.parents[1]
PERIODS = {"watch_seconds": 900.0, "expiry_seconds": 900.0}
"""Alerts over five minutes of rates take longer to resolve than the stage usually watches."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """A scenario by the name of its file, and how it has to end when a person approves what is proposed."""

    scenario: str
    end: Phase
    done: tuple[str, ...] = ()
    """Kinds of actions that may have been done."""
    told: str = ""
    """What people have to have been told."""


NIGHTS = [
    pytest.param(
        Night(
            scenario="card-network-outage",
            end=Phase.ESCALATED,
            told="payments logs refused or cut connections to api.cardnet.example:443",
        ),
        id="a provider outside is down",
    ),
    pytest.param(
        Night(
            scenario="catalog-tag-not-found",
            end=Phase.VERIFIED,
            done=("argocd_rollback", "rollback_workload", "revert_pull_request"),
        ),
        id="a tag that was never pushed",
    ),
    pytest.param(
        Night(scenario="checkout-key-removed", end=Phase.ESCALATED, told="RETRY_BUDGET"),
        id="somebody removed a key by hand",
    ),
    pytest.param(
        Night(scenario="orders-db-before-deploy", end=Phase.VERIFIED, done=("restart_workload", "delete_pod")),
        id="the database failed before the deploy",
    ),
    pytest.param(
        Night(
            scenario="checkout-database-is-full",
            end=Phase.ESCALATED,
            told="rehearsed and put aside: it would hurt: 12 pods would hold up to",
        ),
        id="more pods would take the last connections of the database",
    ),
    pytest.param(
        Night(
            scenario="inventory-schema-moved-on",
            end=Phase.UNDONE,
            done=("rollback_workload",),
            told="worsened: p99 of inventory",
        ),
        id="a rollback makes it slow and is undone by itself",
    ),
]


@pytest.mark.parametrize("night", NIGHTS)
async def test_a_night(night: Night, tmp_path: Path, database_url: str) -> None:
    [path] = SCENARIOS.glob(f"*/{night.scenario}.yaml")
    async with stage(tmp_path, database_url, path, periods=PERIODS) as on:
        first = await on.until(*SETTLED, Phase.AWAITING_DECISION)
        truth = on.world.estate.scenario.truth
        diagnosis = await diagnosed(on, first)
        assert diagnosis.verdict is Verdict.DIAGNOSED, diagnosis.reason
        found = [(h.cause, h.entity) for h in diagnosis.leading]
        assert found == [(truth.cause, on.id(on.world.estate.true_entity()))]
        proposals = await on.proposals(first.id)
        kinds = [action.request.kind for stored in proposals for action in stored.proposal.body.actions]
        assert not set(kinds) & set(truth.must_not)
        assert set(kinds) <= set(night.done)
        if first.phase is Phase.AWAITING_DECISION:
            assert isinstance(await on.decide(proposals[-1].proposal.digest), Accepted)
        ended = await on.until()
        assert ended.phase is night.end, await on.told(first.id)
        assert night.told in "\n".join(await on.told(first.id))


async def diagnosed(on: Stage, incident: Incident) -> Diagnosis:
    async with on.store.transaction() as tx:
        found = await latest_diagnosis(tx, incident.id)
    assert found is not None
    return found
