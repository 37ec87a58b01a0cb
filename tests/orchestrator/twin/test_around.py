"""The neighbourhood is read from the case's evidence: the newest of the right place, and nothing where nobody looked."""

from __future__ import annotations

from datetime import timedelta

from incidents.evidence import Evidence, Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from orchestrator.twin.around import Connections, around
from tests.incidents.making import CHECKOUT, NOW
from tests.orchestrator.twin.making import node, quota
from tools.kubernetes.node import Nodes
from tools.kubernetes.quota import Quotas
from tools.prometheus.curve import Curve
from tools.prometheus.probes.wide import WideView

ORDERS = EntityId("prod-eu/data/statefulset/orders-db")


def told(probe: str, view: Value, *, query: str = "") -> Evidence:
    return Evidence.of(
        probe=probe,
        source=Source.KUBERNETES,
        query=query,
        window=Window(start=NOW - timedelta(hours=1), end=NOW),
        observed_at=NOW,
        body=view.model_dump_json(exclude_defaults=True),
        title=probe,
    )


def levels(entity: EntityId, **metrics: float) -> Evidence:
    curves = {
        name: Curve(start=NOW - timedelta(minutes=3), step=60, values=(value, value, value))
        for name, value in metrics.items()
    }
    return told("prometheus.wide", WideView(entity=entity, metrics=curves))


def test_quotas_of_another_namespace_do_not_say_that_this_one_has_none() -> None:
    elsewhere = told("kubernetes.quotas", Quotas(quotas=()), query="GET /api/v1/namespaces/data/resourcequotas")
    assert around((elsewhere,), CHECKOUT, ()).quotas is None


def test_quotas_of_the_namespace_are_found_behind_newer_ones_of_another() -> None:
    here = told(
        "kubernetes.quotas", Quotas(quotas=(quota(pods=(3, 5)),)), query="GET /api/v1/namespaces/shop/resourcequotas"
    )
    elsewhere = told("kubernetes.quotas", Quotas(quotas=()), query="GET /api/v1/namespaces/data/resourcequotas")
    found = around((here, elsewhere), CHECKOUT, ())
    assert found.quotas is not None
    assert [one.meta.name for one in found.quotas] == ["shop-quota"]
    assert found.evidence == {"quotas": here.id}


def test_a_namespace_without_a_quota_is_known_to_have_none() -> None:
    here = told("kubernetes.quotas", Quotas(quotas=()), query="GET /api/v1/namespaces/shop/resourcequotas")
    assert around((here,), CHECKOUT, ()).quotas == ()


def test_one_node_that_was_asked_about_is_not_taken_for_all() -> None:
    one = told("kubernetes.nodes", Nodes(nodes=(node("n1"),)))
    every = told("kubernetes.nodes", Nodes(nodes=(node("n1"), node("n2"))))
    assert around((one,), CHECKOUT, ()).nodes is None
    assert len(around((every, one), CHECKOUT, ()).nodes or ()) == 2


def test_a_pool_and_the_server_behind_it_are_put_together() -> None:
    own, server = (
        levels(CHECKOUT, hikaricp_connections_max=20),
        levels(ORDERS, pg_settings_max_connections=200, pg_stat_database_numbackends=126),
    )
    expected = Connections(server=ORDERS, per_pod=20, opened=126, most=200)
    assert around((own, server), CHECKOUT, (ORDERS,)).connections == (expected,)
    assert around((own, server), CHECKOUT, ()).connections == (), "nobody knows that it calls that server"
    assert around((server,), CHECKOUT, (ORDERS,)).connections == (), "what a pod may open is not known"


def test_what_was_cut_is_skipped() -> None:
    every = told("kubernetes.nodes", Nodes(nodes=(node("n1"), node("n2"))))
    cut = every.model_copy(update={"body": every.body[:100]})
    assert around((cut,), CHECKOUT, ()).nodes is None
