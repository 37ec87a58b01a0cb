"""The reference incident with the runbooks that ship: from facts as the specialists state them to the plan."""

from agents.challenger import challenge
from agents.diagnostician.diagnose import diagnose
from agents.planner.plan import Plan, plan
from agents.runbooks.folders import RunbookFolders
from incidents.casefile import CaseFile
from incidents.diagnosis import Hypothesis, Verdict
from tests.agents.cards import CARDS
from tests.agents.cases import NOW, case, entity, fact

LIBRARY = RunbookFolders().library()

DEPLOY = {"revision": 42, "previous_revision": 41, "commit": "8f2c1d7"}
INNOCENT = {"revision": 8, "previous_revision": 7, "commit": "1e3b739"}


def story() -> CaseFile:
    """2:47 AM: a limit was lowered at 02:33, pods are killed from 02:35 on, cart was deployed at 02:42."""
    return case(
        fact("errors.elevated", 0, rate=0.071, baseline=0.002),
        fact("errors.elevated", 0, of="web", rate=0.03, baseline=0.001),
        fact("latency.elevated", 0, p99_s=0.41, baseline_s=0.24),
        fact("container.crash_loop", 1, container="web", restarts=9, pods=2, total_pods=6),
        fact("container.oom_killed", 1, container="web", count=9, limit_bytes=268435456, pods=2, total_pods=6),
        fact("memory.at_limit", 1, container="web", peak=268435456, limit=268435456, ratio=1.0),
        fact("memory.used_before", None, until=0, container="web", peak=356515840),
        fact(
            "change.memory_limit_lowered",
            -2,
            text="Memory limit of checkout lowered 512Mi to 256Mi by 8f2c1d7",
            **DEPLOY,
        ),
        fact("change.image_changed", -2, **DEPLOY),
        fact("change.code", -2, **DEPLOY),
        fact("change.deployed", -2, **DEPLOY),
        fact("change.near_onset", -2, minutes_before=2.0, rank=1),
        fact("change.deployed", 7, of="cart", text="cart was deployed at 02:42", **INNOCENT),
        fact("change.image_changed", 7, of="cart", **INNOCENT),
        fact("dependency.healthy", None, of="payments", caller="checkout"),
        fact("dependency.errors", 0, of="checkout", caller="web", related=["web"]),
        fact("log.new_pattern", 0),
        alerts=("ServiceHighErrorRate", "KubePodCrashLooping"),
        at=("checkout", "service/checkout", "web"),
        covered=("node.memory_pressure@checkout", "memory.growing@checkout", "change.flag@checkout"),
    )


def test_the_lowered_limit_is_found_and_the_innocent_deploy_cleared() -> None:
    given = story()
    answer = challenge(given, diagnose(given, LIBRARY, now=NOW), LIBRARY, now=NOW)
    diagnosis = answer.diagnosis
    (leading,) = diagnosis.leading
    assert (diagnosis.verdict, leading.cause, leading.entity) == (
        Verdict.DIAGNOSED,
        "memory_limit_too_low",
        entity("checkout"),
    )
    assert leading.probability > 0.9
    assert answer.agrees
    assert leading.statement.startswith("Memory limit of checkout lowered 512Mi to 256Mi by 8f2c1d7.")
    assert "cart was deployed at 02:42" in [suspect.suspicion for suspect in diagnosis.ruled_out]


def test_the_plan_goes_back_to_the_revision_that_worked() -> None:
    given = story()
    answer = plan(given, diagnose(given, LIBRARY, now=NOW), LIBRARY, CARDS)
    assert isinstance(answer, Plan)
    (request,) = answer.requests
    assert (request.kind, request.target, request.arguments) == (
        "rollback_workload",
        entity("checkout"),
        {"to_revision": 41},
    )
    assert [r.arguments["memory_limit"] for r in answer.fallbacks] == ["448Mi"]
    assert {(c.role.value, c.measure) for c in answer.checks} >= {
        ("success", "workload_available"),
        ("success", "error_rate"),
        ("must_not_worsen", "latency_p99"),
    }


def argued(hypothesis: Hypothesis) -> float:
    """The log odds of all that was said; the probability is capped."""
    return sum(point.weight for point in (*hypothesis.speaks_for, *hypothesis.speaks_against))


def test_without_its_facts_from_one_agent_it_is_less_sure_or_silent() -> None:
    """Symptoms from metrics alone, or pods alone, do not make the case that all of them make together."""
    given = story()
    whole = argued(diagnose(given, LIBRARY, now=NOW).hypotheses[0])
    for domains in (("container",), ("change",), ("memory",)):
        rest = tuple(f for f in given.facts if f.kind.partition(".")[0] not in domains)
        found = diagnose(given.model_copy(update={"facts": rest}), LIBRARY, now=NOW).hypotheses
        same = [argued(h) for h in found if h.cause == "memory_limit_too_low"]
        assert not same or same[0] < whole
