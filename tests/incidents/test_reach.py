"""How far a change reaches: itself, what it owns, what it serves, and everybody who depends on it."""

import pytest

from incidents.action import BlastRadius
from incidents.ids import EntityId
from incidents.reach import reach
from incidents.topology import Edge, Relation, Topology

API, WEB, CART = (EntityId(f"prod/shop/deployment/{name}") for name in ("api", "web", "cart"))
SERVICE = EntityId("prod/shop/service/api")
APPLICATION, REPOSITORY = EntityId("prod/argocd/application/shop"), EntityId("prod/-/repository/shop/api")
INGRESS, CONFIG = EntityId("prod/shop/ingress/api"), EntityId("prod/shop/configmap/api")
SCALER = EntityId("prod/shop/horizontalpodautoscaler/api")
NODE, POD = EntityId("prod/-/node/n1"), EntityId("prod/shop/pod/api-1")
REPLICASET = EntityId("prod/shop/replicaset/api-5d")
EDGES = Topology.of(
    [
        Edge(source=API, relation=Relation.OWNS, target=POD),
        # The same pod again, by the way that its owner references tell.
        Edge(source=API, relation=Relation.OWNS, target=REPLICASET),
        Edge(source=REPLICASET, relation=Relation.OWNS, target=POD),
        Edge(source=SERVICE, relation=Relation.SELECTS, target=API),
        Edge(source=WEB, relation=Relation.CALLS, target=API),
        Edge(source=API, relation=Relation.CALLS, target=CART),
        Edge(source=APPLICATION, relation=Relation.DEPLOYS, target=API),
        Edge(source=APPLICATION, relation=Relation.DEPLOYS, target=CART),
        Edge(source=API, relation=Relation.BUILT_FROM, target=REPOSITORY),
        Edge(source=APPLICATION, relation=Relation.DEPLOYS, target=SERVICE),
        Edge(source=INGRESS, relation=Relation.ROUTES, target=SERVICE),
        Edge(source=API, relation=Relation.USES, target=CONFIG),
        Edge(source=SCALER, relation=Relation.SCALES, target=API),
    ]
)
OF_API = BlastRadius(workloads=(API,), pods=1, services=(SERVICE,), callers=(WEB,))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(API, OF_API, id="a workload with its pods, services and callers"),
        pytest.param(CART, BlastRadius(workloads=(CART,), callers=(API, WEB)), id="callers of callers too"),
        pytest.param(POD, BlastRadius(workloads=(API,), pods=1, services=(SERVICE,)), id="a pod within its workload"),
        pytest.param(NODE, BlastRadius(nodes=(NODE,)), id="a node"),
        pytest.param(REPOSITORY, OF_API, id="what is built from a repository"),
        pytest.param(SERVICE, OF_API, id="the workloads that a service selects"),
        pytest.param(INGRESS, OF_API, id="the workloads behind the services of an ingress"),
        pytest.param(CONFIG, OF_API, id="the workloads that use a config map"),
        pytest.param(SCALER, OF_API, id="the workload that an autoscaler scales"),
        pytest.param(
            APPLICATION,
            BlastRadius(workloads=(API, CART), pods=1, services=(SERVICE,), callers=(WEB,)),
            id="what an application deploys, whose own parts are no callers",
        ),
    ],
)
def test_reach_is_read_out_of_topology(target: EntityId, expected: BlastRadius) -> None:
    assert reach(target, EDGES) == expected
