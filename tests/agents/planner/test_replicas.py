"""How many pods a load needs, and how many an autoscaler leaves alone."""

import pytest

from agents.planner.arguments import NoArgumentError, arguments
from agents.planner.replicas import UnknownSizeError, for_the_load
from incidents.cause import ActionHint, Expression
from incidents.fact import Fact
from incidents.ids import ActionKind, FactKind
from tests.agents.cards import CARDS
from tests.agents.cases import entity, fact
from tests.agents.planner.test_delivery import known

SCALE = ActionKind("scale_workload")


def size(pods: int) -> Fact:
    return fact("workload.size", None, replicas=pods, ready=pods)


def surge(ratio: float) -> Fact:
    return fact("traffic.surge", -2, ratio=ratio)


LOADS = {
    "so many that each has as much to do as before": ((size(6), surge(2.0)), 12),
    "fewer where they had nearly nothing to do": (
        (size(2), surge(32.0), fact("saturation.cpu_high", 0, baseline=0.07)),
        8,
    ),
    "at least one more": ((size(4), surge(1.2), fact("saturation.cpu_high", 0, baseline=0.1)), 5),
    "never more than five times as many at once": ((size(3), surge(40.0)), 15),
}


@pytest.mark.parametrize(("facts", "pods"), LOADS.values(), ids=LOADS.keys())
def test_pods_for_the_load(facts: tuple[Fact, ...], pods: int) -> None:
    assert for_the_load(entity("checkout"), known=known(*facts)) == pods


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        pytest.param((surge(2.0),), "how many pods it has", id="no size"),
        pytest.param((size(6),), "how far its load rose", id="no surge"),
        pytest.param((fact("workload.size", None, of="cart", replicas=6), surge(2.0)), "how many pods", id="another's"),
    ],
)
def test_what_was_not_seen_is_not_guessed(facts: tuple[Fact, ...], why: str) -> None:
    with pytest.raises(UnknownSizeError, match=why):
        for_the_load(entity("checkout"), known=known(*facts))


def doubled(*facts: Fact) -> object:
    replicas = Expression(factor=2.0, fact=FactKind("hpa.cannot_read_metrics"), attribute="current")
    hint = ActionHint(kind=SCALE, arguments={"replicas": replicas})
    return arguments(hint, card=CARDS[SCALE], target=entity("checkout"), known=known(*facts))["replicas"]


def test_a_blind_autoscaler_takes_away_what_is_above_its_maximum() -> None:
    def blind(current: int) -> Fact:
        return fact("hpa.cannot_read_metrics", -5, max=6, current=current)

    assert doubled(blind(2), size(2)) == 4
    assert doubled(blind(4), size(4)) == 6
    with pytest.raises(NoArgumentError, match="no more than 6"):
        doubled(blind(6), size(6))
