"""With a model configured the same incident is argued by it, over the provider's real client; code checks and people decide."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from incidents.approval import Accepted
from incidents.diagnosis import Engine
from incidents.incident import Phase
from orchestrator.store.casefiles import load_case
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.spending import spending_of
from tests.agents.model.openai_server import Body, Reply, Script, answers, served
from tests.orchestrator.staging import stage

FENCED = re.compile(r"^BEGIN DATA (\w+)\n(.*?)\nEND DATA \1$", re.MULTILINE | re.DOTALL)


def case_in(request: Body) -> dict[str, Any]:
    """The case as the model was shown it."""
    text = "\n".join(str(message["content"]) for message in request["messages"])
    documents = [json.loads(match[2]) for match in FENCED.finditer(text)]
    return next(document for document in documents if "facts" in document)


def blames_the_limit(request: Body) -> Reply:
    """What a good model would answer: the killed containers, cited as they were shown."""
    killed = next(fact for fact in case_in(request)["facts"] if fact["kind"] == "container.oom_killed")
    hypothesis = {
        "cause": "memory_limit_too_low",
        "entity": killed["entity"],
        "probability": 0.93,
        "statement": "The new limit is below what checkout needs.",
        "speaks_for": [{"text": killed["text"], "evidence": killed["evidence"]}],
    }
    return answers(verdict="diagnosed", reason="The kills began with the deploy.", hypotheses=[hypothesis])


def invents_an_entity(_: Body) -> Reply:
    """What a bad one answers, again when it is told."""
    hypothesis = {
        "cause": "memory_limit_too_low",
        "entity": "shop-eu/shop/deployment/made-up",
        "probability": 0.99,
        "statement": "It is certain.",
        "speaks_for": [{"text": "I know it", "evidence": ["ev-0000000000000000"]}],
    }
    return answers(verdict="diagnosed", reason="Trust me.", hypotheses=[hypothesis])


@pytest.mark.parametrize(
    ("reply", "engine"),
    [
        pytest.param(blames_the_limit, Engine.MODEL, id="an answer that holds is taken"),
        pytest.param(invents_an_entity, Engine.RULES, id="an answer that does not hold leaves the rules' one"),
    ],
)
async def test_the_incident_is_verified_with_a_model_in_the_argument(
    reply: Any, engine: Engine, tmp_path: Path, database_url: str
) -> None:
    script = Script([reply])
    with served(script) as url:
        model = {"name": "openai:scripted", "base_url": url, "api_key": "sk-test-of-loopback", "timeout_seconds": 20}
        async with stage(tmp_path, database_url, model=model) as on:
            incident = await on.until(Phase.AWAITING_DECISION)
            [stored] = await on.proposals(incident.id)
            body = stored.proposal.body
            assert (body.cause, body.entity) == ("memory_limit_too_low", on.id("shop/deployment/checkout"))
            async with on.store.transaction() as tx:
                diagnosis = await latest_diagnosis(tx, incident.id)
                spent = await spending_of(tx, incident.id)
                case = await load_case(tx, incident.id, bodies=False)
            assert diagnosis is not None
            assert diagnosis.engine is engine, diagnosis.engine_note
            assert diagnosis.engine_note
            assert sum(item.calls for item in spent) == len(script.requests) > 0
            assert any(seen.probe == "model.conversation" for seen in case.evidence)
            assert isinstance(await on.decide(stored.proposal.digest), Accepted)
            assert (await on.until()).phase is Phase.VERIFIED
