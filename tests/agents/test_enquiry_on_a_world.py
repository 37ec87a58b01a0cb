"""Questions about a service on the served reference estate: what it says, and that it says what it could not see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.enquiry.answering import answer
from incidents.enquiry import Question, Topic
from tests.tools.served_estate import Served, serving
from tools.estate import Cluster
from tools.github.probes import owners


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


def with_repository(cluster: Cluster) -> Cluster:
    named = cluster.connections.model_copy(update={"repositories": {"check*": "harbour/checkout"}})
    return replace(cluster, connections=named)


async def test_owners_come_from_labels_and_codeowners(estate: Served) -> None:
    found = await answer(Question(topic=Topic.OWNER, name="shop/checkout"), with_repository(estate.cluster))
    assert [(told.source, told.text) for told in found.told] == [
        ("Kubernetes", "checkout belongs to orders (team)"),
        ("GitHub", ".github/CODEOWNERS of harbour/checkout names @orders"),
    ]
    assert found.unseen == ()


async def test_codeowners_are_read_where_github_reads_them(estate: Served) -> None:
    seen = await owners.PROBE.run(estate.cluster, owners.OwnersArgs(repository="harbour/checkout"))
    assert seen.view.path == ".github/CODEOWNERS"
    assert [(rule.pattern, rule.owners) for rule in seen.view.rules] == [("*", ("@orders",))]


async def test_what_is_not_connected_is_said(estate: Served) -> None:
    blind = replace(estate.cluster, opencost=None, argocd=None, github=None, prometheus=None)
    cost = await answer(Question(topic=Topic.COST, name="checkout"), blind)
    assert (cost.told, cost.unseen) == ((), (f"OpenCost is not configured for {blind.name}",))
    curve = await answer(Question(topic=Topic.METRIC, name="checkout", detail="p99"), blind)
    assert (curve.drawing, curve.unseen) == (None, (f"Prometheus is not configured for {blind.name}",))
    deployed = await answer(Question(topic=Topic.DEPLOYED, name="checkout"), blind)
    assert deployed.unseen == ()
    assert deployed.told, "Kubernetes alone says what runs"
    nothing = await answer(Question(topic=Topic.OWNER, name="checkout"), replace(blind, kubernetes=None))
    assert (nothing.told, nothing.like) == ((), ())
    assert nothing.unseen


async def test_a_commit_that_nothing_names_is_not_said_to_be_deployed(estate: Served) -> None:
    found = await answer(Question(topic=Topic.DEPLOYED, name="checkout", detail="8f2c1d7"), estate.cluster)
    assert "no kept revision names 8f2c1d7: its images and labels name no commit at all" in [t.text for t in found.told]
