"""Each kind of fault on a small estate: what it looks like, what heals it, what does not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client as kubernetes

from tests.worlds import actions
from tests.worlds.conftest import Serving, api_client
from worlds.objects.kinds import JsonObject, kind_named
from worlds.server import World

ESTATE = """
estate:
  nodes: [{name: pool, count: 3, cpu: "4", memory: 8Gi}]
  namespaces: [{name: app, quota: {pods: "30", requests.memory: 20Gi}}]
  workloads:
    - name: front
      namespace: app
      replicas: 3
      tag: "2.0.0"
      traffic: {rps: 60}
      behaviour: {startup: 4s}
      calls: [{to: back}, {to: partner, optional: true, timeout: 1s, variable: PARTNER_URL}]
      history: [{at: -2d, tag: "2.0.0"}]
    - name: back
      namespace: app
      replicas: 4
      tag: "1.0.0"
      memory: 128Mi / 256Mi
      config: {MODE: fast}
      secrets: [TOKEN]
      behaviour: {startup: 4s, capacity: 30}
      calls: [{to: store, port: 5432}]
      history: [{at: -3d, tag: "0.9.0"}, {at: -1d, tag: "1.0.0"}]
    - name: store
      namespace: app
      kind: StatefulSet
      replicas: 1
      language: postgres
      memory: 256Mi / 1Gi
      port: 5432
      readiness: {path: ""}
      liveness: {path: ""}
      volume: {size: 10Gi, used: 0.5}
      instrumented: false
      behaviour: {startup: 4s, latency: 2ms, cpu_per_request: 500us}
    - {name: partner, namespace: app, kind: External, port: 443, host: api.partner.example}
history: 15m
now: 2026-11-17T10:00:00Z
truth: {cause: something, entity: app/deployment/back}
"""

Act = Callable[[World, kubernetes.ApiClient], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault, whom it makes fail, and what is done about it. `looks` gives what must be seen somewhere in the pods or events."""

    fault: str
    failing: str = ""
    looks: str = ""
    heals: Act | None = None
    useless: Act | None = None
    within: float = 240.0


def on(action: Callable[..., Awaitable[None]], *arguments: Any, **options: Any) -> Act:
    async def act(_world: World, api: kubernetes.ApiClient) -> None:
        await action(api, *arguments, **options)

    return act


async def cordon_loaded_node(world: World, api: kubernetes.ApiClient) -> None:
    await actions.cordon(api, next(iter(world.estate.simulation.ballast)))


async def undo_quota(world: World, _api: kubernetes.ApiClient) -> None:
    kind = kind_named("ResourceQuota")
    live = world.estate.simulation.cluster.store.get(kind, namespace="app", name="app-quota")
    new = {**live, "metadata": dict(live["metadata"]), "spec": {"hard": {"pods": "30"}}}
    world.estate.simulation.cluster.store.replace(kind, new, manager="test")


async def enlarge_claim(world: World, _api: kubernetes.ApiClient) -> None:
    kind = kind_named("PersistentVolumeClaim")
    live = world.estate.simulation.cluster.store.get(kind, namespace="app", name="data-store-0")
    spec = {**live["spec"], "resources": {"requests": {"storage": "20Gi"}}}
    world.estate.simulation.cluster.store.replace(
        kind, {**live, "metadata": dict(live["metadata"]), "spec": spec}, manager="test"
    )


async def give_secret_back(world: World, _api: kubernetes.ApiClient) -> None:
    kind = kind_named("Secret")
    live = world.estate.simulation.cluster.store.get(kind, namespace="app", name="back-secrets")
    new = {**live, "metadata": dict(live["metadata"]), "data": {"TOKEN": "eA=="}}
    world.estate.simulation.cluster.store.replace(kind, new, manager="test")


