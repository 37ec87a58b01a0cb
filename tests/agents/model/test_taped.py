"""A model's run is recorded, repeated without the model, and refused where it would have to be invented."""

from __future__ import annotations

from agents.diagnostician.diagnose import diagnose
from agents.model.engine import ModelEngine, engine_of, replaying
from agents.model.record import Ending
from incidents.diagnosis import Engine
from tests.agents.cases import LIBRARY, NOW
from tests.agents.model.openai_server import Script, calls, served
from tests.agents.model.test_engine import CASE, SEEN, FakeDesk, Settings, good


async def test_what_a_model_said_is_said_again_without_it() -> None:
    script = Script([calls("read_evidence", {"id": SEEN.id}), good()])
    rules = diagnose(CASE, LIBRARY, now=NOW)
    with served(script) as url:
        engine = engine_of(Settings(url))
        assert isinstance(engine, ModelEngine)
        first = await engine.argue(CASE, rules, LIBRARY, FakeDesk(), now=NOW)
    assert first.diagnosis.engine is Engine.MODEL, first.diagnosis.engine_note
    assert len(first.calls) == len(script.requests) == 2

    again = await replaying(engine.name, first.calls).argue(CASE, rules, LIBRARY, FakeDesk(), now=NOW)
    timeless = {"engine_note": ""}
    assert again.diagnosis.model_copy(update=timeless) == first.diagnosis.model_copy(update=timeless)
    assert (again.record.calls, again.record.tokens_in) == (first.record.calls, first.record.tokens_in)


async def test_a_conversation_that_was_not_recorded_lets_the_rules_stand() -> None:
    rules = diagnose(CASE, LIBRARY, now=NOW)
    argued = await replaying("openai:scripted", ()).argue(CASE, rules, LIBRARY, FakeDesk(), now=NOW)
    assert argued.record.ending is Ending.UNAVAILABLE
    assert argued.diagnosis.hypotheses == rules.hypotheses
    assert "was not recorded" in argued.diagnosis.engine_note


async def test_a_key_that_a_model_repeats_is_not_kept() -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    script = Script([good(statement=f"The limit is too low; aws_access_key_id={secret}")])
    with served(script) as url:
        engine = engine_of(Settings(url))
        assert isinstance(engine, ModelEngine)
        argued = await engine.argue(CASE, diagnose(CASE, LIBRARY, now=NOW), LIBRARY, FakeDesk(), now=NOW)
    assert argued.calls
    assert secret not in "".join(call.response for call in argued.calls)
