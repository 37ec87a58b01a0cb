"""Which delivery brought what is wrong: a release right before, the last sync, or nobody's sync at all."""

import pytest

from agents.planner.arguments import NoArgumentError, arguments
from agents.planner.delivery import drifted, release, sync_of
from agents.planner.evidence import Known
from incidents.cause import ActionHint
from incidents.diagnosis import Argument, Hypothesis
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole
from incidents.ids import ActionKind, CauseSlug
from incidents.topology import Edge, Relation, Topology
from tests.agents.cards import CARDS, card
from tests.agents.cases import ONSET, case, entity, fact

APPLICATION, REPOSITORY = entity("application/shop"), entity("repository/acme/shop")
SERVICE, CONFIG, SCALER = (
    entity("service/checkout"),
    entity("configmap/checkout-config"),
    entity("horizontalpodautoscaler/checkout"),
)
MANAGED = Topology.of(
    [
        *(
            Edge(source=APPLICATION, relation=Relation.DEPLOYS, target=one)
            for one in (entity("checkout"), SERVICE, CONFIG, SCALER)
        ),
        Edge(source=APPLICATION, relation=Relation.BUILT_FROM, target=REPOSITORY),
        Edge(source=entity("checkout"), relation=Relation.BUILT_FROM, target=REPOSITORY),
        Edge(source=SCALER, relation=Relation.SCALES, target=entity("checkout")),
    ]
)
SYNCED = fact("argocd.synced", -2, of="application/shop", commit="8f2c1d7", history_id=4, previous_history_id=3)
OUT = fact("argocd.out_of_sync", None, of="application/shop")
OOM = fact("container.oom_killed", 0, container="web", total_pods=6)
DEPLOYED = fact("change.deployed", -2, revision=42, previous_revision=41, commit="8f2c1d7", previous_history_id=3)


def known(*facts: Fact, of: str = "checkout", cites: tuple[Fact, ...] = (), change: Fact | None = None) -> Known:
    """What is known around a hypothesis about `of` that cites these facts."""
    given = case(*facts, *cites)
    given = given.model_copy(
        update={
            "topology": given.topology + MANAGED,
            "inventory": given.inventory | {APPLICATION, REPOSITORY, SERVICE, CONFIG},
        }
    )
    hypothesis = Hypothesis(
        cause=CauseSlug("anything"),
        title="Anything",
        entity=entity(of),
        probability=0.9,
        speaks_for=(Argument(text="", weight=1.0, facts=tuple(one.id for one in cites)),),
        onset=ONSET,
        change=change.id if change else None,
        statement="",
    )
    return Known(given, hypothesis)


def filled(kind: str, target: str, about: Known) -> dict[str, object]:
    sync = card("argocd_sync", EntityKind.APPLICATION, arguments=("objects",), required=("objects",))
    cards = {**CARDS, ActionKind("argocd_sync"): sync}
    hint = ActionHint(kind=ActionKind(kind))
    return dict(arguments(hint, card=cards[ActionKind(kind)], target=entity(target), known=about))


RELEASES = {
    "a container that is killed from the first minutes of a revision on": (known(DEPLOYED, cites=(OOM,)), True),
    "one that ran well for an hour before": (
        known(fact("change.deployed", -60, revision=42, previous_revision=41), cites=(OOM,)),
        False,
    ),
    "a revision that came after it began": (
        known(fact("change.deployed", 8, revision=42, previous_revision=41), cites=(OOM,)),
        False,
    ),
    "a restart of the same template": (known(DEPLOYED, fact("change.restarted", -2), cites=(OOM,)), False),
    "slow answers, which have other reasons": (known(DEPLOYED, cites=(fact("latency.elevated", 0),)), False),
    "a release of another workload": (
        known(fact("change.deployed", -2, of="cart", revision=2, previous_revision=1), cites=(OOM,)),
        False,
    ),
}


@pytest.mark.parametrize(("about", "blamed"), RELEASES.values(), ids=RELEASES.keys())
def test_a_release_is_taken_back_when_its_own_processes_fail_from_the_start(about: Known, *, blamed: bool) -> None:
    assert (release(entity("checkout"), known=about) is not None) is blamed


def test_a_change_that_is_blamed_comes_before_a_release_that_is_near() -> None:
    lowered = fact("change.memory_limit_lowered", -2)
    assert release(entity("checkout"), known=known(DEPLOYED, lowered, cites=(OOM,), change=lowered)) is None


