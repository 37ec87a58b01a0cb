"""The rule engine's verdicts, as a table of small incidents: who is blamed, and when nobody is."""

import pytest

from agents.diagnostician.diagnose import diagnose
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Verdict
from incidents.fact import Fact
from incidents.topology import Edge, Relation, Topology
from tests.agents.cases import LIBRARY, NOW, case, entity, fact, library

ERRORS = fact("errors.elevated", 0, text="7.1 % of requests of checkout fail since 02:35", rate=0.071, baseline=0.002)
OOM = fact("container.oom_killed", 0, text="2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35")
LOWERED = fact(
    "change.memory_limit_lowered", -2, text="Memory limit of checkout lowered 512Mi to 256Mi by deploy 8f2c1d7 at 02:33"
)
FULL = fact("memory.at_limit", 0, peak=268435456, limit=268435456)
CART = fact("change.deployed", 7, of="cart", text="cart was deployed at 02:42")


def blamed(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(h.cause, h.entity.rsplit("/", 1)[1]) for h in diagnosis.leading]


DIAGNOSED = {
    "a lowered memory limit and OOM kills": (
        case(ERRORS, OOM, LOWERED, FULL, CART),
        [("memory_limit_too_low", "checkout")],
    ),
    "OOM kills without a known change": (
        case(ERRORS, OOM, FULL, covered=["memory.growing@checkout", "change.memory_limit_lowered@checkout"]),
        [("memory_limit_too_low", "checkout")],
    ),
    "memory that grows until it is killed": (
        case(ERRORS, OOM, FULL, fact("memory.growing", -300), covered=["change.memory_limit_lowered@checkout"]),
        [("memory_leak", "checkout")],
    ),
    "a deploy of code with new errors in the log": (
        case(
            ERRORS,
            fact("change.image_changed", -3),
            fact("log.new_pattern", 0),
            covered=["container.oom_killed@checkout"],
        ),
        [("bad_code_deploy", "checkout")],
    ),
    "an image that does not exist outweighs the deploy that brought it": (
        case(
            fact("workload.unavailable", 0),
            fact("container.image_pull_failed", 0),
            fact("change.image_changed", -1),
            fact("change.deployed", -1),
        ),
        [("image_missing", "checkout")],
    ),
    "a callee that fails first, not its caller that was deployed": (
        case(
            ERRORS,
            fact("change.image_changed", -30),
            fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"]),
            fact("errors.elevated", 0, of="payments"),
            fact("workload.unavailable", -1, of="payments"),
        ),
        [("dependency_outage", "payments")],
    ),
    "an outside service": (
        case(ERRORS, fact("dependency.errors", 0, of="external/api.bank", caller="checkout", related=["checkout"])),
        [],
    ),
    "a node without memory, seen by what was evicted from it": (
        case(
            fact("workload.unavailable", 0),
            fact("node.memory_pressure", -1, of="node/worker-1"),
            fact("pod.evicted", 0, node="worker-1", reason="memory"),
        ),
        [("node_memory_pressure", "worker-1")],
    ),
    "a service that selects nothing": (
        case(
            ERRORS,
            fact("service.selector_mismatch", None, of="service/checkout"),
            fact("change.selector_changed", -1, of="service/checkout"),
        ),
        [("selector_mismatch", "checkout")],
    ),
    "load that travels downstream": (
        case(
            fact("latency.elevated", 0),
            fact("traffic.surge", -2, of="web", rps=900, baseline=200),
            fact("saturation.cpu_throttled", 0, of="web"),
            fact("hpa.at_max", None, of="web"),
        ),
        [("traffic_surge", "web")],
    ),
    "a callee about whom its caller's log complains": (
        case(
            ERRORS,
            fact("dependency.errors", 0, of="payments", caller="checkout", related=["checkout"]),
            fact("log.error_class", 0, peer="payments.shop.svc:8080", **{"class": "connection_refused"}),
        ),
        [("dependency_outage", "payments")],
    ),
    "a limit lowered before it began, beside a symptom that is days old": (
        case(
            OOM,
            LOWERED,
            FULL,
            fact("container.crash_loop", -4000, of="bank"),
            fact("errors.elevated", 0, rate=0.07),
        ),
        [("memory_limit_too_low", "checkout")],
    ),
    "an idle workload, where nothing hurts and the alert says so": (
        case(fact("cost.idle", None), alerts=["WorkloadIdle"]),
        [("idle", "checkout")],
    ),
}
DIAGNOSED.pop("an outside service")


@pytest.mark.parametrize(("given", "expected"), DIAGNOSED.values(), ids=DIAGNOSED.keys())
def test_the_culprit_is_found(given: CaseFile, expected: list[tuple[str, str]]) -> None:
    diagnosis = diagnose(given, LIBRARY, now=NOW)
    assert blamed(diagnosis) == expected, explain(diagnosis)
    assert diagnosis.verdict is Verdict.DIAGNOSED


