"""The runbooks that come with Midwatch: clean, readable, and each cause is told from all others by its own facts."""

import pytest

from agents.detector import vocabulary
from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.spread import harms
from agents.diagnostician.weights import DIAGNOSED, PLACES_TO_LOOK
from agents.runbooks.folders import RunbookFolders
from agents.runbooks.library import Library
from agents.runbooks.lint import Known, lint
from agents.runbooks.parser import parse
from agents.runbooks.problem import Severity
from agents.runbooks.runbook import SECTIONS, Runbook
from agents.runbooks.template import draft
from incidents.cause import Alternative, Cause, Scope
from incidents.fact import Fact, FactRole
from tests.agents.cases import CLUSTER, NOW, ONSET, case, entity, fact
from tools.action import actions

FOLDERS = RunbookFolders()
LIBRARY = FOLDERS.library()
PLACES = {
    Scope.WORKLOAD: "checkout",
    Scope.NODE: "node/worker-1",
    Scope.SERVICE: "service/checkout",
    Scope.INGRESS: "ingress/shop",
    Scope.NAMESPACE: "namespace/shop",
    Scope.CLUSTER: f"cluster/{CLUSTER}",
    Scope.EXTERNAL: "external/api.bank",
    Scope.PVC: "persistentvolumeclaim/data",
    Scope.POD: "pod/checkout-1",
}


def test_the_shipped_runbooks_have_no_problem() -> None:
    known = Known.of(vocabulary(), [action.card for action in actions().values()])
    assert [str(problem) for problem in (*FOLDERS.problems, *lint(LIBRARY, known=known))] == []


def test_the_draft_of_a_new_runbook_lacks_nothing_but_its_author_s_words() -> None:
    known = Known.of(vocabulary(), [action.card for action in actions().values()])
    runbook = parse(draft(slug="licence-server", title='Licence: "server" down'), path="licence-server.md").runbook
    assert runbook is not None
    problems = lint(Library.of([runbook]), known=known)
    assert [p.message.split()[-4:] for p in problems] == [["the", "draft's", "own", "words"]] * 5
    assert {p.severity for p in problems} == {Severity.WARNING}
    assert runbook.cause is not None
    assert (runbook.cause.slug, runbook.title) == ("licence_server", 'Licence: "server" down')


def test_there_are_enough_of_them_and_each_says_who_owns_it() -> None:
    assert len(LIBRARY.causes) >= 60
    assert [cause.slug for cause in LIBRARY.causes if not cause.owners] == []


@pytest.mark.parametrize("runbook", LIBRARY.runbooks, ids=lambda runbook: runbook.slug)
def test_a_person_at_night_finds_what_they_need(runbook: Runbook) -> None:
    assert [section.heading for section in runbook.sections] == list(SECTIONS)
    assert len(runbook.title) <= 60
    assert len(" ".join(section.text for section in runbook.sections).split()) >= 70
    assert runbook.section("Mitigation").startswith("1."), "what to do first stands first"
    assert runbook.section("Prevention").startswith("-")


def told(line: Alternative, *, of: str, minutes: float) -> Fact:
    """The first kind that a line asks for, as its detector would state it."""
    kind = line.kinds[0]
    role = vocabulary()[kind].role
    conditions = line.where.get(kind)
    attributes = {name: values[0] for name, values in conditions[0].items()} if conditions else {}
    at = None if role is FactRole.STATE else minutes - 2 if role is FactRole.CHANGE else minutes
    between = {"caller": "checkout"} if kind.startswith("dependency.") and of != "checkout" else {}
    return fact(kind, at, of=of, role=role, related=between.values(), **between, **attributes)


def textbook(cause: Cause) -> tuple[list[Fact], str]:
    """Everything that a cause predicts, at one entity, with the errors that brought the alert."""
    place = PLACES[cause.scope]
    facts = [told(line, of=place, minutes=0) for line in (*cause.must, *cause.likely)]
    never = {kind for line in cause.never for kind in line.kinds}
    if "errors.elevated" not in never and harms(cause):
        facts.append(fact("errors.elevated", 0))
    return list({f.id: f for f in facts}.values()), place


@pytest.mark.parametrize("cause", LIBRARY.causes, ids=lambda cause: cause.slug)
def test_each_cause_is_found_from_what_it_predicts(cause: Cause) -> None:
    facts, place = textbook(cause)
    given = case(*facts, alerts=[cause.alerts[0]], at=["checkout" if harms(cause) else place])
    given = given.model_copy(update={"inventory": given.inventory | {entity(place)}, "onset": ONSET})
    diagnosis = diagnose(given, LIBRARY, now=NOW)
    found = [(h.cause, h.probability) for h in diagnosis.hypotheses[:4]]
    assert found, diagnosis.reason
    proven = any(kind not in PLACES_TO_LOOK for line in cause.must for kind in line.kinds)
    assert (found[0][0], found[0][1] >= DIAGNOSED) == (cause.slug, proven), (found, diagnosis.reason)


FULL = fact("quota.nearly_full", None, of="namespace/shop")


@pytest.mark.parametrize(
    ("alert", "at", "seen", "cause"),
    [
        (
            "BlackboxProbeFailed",
            "checkout",
            fact("service.port_mismatch", None, of="service/checkout", role=FactRole.STATE),
            "service_port_mismatch",
        ),
        (
            "BlackboxProbeFailed",
            "checkout",
            fact("service.selector_mismatch", None, of="service/checkout"),
            "service_selector_mismatch",
        ),
        ("KubeQuotaFullyUsed", "namespace/shop", FULL, "quota_nearly_full"),
    ],
)
def test_an_alert_that_names_the_failure_is_enough_where_nothing_is_measured(
    alert: str, at: str, seen: Fact, cause: str
) -> None:
    found = diagnose(case(seen, alerts=[alert], at=[at]), LIBRARY, now=NOW)
    assert [one.cause for one in found.leading] == [cause]
    other = diagnose(case(seen, alerts=["SomethingElse"], at=[at]), LIBRARY, now=NOW)
    assert other.leading == (), "another alert is not explained by it"
