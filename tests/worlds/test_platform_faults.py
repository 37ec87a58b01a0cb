"""What a cluster shows of failures of its own making: one line per failure, with the words that a real cluster uses."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.worlds.test_faults import ESTATE
from worlds.clock import HandClock
from worlds.estate.flow import PodField
from worlds.estate.simulation import Simulation
from worlds.objects.kinds import kind_named
from worlds.scenario.load import ScenarioError, load_scenario
from worlds.world import Estate

BACK, FRONT, STORE = "app/back", "app/front", "app/store"
SEEN_IN = ("Pod", "Event", "Node", "PersistentVolumeClaim", "ReplicaSet")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Faults as a scenario writes them, what must be seen somewhere, who fails, and what is laid over the estate."""

    faults: str
    looks: str = ""
    failing: str = ""
    over: str = ""


def patched(spec: str, *, tag: str = "1.1.0", at: str = "-6m", effect: str = "") -> str:
    """A deploy of `back` whose pod template is patched."""
    patch = f"{{Deployment: {{spec: {{template: {{spec: {spec}}}}}}}}}"
    return f"{{kind: deploy, at: {at}, workload: app/back, change: {{tag: {tag}, patch: {patch}}}{effect}}}"


def applied(manifest: str, *, at: str = "-7m") -> str:
    """An object that somebody applies."""
    return f"{{kind: object_applied, at: {at}, manifest: {manifest}}}"


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
MINE = "{matchLabels: {app.kubernetes.io/name: back}}"
RESTART = "{kind: restart, at: -5m, workload: app/back}"
CLAIM = "{kind: PersistentVolumeClaim, metadata: {name: cache, namespace: app}, spec: {accessModes: [%s], storageClassName: %s, resources: {requests: {storage: 5Gi}}}}"
MOUNTED = patched("{volumes: [{name: cache, persistentVolumeClaim: {claimName: cache}}]}")
HOOK = (
    "{kind: ValidatingWebhookConfiguration, metadata: {name: gone}, webhooks: [{name: pods.gone.example, failurePolicy: Fail, "
    "clientConfig: {service: {name: gone, namespace: app}}, rules: [{resources: [pods]}]}]}"
)
CASES = {
    "a program that the image does not have": Case(
        faults="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0, command: [/app/serv]}}",
        looks='exec: "/app/serv": stat /app/serv: no such file or directory',
    ),
    "a program that is done at once": Case(
        faults="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0, command: ['true']}}", looks="'reason': 'Completed'"
    ),
    "a variable without which nothing starts": Case(
        faults="{kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0, env: {REGION: null}}}",
        looks="CrashLoopBackOff", over="{name: back, env: {REGION: eu}, needs: [REGION]}",
    ),
    "an init container that fails": Case(
        faults=patched("{initContainers: [{name: prepare, image: 'x:1'}]}", effect=", effect: {container: prepare, exit_code: 3}"),
        looks="containers with incomplete status: [prepare]",
    ),
    "a startup probe that gives up": Case(
        faults=patched("{containers: [{name: back, startupProbe: {httpGet: {path: /livez, port: 8080}, periodSeconds: 1, failureThreshold: 2}}]}"),
        looks="failed startup probe, will be restarted",
    ),
    "an affinity to a zone that does not exist": Case(
        faults=patched(f"{{affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: [{{matchExpressions: [{{key: topology.kubernetes.io/zone, operator: In, values: [moon]}}]}}]}}}}}}}}"),
        looks="3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful",
    ),
    "more pods than nodes that may not meet": Case(
        faults=patched(f"{{affinity: {{podAntiAffinity: {{{REQUIRED}: [{{topologyKey: kubernetes.io/hostname, labelSelector: {MINE}}}]}}}}}}"),
        looks="3 node(s) didn't match pod anti-affinity rules. preemption: 0/3 nodes are available: 3 No preemption victims found",
    ),
    "a spread over a label that no node has": Case(
        faults=patched(f"{{topologySpreadConstraints: [{{topologyKey: rack, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: {MINE}}}]}}"),
        looks="3 node(s) didn't match pod topology spread constraints (missing required label)",
    ),
    "a taint that nobody tolerates": Case(
        faults="{kind: taint, at: -7m, pool: pool, taint: {key: maintenance, value: soon, effect: NoSchedule}}\n  - " + RESTART,
        looks="3 node(s) had untolerated taint {maintenance: soon}",
    ),
    "a limit range": Case(
        faults=applied("{kind: LimitRange, metadata: {name: l, namespace: app}, spec: {limits: [{type: Container, max: {memory: 64Mi}}]}}") + "\n  - " + RESTART,
        looks="is forbidden: maximum memory usage per Container is 64Mi, but limit is 256Mi",
    ),
    "pod security": Case(
        faults=applied("{kind: Namespace, metadata: {name: app, labels: {pod-security.kubernetes.io/enforce: restricted}}}") + "\n  - " + RESTART,
        looks='violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    ),
    "a webhook behind which nobody is": Case(
        faults=applied(HOOK) + "\n  - " + RESTART, looks='failed calling webhook "pods.gone.example": failed to call webhook: Post "https://gone.app.svc:443',
    ),
    "a network policy": Case(
        faults=applied("{kind: NetworkPolicy, metadata: {name: deny, namespace: app}, spec: {podSelector: {matchLabels: {app.kubernetes.io/name: back}}, policyTypes: [Ingress]}}"),
        failing=FRONT,
    ),
    "a service of another protocol": Case(
        faults="{kind: manual_edit, at: -6m, workload: app/back, change: {patch: {Service: {spec: {ports: [{port: 8080, protocol: UDP}]}}}}}",
        failing=BACK,
    ),
    "an ingress that leads to nothing": Case(
        faults="{kind: manual_edit, at: -6m, workload: app/front, change: {patch: {Ingress: {spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: nobody, port: {name: http}}}}]}}]}}}}}",
        failing=FRONT, over="{name: front, host: a.example}",
    ),
    "a service that is gone": Case(
        faults="{kind: object_removed, at: -6m, resource: Service, namespace: app, name: back}", failing=FRONT
    ),
    "a storage class that does not exist": Case(
        faults=applied(CLAIM % ("ReadWriteOnce", "nvme")) + "\n  - " + MOUNTED, looks='storageclass.storage.k8s.io "nvme" not found'
    ),
    "a volume for many nodes where there are none": Case(
        faults=applied(CLAIM % ("ReadWriteMany", "standard")) + "\n  - " + MOUNTED, looks="pod has unbound immediate PersistentVolumeClaims"
    ),
    "storage that is used up": Case(
        faults="{kind: storage_refused, at: -8m, storage_class: standard}\n  - " + applied(CLAIM % ("ReadWriteOnce", "standard")) + "\n  - " + MOUNTED,
        looks='failed to provision volume with StorageClass "standard": rpc error: code = ResourceExhausted',
    ),
    "a volume whose files belong to others": Case(
        faults="{kind: deploy, at: -6m, workload: app/store, change: {patch: {StatefulSet: {spec: {template: {spec: {securityContext: {fsGroup: 1}}}}}}}}",
        looks="CrashLoopBackOff", over="{name: store, volume: {size: 10Gi, owner: 70}}",
    ),
    "a registry without a name": Case(
        faults="{kind: registry_outage, at: -8m, host: ghcr.io, reason: no_such_host}\n  - {kind: deploy, at: -6m, workload: app/back, change: {tag: 1.1.0}}",
        looks="no such host",
    ),
    "a pull secret that is not there": Case(
        faults=patched("{imagePullSecrets: [{$patch: replace}, {name: other}]}"),
        looks="Unable to retrieve some image pull secrets (other)", over="{name: back, pull_secret: mine}",
    ),
    "a kubelet that stopped": Case(
        faults="{kind: kubelet_stopped, at: -2m, workload: app/back}", looks="Kubelet stopped posting node status."
    ),
    "a runtime that died": Case(
        faults="{kind: runtime_down, at: -2m, workload: app/back}", looks="container runtime is down, PLEG is not healthy"
    ),
    "a disk that fills": Case(
        faults="{kind: node_disk_full, at: -8m, over: 4m, workload: app/back}", looks="The node was low on resource: ephemeral-storage."
    ),
    "a node that loses packets": Case(
        faults="{kind: node_network, at: -6m, workload: app/back, loss: 0.6}", failing=BACK
    ),
    "no scheduler": Case(
        faults="{kind: leader_down, at: -8m, component: kube-scheduler}\n  - {kind: scale, at: -6m, workload: app/back, replicas: 5}", looks="'phase': 'Pending'"
    ),
    "a node out of service": Case(
        faults="{kind: cordon, at: -8m, workload: app/store}", looks="'unschedulable': True"
    ),
    "a proxy that crashes": Case(
        faults="{kind: proxy_down, at: -8m, workload: app/front, proxy: app/kube-proxy}\n  - {kind: deploy, at: -5m, workload: app/back, change: {tag: 1.1.0}}",
        failing=FRONT, over="{name: kube-proxy, namespace: app, kind: DaemonSet, labels: {k8s-app: kube-proxy}, readiness: null, liveness: null}",
    ),
    "a job that fails": Case(
        faults="{kind: job_run, at: -8m, workload: app/migrate, name: migrate-2, effect: {exit_code: 1}}",
        looks="'exitCode': 1", over="{name: migrate, namespace: app, kind: Job, port: null}",
    ),
}  # fmt: skip


def simulated(case: Case, folder: Path) -> Simulation:
    """The world at the scenario's now."""
    path = folder / "case.yaml"
    (folder / "base.yaml").write_text(yaml.safe_dump(yaml.safe_load(ESTATE)["estate"]))
    estate = f"estate:\n  workloads:\n    - {case.over}\n" if case.over else ""
    rest = "history: 15m\nnow: 2026-11-17T10:00:00Z\ntruth: {cause: something, entity: app/deployment/back}\n"
    path.write_text(f"title: case\nbase: base.yaml\n{estate}faults:\n  - {case.faults}\n{rest}")
    scenario = load_scenario(path)
    estate_ = Estate(scenario, clock=HandClock(scenario.now))
    estate_.catch_up()
    assert estate_.active_faults()
    return estate_.simulation


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_shows(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    world = simulated(case, tmp_path)
    store = world.cluster.store
    text = "\n".join(str(obj) for kind in SEEN_IN for obj in store.every(kind_named(kind)))
    assert case.looks in text
    if case.failing:
        assert world.failing(case.failing) > 0.05


def test_names_are_resolved_as_long_as_one_resolver_serves(tmp_path: Path) -> None:
    resolver = "{name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}, readiness: null, liveness: null}"
    up, down = tmp_path / "up", tmp_path / "down"
    for folder, replicas in ((up, 1), (down, 0)):
        folder.mkdir()
        fault = f"{{kind: scale, at: -5m, workload: kube-system/coredns, replicas: {replicas}}}"
        world = simulated(Case(faults=fault, over=resolver), folder)
        assert (world.failing(FRONT) > 0.9) == (replicas == 0)


def latencies(world: Simulation) -> list[tuple[str, str, float]]:
    """Workload, node and present latency of every pod."""
    last = world.tape.last
    assert last is not None
    columns = [column for column in last.layout.columns if column.node]
    return [(one.workload, one.node, world.tape.pod(one.uid).rows[-1, PodField.LATENCY]) for one in columns]


def test_a_slow_pod_has_well_siblings(tmp_path: Path) -> None:
    fault = "{kind: pod_slow, at: -6m, workload: app/back, does: {latency: 1s}}"
    own = sorted(
        seconds for workload, _, seconds in latencies(simulated(Case(faults=fault), tmp_path)) if workload == BACK
    )
    assert own[-1] > 1
    assert own[-2] < 0.3


def test_on_a_slow_node_every_pod_is_slower_than_its_siblings_elsewhere(tmp_path: Path) -> None:
    world = simulated(Case(faults="{kind: node_slow, at: -6m, workload: app/back, factor: 40}"), tmp_path)
    node, found = world.hit(BACK), latencies(world)
    shared = {w for w, n, _ in found if n == node} & {w for w, n, _ in found if n != node}
    assert BACK in shared
    for workload in shared:
        there = [seconds for w, n, seconds in found if w == workload and n == node]
        elsewhere = [seconds for w, n, seconds in found if w == workload and n != node]
        assert min(there) > 1.5 * max(elsewhere)


def test_what_an_ingress_leads_astray_is_turned_away_by_whoever_gets_it(tmp_path: Path) -> None:
    rules = "[{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shelf, port: {name: http}}}}]}}]"
    fault = f"{{kind: manual_edit, at: -6m, workload: app/front, change: {{patch: {{Ingress: {{spec: {{rules: {rules}}}}}}}}}}}"
    over = "{name: front, host: a.example}\n    - {name: shelf, namespace: app, traffic: {rps: 20}}"
    world = simulated(Case(faults=fault, over=over), tmp_path)
    last = world.tape.last
    assert last is not None
    uids = {key: [c.uid for c in last.layout.columns if c.workload == key] for key in ("app/front", "app/shelf")}
    now = {key: [world.tape.pod(uid).rows[-1] for uid in found] for key, found in uids.items()}
    assert sum(row[PodField.RPS] for row in now["app/front"]) == 0
    assert sum(row[PodField.RPS] for row in now["app/shelf"]) > 60
    assert all(row[PodField.CLIENT_ERRORS] > 0.6 for row in now["app/shelf"])
    assert world.failing("app/shelf") < 0.05


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param("{kind: object_applied, at: -5m, manifest: {kind: Nothing, metadata: {name: x}}}", "a known kind", id="an object of no kind"),
        pytest.param("{kind: object_removed, at: -5m, resource: Configmap, name: x}", "write it as in a manifest", id="a kind in lower case"),
        pytest.param("{kind: deploy, at: -5m, workload: app/back, change: {patch: {Pod: {}}}}", "is no object of a workload", id="a patch of a pod"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(fault: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=says):
        simulated(Case(faults=fault), tmp_path)