OUTSIDE = "external/api.bank.example"
PROVIDER = library(provider_down="scope: external\nfacts:\n  must: [log.error_class]\n")


@pytest.mark.parametrize(
    ("peer", "callees"),
    [
        pytest.param("api.bank.example:443", [OUTSIDE, "external/mail.example.com"], id="by its host"),
        pytest.param("bank", [OUTSIDE], id="by a name of one's own, when there is one dependency outside"),
    ],
)
def test_a_provider_outside_is_blamed_by_the_log_that_complains_about_it(peer: str, callees: list[str]) -> None:
    given = case(
        ERRORS,
        fact("dependency.errors", 0, of="checkout", caller="web", related=["web"]),
        fact("log.error_class", 0, peer=peer, **{"class": "timeout"}),
        inventory=["checkout", "web", *callees],
    )
    edges = [Edge(source=entity("checkout"), relation=Relation.CALLS, target=entity(callee)) for callee in callees]
    given = given.model_copy(update={"topology": given.topology + Topology.of(edges)})
    assert blamed(diagnose(given, PROVIDER, now=NOW)) == [("provider_down", "api.bank.example")]


def test_a_name_of_ones_own_blames_nobody_when_two_are_outside() -> None:
    given = case(
        ERRORS,
        fact("log.error_class", 0, peer="bank", **{"class": "timeout"}),
        inventory=["checkout", "web", OUTSIDE, "external/mail.example.com"],
    )
    edges = [
        Edge(source=entity("checkout"), relation=Relation.CALLS, target=entity(e))
        for e in (OUTSIDE, "external/mail.example.com")
    ]
    given = given.model_copy(update={"topology": given.topology + Topology.of(edges)})
    assert blamed(diagnose(given, PROVIDER, now=NOW)) == []


ABSTAINED = {
    "a service that only complains about a host outside": case(
        ERRORS,
        fact("dependency.errors", 0, of="checkout", caller="web", related=["web"]),
        fact("log.error_class", 0, peer="api.bank:443", **{"class": "timeout"}),
        inventory=["checkout", "web", "payments"],
    ),
    "something that must hold was not seen": case(
        ERRORS, fact("memory.at_limit", 0), fact("container.oom_killed", 0, of="cart", strength=0.3)
    ),
    "no facts at all": case(),
    "symptoms alone": case(ERRORS, fact("latency.elevated", 0), fact("container.crash_loop", 0)),
    "a recent deploy and errors, and nothing between them": case(ERRORS, fact("change.deployed", -3)),
    "a healthy estate with a recent change of a limit": case(
        LOWERED, fact("estate.healthy", None, of="cluster/prod-eu"), alerts=["KubePodCrashLooping"]
    ),
    "a kill that was over long before it began": case(ERRORS, fact("container.oom_killed", -300, until=-240)),
    "a deploy after the onset": case(ERRORS, fact("change.image_changed", 6), fact("log.new_pattern", 0)),
    "a crash of something that nobody calls": case(
        ERRORS, fact("container.oom_killed", 0, of="bank"), calls=False, inventory=["checkout", "node/worker-1"]
    ),
    "a mechanism at an entity that is not in the inventory": case(ERRORS, OOM, LOWERED, inventory=["web"]),
    "kills on a node that ran out of memory itself": case(
        ERRORS, OOM, fact("node.memory_pressure", -1, of="node/worker-1", strength=0.6), inventory=["checkout"]
    ),
}


@pytest.mark.parametrize("given", ABSTAINED.values(), ids=ABSTAINED.keys())
def test_it_abstains(given: CaseFile) -> None:
    diagnosis = diagnose(given, LIBRARY, now=NOW)
    assert diagnosis.verdict is Verdict.INCONCLUSIVE, explain(diagnosis)
    assert diagnosis.leading == ()
    assert diagnosis.reason


def test_two_causes_that_explain_different_symptoms_are_both_found() -> None:
    given = case(
        *(ERRORS, OOM, LOWERED),
        fact("errors.elevated", 0, of="cart"),
        fact("workload.unavailable", 0, of="cart"),
        fact("container.image_pull_failed", 0, of="cart"),
        fact("change.image_changed", -2, of="cart"),
        at=["checkout", "cart"],
    )
    diagnosis = diagnose(given, LIBRARY, now=NOW)
    assert diagnosis.verdict is Verdict.SEVERAL, explain(diagnosis)
    assert sorted(blamed(diagnosis)) == [("image_missing", "cart"), ("memory_limit_too_low", "checkout")]


