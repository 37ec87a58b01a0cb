"""What could not be seen is said in a line, and the system's own words are kept beside it."""

from __future__ import annotations

import pytest

from incidents.finding import AgentName, Gap
from service.story.gaps import LONGEST, unseen, unseen_once

REFUSED = (
    'secrets: the Kubernetes API forbids it: secrets is forbidden: User "system:serviceaccount:midwatch:midwatch-reader"'
    ' cannot list resource "secrets" in API group "" in the namespace "shop"'
)
EVERYWHERE = 'nodes is forbidden: User "reader" cannot watch resource "nodes" in API group "" at the cluster scope'


@pytest.mark.parametrize(
    ("what", "why", "said"),
    [
        pytest.param("kubernetes.config_refs", REFUSED, "secrets of shop: not allowed to list them", id="a namespace"),
        pytest.param("kubernetes.nodes", EVERYWHERE, "nodes: not allowed to watch them", id="the whole cluster"),
        pytest.param("traces of payments", "no access", "traces of payments: no access", id="short as it is"),
        pytest.param("loki.templates", "Loki answered 502: " + "x" * 120, "kinds of log lines in Loki: Loki answered 502", id="the first clause"),
    ],
)  # fmt: skip
def test_a_gap_in_a_line(what: str, why: str, said: str) -> None:
    one = unseen(Gap(agent=AgentName.KUBERNETES, what=what, why=why))
    assert f"{one.what}: {one.why}" == said
    assert one.full in ("", why)
    assert bool(one.full) is (one.why != why)


def test_a_long_reason_without_clauses_ends_at_a_word() -> None:
    one = unseen(Gap(agent=AgentName.COST, what="prices", why="word " * 40))
    assert len(one.why) <= LONGEST + 4
    assert one.why.endswith("word ...")


def test_the_same_refusal_of_two_probes_is_told_once() -> None:
    gaps = tuple(Gap(agent=AgentName.KUBERNETES, what=what, why=REFUSED) for what in ("kubernetes.a", "kubernetes.b"))
    assert len(unseen_once(gaps)) == 1
