"""The Kubernetes specialist on a real control plane, as a service account that may only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.kubernetes.specialist import SPECIALIST
from incidents.alert import Severity
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId, IncidentId
from incidents.incident import Incident, Phase
from incidents.topology import Topology
from orchestrator.desk import LiveDesk
from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.manifests import Manifest, deployment, pod_template, service_account
from tools.clock import SystemClock
from tools.estate import Cluster, Connections, KubernetesAccess
from tools.kubernetes.client import KubernetesClient
from tools.kubernetes.probes.access import CLUSTER_WIDE, READS

pytestmark = pytest.mark.cluster

CALL: dict[str, Any] = {"_request_timeout": 10}
NAME = "real"


@pytest.fixture
async def reading(own_control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster as seen by an account that may list in one namespace, secrets excepted, and nothing beyond it."""
    rules = [
        {
            "apiGroups": [need.group],
            "resources": [f"{need.resource}/{need.subresource}" if need.subresource else need.resource],
            "verbs": ["get", "list"],
        }
        for need in READS
        if need.resource not in CLUSTER_WIDE | {"secrets"}
    ]
    own_control_plane.create(*service_account("reader", namespace=namespace, rules=rules))
    path = own_control_plane.service_account_kubeconfig(namespace, "reader", path=tmp_path / "reader.kubeconfig")
    access = KubernetesAccess(kubeconfig=str(path))
    client = KubernetesClient(access, clock=SystemClock())
    known = Connections(name=NAME, kubernetes=access, namespaces=(namespace,))
    yield Cluster(name=NAME, clock=SystemClock(), connections=known, kubernetes=client)
    await client.close()


async def look(cluster: Cluster, entity: EntityId) -> Report:
    now = cluster.clock.now()
    incident = Incident(
        id=IncidentId("inc-test"),
        title="app is down",
        severity=Severity.SEV2,
        phase=Phase.INVESTIGATING,
        cluster=NAME,
        entities=(entity,),
        opened_at=now,
        started_at=now,
        graph_version="1",
    )
    case = CaseFile(
        incident=incident, alerts=(), focus=(entity,), onset=None, topology=Topology(), inventory=frozenset()
    )
    desk = LiveDesk(cluster=cluster, clock=cluster.clock, agent=AgentName.KUBERNETES, probes=100, seconds=60)
    asked = Assignment(agent=AgentName.KUBERNETES, topic=Topic.OVERVIEW, entities=(entity,), round=1)
    return await SPECIALIST.work(asked, case, desk)


def waiting_for(cluster: ControlPlane, namespace: str, reason: str) -> None:
    def found() -> bool:
        pods = cluster.core.list_namespaced_pod(namespace, **CALL).items
        states = [status.state.waiting for pod in pods for status in pod.status.container_statuses or []]
        return any(state is not None and state.reason == reason for state in states)

    eventually(found, what=f"a container that waits with {reason}", seconds=40)


@pytest.mark.parametrize(
    ("told", "image", "waits", "expected"),
    [
        pytest.param({"needs-memory": "96Mi"}, "shop/api:1", "CrashLoopBackOff", {"container.oom_killed", "container.crash_loop"}, id="too little memory"),
        pytest.param({"behaviour": "crash", "exit-code": "7", "last-words": "panic: no config"}, "shop/api:1", "CrashLoopBackOff", {"container.exited_error", "container.crash_loop"}, id="a crash"),
        pytest.param({}, "shop/api:nopull", "ImagePullBackOff", {"container.image_pull_failed"}, id="an image that does not exist"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_found_with_rights_to_one_namespace_only(
    own_control_plane: ControlPlane,
    namespace: str,
    reading: Cluster,
    told: dict[str, str],
    image: str,
    waits: str,
    expected: set[str],
) -> None:
    template: Manifest = pod_template("app", image=image, memory="64Mi", told=told)
    own_control_plane.create(deployment("app", namespace=namespace, template=template))
    waiting_for(own_control_plane, namespace, waits)
    entity = EntityId(f"{NAME}/{namespace}/deployment/app")
    report = await look(reading, entity)
    assert expected | {"workload.unavailable"} <= {fact.kind for fact in report.facts if fact.entity == entity}
    assert entity in report.inventory
    assert report.topology.pods_of(entity)
    unseen = " ".join(gap.why for gap in report.gaps)
    assert "nodes" in unseen, "nodes may not be listed, and that is said"
    assert [e for e in report.covered if e.startswith("node.")] == []
    if "crash" in told.values():
        assert any("panic: no config" in finding.text for finding in report.findings)