BACK, STORE, FRONT = "app/back", "app/store", "app/front"
CASES = {
    "a deploy whose process exits": Case(
        fault='{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0, env: {LEVEL: x}}, effect: {exit_code: 1, last_words: ["panic: unknown level x"]}}',
        looks="CrashLoopBackOff", heals=on(actions.roll_back, BACK), useless=on(actions.restart, BACK),
    ),
    "a deploy that answers with errors": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0}, effect: {error_rate: 0.3, logs: [{text: nil pointer}]}}",
        failing=BACK, heals=on(actions.roll_back, BACK), useless=on(actions.scale, BACK, 8),
    ),
    "a deploy that is slow": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0}, effect: {latency: 5s}}",
        failing=FRONT, heals=on(actions.roll_back, BACK), useless=on(actions.restart, FRONT),
    ),
    "a deploy that calls the wrong host": Case(
        fault='{kind: deploy, at: -6m, workload: app/front, change: {tag: 2.0.1, env: {BACK_ADDR: "bakc:8080"}}}',
        failing=FRONT, heals=on(actions.roll_back, FRONT), useless=on(actions.restart, BACK),
    ),
    "a deploy with a limit that throttles": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {cpu_limit: 60m, cpu_request: 50m}}",
        failing=BACK, heals=on(actions.roll_back, BACK), useless=on(actions.restart, BACK),
    ),
    "a readiness probe on the wrong port": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0, readiness_port: 9090}}",
        looks="connect: connection refused", heals=on(actions.roll_back, BACK), useless=on(actions.scale, BACK, 6),
    ),
    "a liveness probe on the wrong path": Case(
        fault="{kind: deploy, at: -10m, workload: app/back, change: {tag: 1.1.0, liveness_path: /nope}}",
        looks="Liveness probe failed: HTTP probe failed with statuscode: 404", heals=on(actions.roll_back, BACK),
        useless=on(actions.restart, BACK),
    ),
    "a node selector that fits nowhere": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {node_selector: {disk: ssd}}}",
        looks="didn't match Pod's node affinity/selector", heals=on(actions.roll_back, BACK), useless=on(actions.restart, BACK),
    ),
    "a service account that does not exist": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {service_account: builder}}",
        looks='serviceaccount "builder" not found', heals=on(actions.roll_back, BACK), useless=on(actions.restart, BACK),
    ),
    "a request that no node can hold": Case(
        fault="{kind: deploy, at: -6m, workload: app/back, change: {memory_request: 16Gi, memory_limit: 16Gi}}",
        looks="Insufficient memory", heals=on(actions.roll_back, BACK), useless=on(actions.scale, BACK, 6),
    ),
    "a manual edit of a Service's selector": Case(
        fault="{kind: manual_edit, at: -6m, workload: app/back, change: {service_selector: {app: bck}}}",
        failing=BACK, heals=on(actions.set_service, BACK, {"selector": {"app": None, "app.kubernetes.io/name": "back"}}),
        useless=on(actions.restart, BACK),
    ),
    "a manual edit of a Service's port": Case(
        fault="{kind: manual_edit, at: -6m, workload: app/back, change: {service_target_port: 9999}}",
        failing=BACK, heals=on(actions.set_service, BACK, {"ports": [{"port": 8080, "targetPort": "http"}]}),
        useless=on(actions.scale, BACK, 8),
    ),
    "a config value that breaks what starts with it": Case(
        fault="{kind: manual_edit, at: -3m, workload: app/back, change: {config: {MODE: turbo}}, effect: {error_rate: 0.5}}",
    ),
    "an image that cannot be pulled": Case(
        fault="{kind: image_missing, at: -6m, workload: app/back, change: {tag: 1.1.0}, reason: unauthorized}",
        looks="401 Unauthorized", heals=on(actions.roll_back, BACK), useless=on(actions.restart, BACK),
    ),
    "a config key that is gone": Case(
        fault="{kind: config_missing, at: -6m, workload: app/back, key: MODE}",
        looks="couldn't find key MODE in ConfigMap app/back-config", heals=on(actions.set_config, BACK, {"MODE": "fast"}),
        useless=on(actions.restart, BACK),
    ),
    "a secret key that is gone": Case(
        fault="{kind: config_missing, at: -6m, workload: app/back, key: TOKEN, secret: true}",
        looks="couldn't find key TOKEN in Secret app/back-secrets", heals=give_secret_back, useless=on(actions.restart, BACK),
    ),
    "a workload scaled to nothing": Case(
        fault="{kind: scale, at: -6m, workload: app/back, replicas: 0}",
        failing=BACK, heals=on(actions.scale, BACK, 4), useless=on(actions.restart, BACK),
    ),
    "a workload scaled too far down": Case(
        fault="{kind: scale, at: -6m, workload: app/back, replicas: 1}",
        failing=BACK, heals=on(actions.scale, BACK, 4), useless=on(actions.restart, BACK),
    ),
    "a surge of traffic": Case(
        fault="{kind: traffic_surge, at: -6m, workload: app/front, factor: 4, watch: app/back}",
        failing=BACK, heals=on(actions.scale, BACK, 12), useless=on(actions.restart, BACK),
    ),
    "a leak": Case(
        fault="{kind: leak, at: -10m, workload: app/back, per_hour: 900Mi}",
        looks="OOMKilled", useless=on(actions.scale, FRONT, 4),
    ),
    "a slow database that a restart cures": Case(
        fault="{kind: dependency_slow, at: -6m, service: app/store, latency: 2s, cured_by_restart: true}",
        failing=BACK, heals=on(actions.restart, STORE, kind="stateful_set"), useless=on(actions.restart, BACK),
    ),
    "a database that refuses connections": Case(
        fault='{kind: dependency_errors, at: -6m, service: app/store, refuse: "FATAL: the database system is in recovery mode"}',
        failing=BACK, useless=on(actions.restart, BACK),
    ),
    "an outside partner that fails": Case(
        fault="{kind: dependency_errors, at: -6m, service: app/partner, until: 5m}",
        failing="app/partner", useless=on(actions.restart, FRONT),
    ),
    "a certificate that expired": Case(
        fault="{kind: cert_expiry, at: -6m, service: app/back, cured_by_restart: true}",
        failing=BACK, heals=on(actions.restart, BACK), useless=on(actions.scale, FRONT, 5),
    ),
    "a quota that is too small": Case(
        fault='{kind: quota, at: -8m, namespace: app, hard: {pods: "8"}}',
    ),
    "a volume that is full": Case(
        fault="{kind: pvc_full, at: -12m, workload: app/store, over: 5m}",
        failing=STORE, heals=enlarge_claim, useless=on(actions.restart, STORE, kind="stateful_set"),
    ),
    "a node that fell silent": Case(
        fault="{kind: node_down, at: -2m, workload: app/back}", looks="Node is not ready", useless=on(actions.restart, FRONT),
    ),
    "threads that hang until the process is started anew": Case(
        fault="{kind: misbehaviour, at: -8m, service: app/back, cured_by_restart: true, does: {drain: {resource: threads, per_hour: 4000, most: 200}}}",
        failing=BACK, heals=on(actions.restart, BACK), useless=on(actions.scale, FRONT, 5),
    ),
    "a database that takes no writes": Case(
        fault='{kind: misbehaviour, at: -6m, service: app/store, does: {error_rate: 0.5, complaint: "cannot execute INSERT in a read-only transaction"}}',
        failing=BACK, useless=on(actions.restart, BACK),
    ),
    "a secret that was replaced on one side": Case(
        fault='{kind: secret_edit, at: -6m, workload: app/back, key: TOKEN, restart_after: 10s, effect: {calls_fail: {store: "password authentication failed"}}}',
        failing=BACK, useless=on(actions.restart, BACK),
    ),
    "a sync that fails": Case(
        fault='{kind: sync_failed, at: -6m, workload: app/back, change: {tag: 1.1.0}, message: "spec.selector: field is immutable"}',
        useless=on(actions.restart, BACK),
    ),
    "a commit that nobody brings into the cluster": Case(
        fault="{kind: undelivered, at: -6m, switched_off: -12m, workload: app/back, change: {tag: 1.1.0}}",
        useless=on(actions.restart, BACK),
    ),
    "a pipeline that fails": Case(
        fault="{kind: workflow_failed, at: -6m, workload: app/back, change: {tag: 1.1.0}, runs: 1}", useless=on(actions.restart, BACK),
    ),
    "a workload that nobody calls": Case(
        fault="{kind: idle, at: -10m, workload: app/front}", heals=on(actions.scale, FRONT, 1), useless=on(actions.restart, FRONT),
    ),
    "a volume that nobody mounts": Case(
        fault="{kind: orphaned_volume, at: -2d, namespace: app, claim: old-export}", useless=on(actions.restart, BACK),
    ),
    "a node short of memory": Case(
        fault="{kind: node_pressure, at: -6m, workload: app/back, memory: 7.6Gi}", looks="The node was low on resource: memory",
        heals=cordon_loaded_node, useless=on(actions.restart, FRONT),
    ),
}  # fmt: skip


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
async def broken(case: Case, serving: Serving, tmp_path: Path) -> World:
    path = tmp_path / "case.yaml"
    path.write_text(f"title: case\nfaults:\n  - {case.fault}\n{ESTATE}")
    return await serving(path)