MISMATCH = fact("service.selector_mismatch", -2, of="service/checkout", role=FactRole.STATE)
WRITTEN = fact("change.selector_changed", -2, of="service/checkout", actor="argocd-controller")
LATER = fact("change.selector_changed", 6, of="service/checkout", actor="somebody")
LOWERED = fact("change.autoscaler_changed", -2, of="horizontalpodautoscaler/checkout")
SYNCS = {
    "the write of the selector is the sync's": (
        known(SYNCED, WRITTEN, of="service/checkout", cites=(MISMATCH,), change=WRITTEN),
        True,
    ),
    "a state without a writer that began right after the sync": (
        known(SYNCED, of="service/checkout", cites=(MISMATCH,)),
        True,
    ),
    "a write long after the sync": (
        known(SYNCED, LATER, of="service/checkout", cites=(MISMATCH,), change=LATER),
        False,
    ),
    "an application that differs from Git: what is there is not what was synchronised": (
        known(SYNCED, OUT, WRITTEN, of="service/checkout", cites=(MISMATCH,), change=WRITTEN),
        False,
    ),
    "a sync of yesterday": (
        known(
            fact("argocd.synced", -1440, of="application/shop", history_id=4, previous_history_id=3),
            of="service/checkout",
            cites=(MISMATCH,),
        ),
        False,
    ),
    "an object that the application does not manage": (known(SYNCED, of="service/payments", cites=(MISMATCH,)), False),
    "the autoscaler of the blamed workload was written by it": (
        known(SYNCED, LOWERED, cites=(fact("hpa.at_max", -2, max=2, current=2),)),
        True,
    ),
    "a workload beside which nothing was written": (
        known(SYNCED, cites=(fact("hpa.at_max", -2, max=2, current=2),)),
        False,
    ),
}


@pytest.mark.parametrize(("about", "brought"), SYNCS.values(), ids=SYNCS.keys())
def test_the_last_sync_is_taken_back_when_it_brought_what_is_wrong(about: Known, *, brought: bool) -> None:
    assert (sync_of(APPLICATION, known=about) is not None) is brought


def test_what_a_sync_brought_is_taken_back_to_the_entry_before_it_or_by_its_commit() -> None:
    about = known(SYNCED, WRITTEN, of="service/checkout", cites=(MISMATCH,), change=WRITTEN)
    assert filled("argocd_rollback", "application/shop", about) == {"to_id": 3}
    assert filled("revert_pull_request", "repository/acme/shop", about) == {"commit": "8f2c1d7"}


def test_a_sync_that_failed_is_reverted_by_the_commit_that_it_could_not_apply() -> None:
    failed = fact("argocd.sync_failed", -2, of="application/shop", commit="dbe33ee")
    assert filled("revert_pull_request", "repository/acme/shop", known(cites=(failed,))) == {"commit": "dbe33ee"}


def test_a_change_by_hand_is_no_reason_to_roll_the_application_back_but_the_workload() -> None:
    by_hand = fact("change.manual", -2, actor="kubectl-edit")
    written = fact("change.env_changed", -2, revision=42, previous_revision=41)
    about = known(SYNCED, by_hand, written, cites=(OOM,), change=by_hand)
    with pytest.raises(NoArgumentError, match="by hand"):
        filled("argocd_rollback", "application/shop", about)
    assert filled("rollback_workload", "checkout", about) == {"to_revision": 41}
    with pytest.raises(NoArgumentError, match="by hand"):
        filled("argocd_rollback", "application/shop", known(SYNCED, by_hand, written, cites=(OOM,), change=written))


def drift(of: str, *, missing: bool = False) -> Fact:
    return fact("argocd.drifted", None, of=of, related=("application/shop",), application="shop", missing=missing)


GONE = fact("container.create_config_error", 0, missing_kind="configmap", missing_name="checkout-config")
DRIFTS = {
    "the service that is blamed": (known(drift("service/checkout"), of="service/checkout"), [SERVICE]),
    "a service of the blamed workload": (known(drift("service/checkout")), [SERVICE]),
    "a config map that is referred to and was deleted": (
        known(drift("configmap/checkout-config", missing=True), cites=(GONE,)),
        [CONFIG],
    ),
    "one that was deleted and that nothing speaks of": (known(drift("configmap/checkout-config", missing=True)), []),
    "the workload itself, which goes back by its revisions": (known(drift("checkout")), []),
}


@pytest.mark.parametrize(("about", "objects"), DRIFTS.values(), ids=DRIFTS.keys())
def test_what_differs_from_git_and_matters_here(about: Known, objects: list[str]) -> None:
    assert drifted(APPLICATION, known=about) == objects


def test_only_what_is_known_to_differ_is_put_back() -> None:
    about = known(drift("service/checkout"), of="service/checkout")
    assert filled("argocd_sync", "application/shop", about) == {"objects": SERVICE}
    with pytest.raises(NoArgumentError, match="differ from Git"):
        filled("argocd_sync", "application/shop", known(of="service/checkout"))


def test_a_restart_that_would_load_an_ended_certificate_again_is_refused() -> None:
    ended = fact("certificate.expired", 0, subject="CN=checkout")
    with pytest.raises(NoArgumentError, match="same certificate"):
        filled("restart_workload", "checkout", known(cites=(ended,)))
    assert filled("restart_workload", "checkout", known(cites=(fact("certificate.rejected", 0),))) == {}


def test_clocks_of_argo_cd_and_the_api_server_may_differ_by_a_minute() -> None:
    late = fact("change.selector_changed", -1, of="service/checkout")
    assert sync_of(APPLICATION, known=known(SYNCED, late, of="service/checkout", change=late)) is not None
