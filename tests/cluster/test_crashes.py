"""Every role is killed (SIGKILL) at every point between proposal and verification, before a real API server.

Its audit log is the oracle: what was approved was done once, and nothing else. Others carry on; how long that takes is
measured and printed as one table.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from agents.detector import vocabulary
from agents.runbooks.folders import RunbookFolders
from agents.specialist import specialists
from orchestrator.executor.catalogue import cards
from orchestrator.policy.load import load_policy
from orchestrator.policy.rego import check
from orchestrator.settings import Role
from tests.cluster.controlplane import ControlPlane
from tests.cluster.eventually import eventually
from tests.cluster.lane import PERIODS, Ground, Lane
from tests.cluster.manifests import deployment
from tests.cluster.places import DOOR, EXECUTOR, POINTS, WORKER, Point
from tests.cluster.test_doctor import in_force, shipped
from tests.cluster.test_product import CALL, LOWERED, OK, READ, WRITE, account, crash_looping, home
from tests.orchestrator.servers import a_copy, embedded_server, migrated

pytestmark = [pytest.mark.cluster, pytest.mark.kill, pytest.mark.timeout(560)]

__all__ = ["home", "in_force", "shipped"]  # fixtures are found by their names

LANES = 2
TICK_SECONDS = 0.7
WAIT_SECONDS = 420.0
CARRY_ON_SECONDS = 60.0
"""Generous: on a machine with nothing else to do it is a tenth of this."""


def test_every_role_has_its_points() -> None:
    assert {point.role for point in POINTS} == {Role.WEB, Role.WORKER, Role.EXECUTOR}
    assert len({(point.role, point.name) for point in POINTS}) == len(POINTS) == len(DOOR) + len(WORKER) + len(EXECUTOR)


@pytest.fixture
def lanes(own_control_plane: ControlPlane, home: str, tmp_path: Path) -> Iterator[list[Lane]]:
    """Namespaces with a rollout that crashes, each with processes of its own; stopped at the end."""
    reader, executor = (
        own_control_plane.service_account_kubeconfig(home, name, path=tmp_path / f"{name}.kubeconfig")
        for name in (READ, WRITE)
    )
    with ExitStack() as stack:
        stack.enter_context(read_before_forking())
        server = stack.enter_context(migrated(embedded_server()))
        namespaces = [stack.enter_context(own_control_plane.namespace("crash")) for _ in range(LANES)]
        broken(own_control_plane, namespaces)
        made = []
        for number, namespace in enumerate(namespaces):
            ground = Ground(
                namespace=namespace,
                folder=tmp_path / namespace,
                database=stack.enter_context(a_copy(server)),
                reader=reader,
                executor=executor,
            )
            labels = crash_looping(own_control_plane, namespace)
            made.append(Lane(ground, labels=labels, points=POINTS[number::LANES]))
            stack.callback(made[-1].stop)
        yield made


@contextmanager
def read_before_forking() -> Iterator[None]:
    """Read once what every process reads at its start, and keep the collector of forked ones off it."""
    specialists()
    vocabulary()
    RunbookFolders().library()
    cards()
    check(load_policy())
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def broken(cluster: ControlPlane, namespaces: list[str]) -> None:
    """In each of them a deploy lowers the memory limit; wait until a container of it ended badly twice."""
    good, bad = LOWERED
    for namespace in namespaces:
        cluster.create(deployment("app", namespace=namespace, template=dict(good), replicas=1))
    for namespace in namespaces:
        eventually(partial(_ready, cluster, namespace), what=f"a ready pod in {namespace}", seconds=60)
        patch = {"spec": {"template": dict(bad), "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}}
        cluster.apps.patch_namespaced_deployment("app", namespace, patch, field_manager="ci-deployer", **CALL)
    for namespace in namespaces:
        eventually(partial(_restarted, cluster, namespace), what=f"restarts in {namespace}", seconds=60)


def _ready(cluster: ControlPlane, namespace: str) -> bool:
    return bool(cluster.apps.read_namespaced_deployment("app", namespace, **CALL).status.ready_replicas)


def _restarted(cluster: ControlPlane, namespace: str) -> bool:
    pods = cluster.core.list_namespaced_pod(namespace, **CALL).items
    return any(s.restart_count >= 2 for pod in pods for s in pod.status.container_statuses or [])


def test_whoever_dies_wherever_the_change_happens_once_and_others_carry_on(
    own_control_plane: ControlPlane, home: str, lanes: list[Lane], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {lane: generation(own_control_plane, lane) for lane in lanes}
    deadline = time.monotonic() + WAIT_SECONDS
    while not all(lane.over for lane in lanes):
        for lane in lanes:
            lane.tick()
        assert time.monotonic() < deadline, "\n\n".join(lane.told for lane in lanes if not lane.over)
        time.sleep(TICK_SECONDS)
    took = {point: lane.carried_on(point) for lane in lanes for point in lane.points}
    with capsys.disabled():
        print(table(took))
    for lane in lanes:
        right(own_control_plane, home, lane, generation_before=before[lane])
    assert set(took) == set(POINTS)
    slowest = max(seconds for seconds in took.values() if seconds is not None)
    assert slowest < CARRY_ON_SECONDS, table(took)


def generation(cluster: ControlPlane, lane: Lane) -> int:
    """Of the deployment that the lane's incident is about."""
    return int(cluster.apps.read_namespaced_deployment("app", lane.ground.namespace, **CALL).metadata.generation)


def right(cluster: ControlPlane, home: str, lane: Lane, *, generation_before: int) -> None:
    """Exactly what was approved, once; the incident has its end; the ledger holds."""
    assert lane.record["incident"]["phase"] == "verified", lane.told
    approved = [stored for stored in lane.record["proposals"] if stored["status"] == "executed"]
    assert len(approved) == 1, lane.told
    assert [step["execution"]["status"] for step in approved[0]["steps"]] == ["succeeded"]
    namespace = lane.ground.namespace
    events = [event for event in cluster.audit_events(user=account(home, WRITE)) if event.namespace == namespace]
    done = [(event.verb, event.resource, event.name, event.code) for event in events if event.changed_something]
    assert done == [("patch", "deployments", "app", OK)], lane.told
    assert [e for e in cluster.audit_events(user=account(home, READ)) if e.namespace == namespace] == []
    assert generation(cluster, lane) == generation_before + 1
    assert lane.verify_ledger()


def table(took: dict[Point, float | None]) -> str:
    """Role, moment, and the seconds until another process carried on."""
    lines = [f"\nkilled at ({PERIODS['lease_seconds']:.0f} s lease, {PERIODS['takeover_seconds']} s takeover)"]
    for role in (Role.WEB, Role.WORKER, Role.EXECUTOR):
        seconds = []
        for point in (one for one in POINTS if one.role is role):
            value = took.get(point)
            seconds += [] if value is None else [value]
            lines.append(f"  {role.value:<9} {point.name:<26} {point.what:<46} {value or 0.0:5.1f} s")
        if seconds:
            lines.append(f"  {role.value:<9} median {statistics.median(seconds):.1f} s, max {max(seconds):.1f} s")
    return "\n".join(lines)
