"""Episodes: from alert to verified repair on a served world, and what is told of those that cannot be played."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evals.harness.episode import EpisodeJob, work
from evals.harness.scenarios import LIBRARY, jobs
from evals.harness.truth import Culprit, Known
from incidents.diagnosis import Diagnosis, Engine, Hypothesis, Verdict
from incidents.ids import CauseSlug, EntityId
from incidents.topology import Edge, Relation, Topology

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB, POD, DB = (EntityId(f"c/{rest}") for rest in ("shop/deployment/web", "shop/pod/web-0", "data/statefulset/db"))
TOPOLOGY = Topology.of([Edge(source=WEB, relation=Relation.OWNS, target=POD)])


def test_a_broken_estate_is_diagnosed_repaired_and_verified() -> None:
    [job] = jobs(["bad-deploy/checkout-memory-limit"])
    result = work(job)
    assert result.error == ""
    assert result.correct, result.ranked
    assert result.deed is not None
    assert (result.deed.ending, result.deed.healed, result.deed.harmful) == ("verified", True, ())
    assert result.metrics["right"] == result.metrics["healed"] == result.metrics["cited"] == 1.0
    assert work(job).answer == result.answer, "the same scenario gives the same answer"


def test_on_a_healthy_estate_the_ambient_question_is_answered_with_nothing() -> None:
    [job] = jobs(["healthy/quiet-night"])
    result = work(job)
    assert (result.correct, result.verdict) == (True, "inconclusive"), result.error or result.hypotheses
    assert result.metrics["quiet"] == 1.0
    assert result.deed is not None
    assert (result.deed.proposed, result.deed.healed) == ((), None)


def test_a_scenario_that_cannot_be_read_is_counted_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text((LIBRARY / "healthy" / "quiet-night.yaml").read_text().replace("healthy: true", "healty: true"))
    result = work(EpisodeJob(path=path, case="x/broken", family="x"))
    assert not result.correct
    assert "healty" in result.error or "estates/shop.yaml" in result.error


def hypothesis(cause: str, entity: EntityId, probability: float) -> Hypothesis:
    return Hypothesis(cause=CauseSlug(cause), title=cause, entity=entity, probability=probability, statement="")


def said(*hypotheses: Hypothesis, verdict: Verdict) -> Diagnosis:
    return Diagnosis(verdict=verdict, hypotheses=hypotheses, engine=Engine.RULES, reason="", at=NOW, round=1)


def truth(*pairs: tuple[str, EntityId], healthy: bool = False) -> Known:
    causes = tuple(Culprit(cause=CauseSlug(cause), entity=entity) for cause, entity in pairs)
    return Known(causes=causes, healthy=healthy, actions=(), must_not=())


LIMIT = hypothesis("limit", WEB, 0.9)
SLOW = hypothesis("slow", DB, 0.7)


@pytest.mark.parametrize(
    ("known", "diagnosis", "right"),
    [
        pytest.param(truth(("limit", WEB)), said(LIMIT, verdict=Verdict.DIAGNOSED), True, id="cause and entity"),
        pytest.param(
            truth(("limit", WEB)),
            said(hypothesis("limit", POD, 0.9), verdict=Verdict.DIAGNOSED),
            True,
            id="the pod of the workload",
        ),
        pytest.param(truth(("limit", DB)), said(LIMIT, verdict=Verdict.DIAGNOSED), False, id="the wrong entity"),
        pytest.param(truth(("slow", WEB)), said(LIMIT, verdict=Verdict.DIAGNOSED), False, id="the wrong cause"),
        pytest.param(
            truth(("limit", WEB)), said(LIMIT, verdict=Verdict.INCONCLUSIVE), False, id="right first, but not claimed"
        ),
        pytest.param(
            truth(("limit", WEB), ("slow", DB)), said(LIMIT, verdict=Verdict.DIAGNOSED), False, id="one of two causes"
        ),
        pytest.param(
            truth(("limit", WEB), ("slow", DB)), said(LIMIT, SLOW, verdict=Verdict.SEVERAL), True, id="both causes"
        ),
        pytest.param(
            truth(healthy=True), said(LIMIT, verdict=Verdict.INCONCLUSIVE), True, id="quiet where all is well"
        ),
        pytest.param(truth(healthy=True), said(LIMIT, verdict=Verdict.DIAGNOSED), False, id="an alarm for nothing"),
        pytest.param(truth(), said(verdict=Verdict.INCONCLUSIVE), True, id="silent where nobody can know"),
    ],
)
def test_an_answer_is_right_when_it_claims_the_truth(known: Known, diagnosis: Diagnosis, right: bool) -> None:
    assert known.right(diagnosis, TOPOLOGY) is right
