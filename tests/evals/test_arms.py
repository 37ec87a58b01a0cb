"""Engines side by side on the same cases; a model's run repeated from what was recorded, without the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.harness.arms import TapeError, read_calls
from service.cli import app
from tests.agents.model.openai_server import Body, Reply, Script, answers, calls, served
from tests.orchestrator.graph.test_model import blames_the_limit, case_in

SCENARIO = "bad-deploy/checkout-memory-limit"


def argues(request: Body) -> Reply:
    """Over the specialists' facts: what they show. Alone: one question, and then what nobody can prove."""
    if case_in(request)["facts"]:
        return blames_the_limit(request)
    if not any(message["role"] == "tool" for message in request["messages"]):
        return calls("kubernetes_pods", {"namespace": "shop"})
    return answers(verdict="inconclusive", reason="I do not know.", hypotheses=[])


def run(*arguments: str) -> str:
    """Run `midwatch eval`."""
    done = CliRunner().invoke(app, ["eval", SCENARIO, *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_engines_are_compared_and_a_models_run_is_repeated_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape, first, second = tmp_path / "tape.jsonl", tmp_path / "first.json", tmp_path / "second.json"
    arms = ("--arms", "rules,model,model-alone", "--model", "openai:scripted")
    monkeypatch.setenv("MIDWATCH_MODEL__API_KEY", "sk-test-of-loopback")
    script = Script([argues])
    with served(script) as url:
        monkeypatch.setenv("MIDWATCH_MODEL__BASE_URL", url)
        output = run(*arms, "--record-model", str(tape), "--json", str(first))
    assert "engine by engine" in output
    asked = len(script.requests)
    assert asked >= 3
    told = json.loads(first.read_text())
    assert told["results"][0]["correct"]
    assert told["arms"]["model"]["results"][0]["correct"]
    assert not told["arms"]["model-alone"]["results"][0]["correct"]
    assert told["arms"]["model-alone"]["metrics"]["tokens"] > 0

    run(*arms, "--replay-model", str(tape), "--json", str(second))
    assert len(script.requests) == asked
    again = json.loads(second.read_text())
    for arm in ("model", "model-alone"):
        [before], [after] = told["arms"][arm]["results"], again["arms"][arm]["results"]
        assert after["hypotheses"] == before["hypotheses"]
        assert after["reason"] == before["reason"]


def test_an_unknown_arm_and_a_missing_model_are_refused_with_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIDWATCH_MODEL", raising=False)
    done = CliRunner().invoke(app, ["eval", SCENARIO, "--arms", "rules,oracle"])
    assert done.exit_code == 2
    assert "there is no arm 'oracle'" in done.output
    done = CliRunner().invoke(app, ["eval", SCENARIO, "--arms", "model"])
    assert done.exit_code == 2
    assert "need a model" in done.output


def test_a_recording_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    path.write_text('{"key": "a", "response": "{}"}\nnonsense\n')
    with pytest.raises(TapeError, match=r"tape\.jsonl:2"):
        read_calls(path)