def failing(world: World, key: str) -> float:
    return world.estate.simulation.failing(key)


def everything_seen(world: World) -> str:
    """All pods and events as text: what a person would scroll through."""
    store = world.estate.simulation.cluster.store
    objects: list[JsonObject] = [*store.every(kind_named("Pod")), *store.every(kind_named("Event"))]
    return "\n".join(str(obj) for obj in objects)


async def test_it_shows(case: Case, broken: World) -> None:
    assert broken.estate.active_faults()
    if case.failing:
        assert failing(broken, case.failing) > 0.05
    assert case.looks in everything_seen(broken)


async def test_the_right_action_heals(case: Case, broken: World) -> None:
    if case.heals is None:
        pytest.skip("nothing that Midwatch can do heals it")
    async with api_client(broken, "executor") as api:
        await case.heals(broken, api)
    await broken.advance(case.within)
    assert broken.estate.active_faults() == []
    for key in (BACK, FRONT):
        assert failing(broken, key) < 0.02
    phases = broken.estate.simulation.pod_counts()
    assert phases["ready"] == phases["running"]


async def test_a_wrong_action_does_not_heal(case: Case, broken: World) -> None:
    if case.useless is None:
        pytest.skip("the case is about its looks only")
    async with api_client(broken, "executor") as api:
        await case.useless(broken, api)
    await broken.advance(120)
    assert broken.estate.active_faults()
