"""Whose telemetry decides: who suffers from what is repaired, not the alert that says it is still there."""

import pytest

from agents.planner.plan import Plan, plan
from agents.planner.watched import watched
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Engine, Hypothesis, Verdict
from incidents.ids import CauseSlug
from incidents.verification import CheckRole
from tests.agents.cards import CARDS
from tests.agents.cases import NOW, ONSET, case, entity, fact, library

NODE = "node/worker-2"
SUFFERING = {
    "a workload is judged by itself": ("checkout", case(), ["checkout"]),
    "of a node's workloads, those that alert": (NODE, case(at=("payments", "web")), ["payments"]),
    "who had to leave the node, though nobody of it is there now": (
        NODE,
        case(fact("pod.evicted", 0, of="web", node="worker-2"), at=(NODE,)),
        ["web"],
    ),
    "who hurts of those who live there": (NODE, case(fact("workload.unavailable", 0, of="cart"), at=(NODE,)), ["cart"]),
    "else who lives there": (NODE, case(at=(NODE,)), ["cart", "payments"]),
    "of a service, the workload behind it": ("service/checkout", case(at=("service/checkout",)), ["checkout"]),
    "of the whole cluster, who alerts": ("cluster/prod-eu", case(at=("web", "cart")), ["web", "cart"]),
}


def hypothesis(of: str, cause: str = "anything", probability: float = 0.9) -> Hypothesis:
    return Hypothesis(
        cause=CauseSlug(cause), title=cause, entity=entity(of), probability=probability, onset=ONSET, statement=""
    )


@pytest.mark.parametrize(("of", "given", "names"), SUFFERING.values(), ids=SUFFERING.keys())
def test_who_is_watched(of: str, given: CaseFile, names: list[str]) -> None:
    assert [one.rsplit("/", 1)[-1] for one in watched(hypothesis(of), case=given)] == names


CAUSES = library(
    sick_node="scope: node\nfacts:\n  must: [node.memory_pressure]\nactions: [cordon_node]\nsuccess: [workload_available]\n",
    full_volume="facts:\n  must: [disk.nearly_full]\nmust_not_worsen: [error_rate]\n",
    queue="facts:\n  must: [queue.growing]\nactions: [restart_workload]\nsuccess: [backlog_hours]\n",
)


def planned(given: CaseFile, *hypotheses: Hypothesis) -> Plan:
    diagnosis = Diagnosis(
        verdict=Verdict.SEVERAL if len(hypotheses) > 1 else Verdict.DIAGNOSED,
        hypotheses=hypotheses,
        engine=Engine.RULES,
        reason="",
        at=NOW,
        round=1,
    )
    answer = plan(given, diagnosis, CAUSES, CARDS)
    assert isinstance(answer, Plan), answer
    return answer


def test_a_cause_that_is_left_to_people_does_not_decide_whether_the_repair_of_another_helped() -> None:
    given = case(fact("errors.elevated", 0, of="web", rate=0.2, baseline=0.01), at=("payments", "web"))
    answer = planned(given, hypothesis(NODE, "sick_node"), hypothesis("web", "full_volume", 0.7))
    assert [(c.role, c.measure, c.entity) for c in answer.checks] == [
        (CheckRole.SUCCESS, "ready_share", entity("payments")),
        (CheckRole.GUARD, "error_rate", entity("web")),
    ]


def test_a_queue_is_repaired_when_it_shrinks() -> None:
    growing = fact("queue.growing", 0, queue="kafka_consumergroup_lag", depth=120000)
    (check,) = planned(case(growing), hypothesis("checkout", "queue")).checks
    assert (check.measure, check.threshold) == ("backlog_hours", 8.0)
    assert check.text == "the queue of checkout shrinks: worked off within 8 h at its pace"


def test_what_was_usual_is_read_right_before_it_began() -> None:
    answer = planned(case(at=(NODE, "payments")), hypothesis(NODE, "sick_node"))
    assert answer.usual_at is not None
    assert (ONSET - answer.usual_at).total_seconds() == 300
