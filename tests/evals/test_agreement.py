"""The harness and the product are one: over the same estate at the same moment they argue and propose alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.planner.plan import NoPlan, plan
from evals.harness.investigation import Living, inquire
from evals.harness.scenarios import LIBRARY
from incidents.incident import Phase
from orchestrator.store.casefiles import load_case
from orchestrator.store.diagnoses import latest_diagnosis
from tests.orchestrator.staging import stage


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param("bad-deploy/checkout-memory-limit", id="a bad deploy that alerts in one namespace"),
        pytest.param("images/catalog-tag-not-found", id="a rollout that waits for an image"),
    ],
)
async def test_the_harness_says_what_the_graph_says(scenario: str, tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url, (LIBRARY / scenario).with_suffix(".yaml")) as on:
        incident = await on.until(Phase.AWAITING_DECISION)
        async with on.store.transaction() as tx:
            case = await load_case(tx, incident.id)
            said = await latest_diagnosis(tx, incident.id)
        [stored] = await on.proposals(incident.id)
        living = Living(cluster=on.bench.cluster(on.cluster), clock=on.clock)
        found = await inquire(living, case.incident, case.alerts, library=on.bench.library)
    assert said is not None
    assert found.diagnosis == said
    assert {fact.id for fact in found.case.facts} == {fact.id for fact in case.facts}
    planned = plan(found.case, found.diagnosis, on.bench.library, on.bench.cards)
    assert not isinstance(planned, NoPlan)
    assert stored.proposal.body.actions[0].request in (*planned.requests, *planned.fallbacks)