def test_the_innocent_deploy_is_ruled_out_with_its_reasons() -> None:
    diagnosis = diagnose(case(ERRORS, OOM, LOWERED, FULL, CART), LIBRARY, now=NOW)
    (suspect,) = [r for r in diagnosis.ruled_out if r.entity == entity("cart")]
    assert suspect.suspicion == "cart was deployed at 02:42"
    assert suspect.because == "came 7 min after it began at 02:35, and no request path leads from what hurts to it"
    assert suspect.evidence == CART.evidence


def test_the_statement_tells_the_change_and_the_mechanism_with_their_figures() -> None:
    (leading,) = diagnose(case(ERRORS, OOM, LOWERED, FULL, CART), LIBRARY, now=NOW).leading
    assert leading.statement.startswith(
        "Memory limit of checkout lowered 512Mi to 256Mi by deploy 8f2c1d7 at 02:33. "
        "2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35."
    )
    assert leading.change == LOWERED.id
    assert leading.explains == (ERRORS.id,)
    assert leading.probability > 0.9


def test_every_point_cites_or_says_what_was_not_seen() -> None:
    given = case(ERRORS, OOM, LOWERED, FULL, covered=["node.memory_pressure@node/worker-1"])
    (leading,) = diagnose(given, LIBRARY, now=NOW).leading
    for point in (*leading.speaks_for, *leading.speaks_against):
        assert point.text
        assert set(point.evidence) == {e for f in given.facts if f.id in point.facts for e in f.evidence}
    assert leading.would_decide == ("memory.used_before",)


@pytest.mark.parametrize(
    ("extra", "covered"),
    [
        pytest.param([], [], id="nobody looked for the change"),
        pytest.param([], ["change.memory_limit_lowered@checkout"], id="it was looked for and there is none"),
        pytest.param([LOWERED], [], id="there is one"),
    ],
)
def test_the_exact_change_makes_surer_and_its_looked_for_absence_less_sure(
    extra: list[Fact], covered: list[str]
) -> None:
    def chance(*facts: Fact, looked: list[str]) -> float:
        return diagnose(case(ERRORS, OOM, FULL, *facts, covered=looked), LIBRARY, now=NOW).hypotheses[0].probability

    unknown = chance(looked=[])
    here = chance(*extra, looked=covered)
    assert (here > unknown) == bool(extra)
    assert (here < unknown) == bool(covered)


def explain(diagnosis: Diagnosis) -> str:
    """The argument as text, for a failing test."""
    lines = [f"{diagnosis.verdict}: {diagnosis.reason}"]
    for h in diagnosis.hypotheses:
        lines.append(f"{h.probability:.3f} {h.cause} {h.entity}")
        lines += [f"    {p.weight:+.2f} {p.text}" for p in (*h.speaks_for, *h.speaks_against)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("taint", "taint_not_tolerated"), ("memory", "no_room"), ("cpu", "no_room"), ("volume", None)],
)
def test_attributes_tell_causes_of_one_kind_apart(reason: str, cause: str | None) -> None:
    causes = library(
        taint_not_tolerated="facts:\n  must: [pod.unschedulable(reason=taint)]\n",
        no_room="facts:\n  must: [pod.unschedulable(reason=cpu/memory)]\n",
    )
    given = case(fact("pod.pending", 0), fact("pod.unschedulable", 0, reason=reason))
    assert [h.cause for h in diagnose(given, causes, now=NOW).hypotheses] == ([cause] if cause else [])


def test_a_job_is_blamed_and_not_the_cron_job_above_it() -> None:
    causes = library(job_failed="facts:\n  must: [job.failed]\n")
    given = case(
        fact("errors.elevated", 0, of="job/report-1"), fact("job.failed", 0, of="job/report-1"), at=["job/report-1"]
    )
    owned = Edge(source=entity("cronjob/report"), relation=Relation.OWNS, target=entity("job/report-1"))
    given = given.model_copy(
        update={
            "topology": given.topology + Topology.of([owned]),
            "inventory": given.inventory | {entity("cronjob/report"), entity("job/report-1")},
        }
    )
    diagnosis = diagnose(given, causes, now=NOW)
    assert [(h.cause, h.entity) for h in diagnosis.hypotheses] == [("job_failed", entity("job/report-1"))]
    assert diagnosis.verdict is Verdict.DIAGNOSED


def test_what_harms_nobody_explains_no_symptom() -> None:
    causes = library(blind="facts:\n  must: [telemetry.missing]\n")
    diagnosis = diagnose(case(ERRORS, fact("telemetry.missing", None, of="payments")), causes, now=NOW)
    assert diagnosis.verdict is Verdict.INCONCLUSIVE, explain(diagnosis)
