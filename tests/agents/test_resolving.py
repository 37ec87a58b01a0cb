"""What stands behind the names in alerts, found out on a served estate before anybody looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from agents.resolving import resolve, unresolved
from incidents.finding import AgentName
from incidents.focus import focus_of
from incidents.ids import EntityId
from incidents.topology import Edge, Relation, Topology
from orchestrator.desk import LiveDesk
from tests.agents.cases import case, entity
from tests.agents.observability.test_specialists_on_a_world import case_of
from tests.tools.served_estate import HEALTHY, Served, serving
from tools.estate import Cluster
from worlds.objects.kinds import kind_named

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKOUT = "shop/deployment/checkout"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(tmp_path_factory.mktemp("quiet"), HEALTHY) as one:
        yield one


async def behind(served: Served, path: str, *, cluster: Cluster | None = None) -> tuple[EntityId, ...]:
    named, cluster = served.id(path), cluster or served.cluster
    desk = LiveDesk(cluster=cluster, clock=served.cluster.clock, agent=AgentName.SUPERVISOR, probes=20, seconds=60.0)
    topology = await resolve(case_of(served, named), desk)
    return tuple(one for one in focus_of([named], topology=topology) if one != named)


@pytest.mark.parametrize(
    ("named", "workload"),
    [
        pytest.param("shop/service/checkout", CHECKOUT, id="by the service's selector"),
        pytest.param("-/service/payments", "payments/deployment/payments", id="by its name, when no namespace is said"),
        pytest.param("shop/service/nobody", None, id="nobody has that name"),
        pytest.param("-/node/worker-1", None, id="a node stands for itself"),
    ],
)
async def test_what_an_alert_names_leads_to_its_workload(quiet: Served, named: str, workload: str | None) -> None:
    assert await behind(quiet, named) == ((quiet.id(workload),) if workload else ())


async def test_a_pod_leads_to_its_topmost_owner(quiet: Served) -> None:
    pod = next(
        item["metadata"]["name"]
        for item in quiet.world.estate.simulation.cluster.store.every(kind_named("Pod"))
        if item["metadata"]["name"].startswith("checkout-")
    )
    assert await behind(quiet, f"shop/pod/{pod}") == (quiet.id(CHECKOUT),)


async def test_without_kubernetes_the_same_name_in_metrics_serves(quiet: Served) -> None:
    blind = replace(quiet.cluster, kubernetes=None, seen_lately=None)
    assert await behind(quiet, "shop/service/checkout", cluster=blind) == (quiet.id(CHECKOUT),)
    nothing = replace(blind, prometheus=None)
    assert await behind(quiet, "shop/service/checkout", cluster=nothing) == ()


async def test_nothing_is_asked_twice_and_nothing_of_what_names_its_workload() -> None:
    service, workload = entity("service/checkout"), entity("checkout")
    given = case(at=["checkout", "service/checkout", "node/worker-1"]).model_copy(update={"topology": Topology()})
    assert unresolved(given) == (service,)
    known = Topology.of([Edge(source=service, relation=Relation.SELECTS, target=workload)])
    assert unresolved(given.model_copy(update={"topology": known})) == ()
