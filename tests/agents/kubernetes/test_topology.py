"""Where a pod runs is known wherever pods were looked at, not only where everything was listed."""

from agents.detector import Sightings
from agents.kubernetes.specialist import topology_of
from tests.agents.kubernetes.estate import OWNER, entity, pod, pods, status


def test_pods_that_were_looked_at_are_placed_on_their_nodes() -> None:
    seen = pods(pod("a", status(), node="n1"), pod("b", status(), node="n2"), pod("waits", status(), node=None))
    topology = topology_of(Sightings(observations=(seen,)))
    assert topology.nodes_of(OWNER) == (entity("node/n1"), entity("node/n2"))


def test_a_pod_that_nobody_owns_is_placed_by_itself() -> None:
    topology = topology_of(Sightings(observations=(pods(pod("bare", status(), node="n1", owner=None)),)))
    assert {(edge.relation.value, edge.target) for edge in topology.edges} == {("runs_on", entity("node/n1"))}
