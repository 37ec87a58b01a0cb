"""An incident that the product handled is replayed from its file: the same to the bit, or different where something is."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.runbooks.folders import SHIPPED, RunbookFolders
from agents.runbooks.library import Library
from evals.harness.scenarios import problems
from evals.replay.difference import differences
from evals.replay.imported import import_export, replayed
from evals.replay.replay import replay
from incidents.diagnosis import Engine
from incidents.incident import Phase
from incidents.policy import Effect
from incidents.proposal import Proposal
from orchestrator.exporting import Export, InvalidExportError, export
from orchestrator.policy.load import load_policy, parse_policy
from orchestrator.proposing import NothingToPropose
from tests.agents.model.openai_server import Script, served
from tests.orchestrator.conftest import database_url, embedded
from tests.orchestrator.graph.test_model import blames_the_limit
from tests.orchestrator.staging import Stage, stage

__all__ = ["database_url", "embedded"]


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """The reference incident at 02:47."""
    async with stage(tmp_path, database_url) as made:
        yield made


@pytest.fixture
def library() -> Library:
    """The runbooks that come with Midwatch."""
    return RunbookFolders((SHIPPED,)).library()


async def exported(on: Stage) -> Export:
    """The reference incident when its proposal waits, exported."""
    incident = await on.until(Phase.AWAITING_DECISION)
    async with on.store.transaction() as tx:
        return await export(tx, incident.id, settings=on.settings, policy=load_policy())


async def test_an_exported_incident_is_replayed_to_the_bit_and_differs_where_something_changed(
    on: Stage, tmp_path: Path, library: Library
) -> None:
    made = await exported(on)
    path = tmp_path / made.file_name
    made.write(path)
    read = Export.read(path)
    assert read == made

    again = await replay(read, library=library)
    assert again.diagnosis == read.diagnoses[-1]
    assert isinstance(again.proposal, Proposal)
    assert read.proposal is not None
    assert again.proposal.body == read.proposal.body
    assert again.proposal.digest == read.proposal.digest

    denied = parse_policy("rules: []", source="nothing allowed")
    strict = await replay(read, library=library, policy=denied)
    assert strict.diagnosis == again.diagnosis
    assert isinstance(strict.proposal, Proposal)
    assert strict.proposal.body.policy.effect is Effect.DENY

    cause = again.diagnosis.leading[0].cause
    without = Library.of(book for book in library.runbooks if book.cause is None or book.cause.slug != cause)
    other = await replay(read, library=without)
    assert cause not in {hypothesis.cause for hypothesis in other.diagnosis.hypotheses}


async def test_a_question_that_was_not_asked_is_answered_not_recorded(on: Stage, library: Library) -> None:
    made = await exported(on)
    [one] = [look for look in made.looks if look.agent == "kubernetes" and look.round == 1]
    asked_then = {answer.probe for answer in one.answers}
    bare = made.model_copy(
        update={"looks": tuple(look for look in made.looks if look is not one), "rehearsals": ()},
    )
    again = await replay(bare, library=library)
    unknown = {gap.what for gap in again.found.case.gaps if gap.agent == "kubernetes" and "not recorded" in gap.why}
    assert asked_then & unknown
    assert isinstance(again.proposal, NothingToPropose), "no action was rehearsed"


async def test_what_a_model_argued_is_argued_again_without_it(
    tmp_path: Path,
    database_url: str,
    library: Library,
) -> None:
    with served(Script([blames_the_limit])) as url:
        model = {"name": "openai:scripted", "base_url": url, "api_key": "sk-test-of-loopback", "timeout_seconds": 20}
        async with stage(tmp_path, database_url, model=model) as on:
            made = await exported(on)
    assert made.diagnoses[-1].engine is Engine.MODEL, made.diagnoses[-1].engine_note
    again = await replay(made, library=library)
    assert again.diagnosis == made.diagnoses[-1]
    assert differences(made, again) == ()

    silent = made.model_copy(update={"looks": tuple(look for look in made.looks if not look.calls)})
    rules = await replay(silent, library=library)
    assert rules.diagnosis.engine is Engine.RULES
    assert "was not recorded" in rules.diagnosis.engine_note


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file that is none."""
    path = tmp_path / "incident.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"digest": "sha256:0", "export": {"format": "other"}}).encode()))
    return path


def test_a_file_that_is_no_export_is_refused_with_its_name(written: Path) -> None:
    with pytest.raises(InvalidExportError, match=r"incident\.json\.gz is no export"):
        Export.read(written)


async def test_a_handled_incident_becomes_a_scenario_once_its_truth_is_confirmed(on: Stage, tmp_path: Path) -> None:
    made = await exported(on)
    source = tmp_path / made.file_name
    made.write(source)
    path = import_export(source, folder=tmp_path / "incidents")
    [problem] = problems(path)
    assert "confirmed" in problem
    path.write_text(path.read_text().replace("confirmed: false", "confirmed: true"))
    assert problems(path) == []
    library = RunbookFolders((SHIPPED,)).library()
    result = await replayed(path, case="incidents/one", family="incidents", library=library)
    assert result.correct
    assert result.expected == "memory_limit_too_low at shop/deployment/checkout"
