"""Facts about workloads: availability, rollouts, admission, quotas, autoscalers, budgets, batch work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from agents.kubernetes.admission_errors import read_refusal
from agents.kubernetes.cron import last_due
from agents.kubernetes.detectors import (
    admission,
    autoscaler_moves,
    autoscaling,
    availability,
    disruption,
    jobs,
    new_pods_fail,
    no_resources,
    quota,
    rollout,
    sets,
    surging,
    webhooks,
)
from incidents.entity import EntityKind
from tests.agents.kubernetes.estate import (
    CLUSTER,
    NOW,
    at,
    check,
    condition,
    detect,
    entity,
    event,
    events,
    manager,
    pod,
    pods,
    seen,
    status,
    workload,
    workloads,
)
from tools.kubernetes.autoscaler import Autoscalers, read_autoscaler
from tools.kubernetes.disruption_budget import DisruptionBudgets, read_disruption_budget
from tools.kubernetes.document import Document
from tools.kubernetes.job import Jobs, read_cronjob, read_job
from tools.kubernetes.quota import Quotas, read_quota
from tools.kubernetes.webhook import ApiService, Webhooks, read_webhooks


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(workload(desired=6, ready=4), [("workload.unavailable", {"ready": 4, "desired": 6})], id="fewer than wanted"),
        pytest.param(workload(desired=0, ready=0, current=0, updated=0, managers=[manager("kubectl-scale", 1, "spec.replicas")]), [("workload.scaled_to_zero", {"manager": "kubectl-scale"})], id="none wanted"),
        pytest.param(workload(desired=1, ready=1, current=1, updated=1), [("workload.single_replica", {})], id="a single one"),
        pytest.param(workload(generation=4, observed=3), [("workload.generation_lag", {"generation": 4, "observed": 3})], id="a controller that lags"),
        pytest.param(workload(), [], id="all is well"),
    ],
)  # fmt: skip
def test_availability(found: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(availability.DETECTOR, workloads(found))
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])


def test_unavailability_is_dated_by_the_first_pod_that_went() -> None:
    (fact,) = detect(availability.DETECTOR, workloads(workload(ready=1)), pods(pod("a", status(), created=3)))
    assert fact.text == "only 1 of 2 pods of checkout are available since 02:38"


def made_from(hash_: str, name: str, *, ready: bool, created: float = 1, **more: Any) -> Any:
    found = pod(name, status(), ready=ready, created=created, **more)
    return found.model_copy(update={"meta": found.meta.model_copy(update={"labels": {"pod-template-hash": hash_}})})


OLD = [made_from("a", "old-1", ready=True, created=-900), made_from("a", "old-2", ready=True, created=-900)]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param([*OLD, made_from("b", "new", ready=False)], {"failing": 1, "well": 2}, id="new pods fail beside well old ones"),
        pytest.param([*OLD, made_from("b", "new", ready=True)], None, id="new pods are well"),
        pytest.param([OLD[0], made_from("a", "old-2", ready=False, created=-900), made_from("b", "new", ready=False)], None, id="old pods fail too: it is not the release"),
        pytest.param([*OLD, made_from("b", "new", ready=False, created=11)], None, id="new pods are young"),
        pytest.param([made_from("a", "old-1", ready=True, created=-900), made_from("a", "old-2", ready=False)], None, id="one template only"),
        pytest.param([made_from("b", "new", ready=False)], None, id="nothing old is left to compare with"),
    ],
)  # fmt: skip
def test_a_release_is_told_from_its_surroundings_by_the_pods_beside_it(
    own: list[Any], expected: dict[str, Any] | None
) -> None:
    facts = detect(new_pods_fail.DETECTOR, pods(*own))
    check(facts, [] if expected is None else [("revision.only_new_fails", "deployment/checkout", expected)])


STUCK = condition("Progressing", "False", "ProgressDeadlineExceeded", minutes=10)
WRITTEN = [manager("argocd-controller", 0, "spec.template.spec.containers")]


@pytest.mark.parametrize(
    ("found", "own", "expected"),
    [
        pytest.param(workload(desired=2, updated=1, current=3, ready=2), [pod("new", status(), created=1)], {"updated": 1, "deadline_exceeded": False}, id="new pods that do not get ready"),
        pytest.param(workload(updated=1, current=3, conditions=[STUCK], managers=WRITTEN), [], {"deadline_exceeded": True}, id="the controller gave up"),
        pytest.param(workload(desired=2, updated=1, current=3, ready=2), [pod("new", status(), created=11)], None, id="new pods that are young"),
        pytest.param(workload(ready=1), [pod("old", status(), created=1)], None, id="no rollout under way"),
        pytest.param(workload(ready=1, conditions=[STUCK], managers=[manager("argocd-controller", -3000, "spec.template.spec")]), [], None, id="pods that fail days after their rollout"),
    ],
)  # fmt: skip
def test_rollouts_that_are_stuck(found: Any, own: list[Any], expected: dict[str, Any] | None) -> None:
    facts = detect(rollout.DETECTOR, workloads(found), pods(*own))
    check(facts, [] if expected is None else [("workload.rollout_stuck", "deployment/checkout", expected)])


def test_containers_without_resources() -> None:
    check(
        detect(no_resources.DETECTOR, workloads(workload())),
        [("workload.no_resources", "deployment/checkout", {"containers": "app"})],
    )
    bounded = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "1m"}}}]}
    assert detect(no_resources.DETECTOR, workloads(workload(template=bounded))) == []


@pytest.mark.parametrize(
    ("message", "policy", "name", "resource", "reason"),
    [
        pytest.param('Error creating: pods "x-1" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=8Gi, limited: limits.memory=8Gi', "quota", "compute", "limits.memory=1Gi", "", id="a quota"),
        pytest.param('pods "x-1" is forbidden: failed quota: compute: must specify limits.cpu for: app; limits.memory for: app', "quota", "compute", "limits.cpu", "", id="a quota that wants limits"),
        pytest.param('Error creating: pods "x-1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false', "pod_security", "restricted:latest", "", "", id="pod security"),
        pytest.param('Error creating: admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/shop/x was blocked', "webhook", "validate.kyverno.svc-fail", "", "", id="a webhook that says no"),
        pytest.param('Error creating: Internal error occurred: failed calling webhook "mutate.x.io": failed to call webhook: Post "https://x.ns.svc:443/mutate?timeout=10s": no endpoints available for service "x"', "webhook_unavailable", "mutate.x.io", "", "no_endpoints", id="a webhook with nobody behind it"),
        pytest.param('Internal error occurred: failed calling webhook "v.x.io": failed to call webhook: Post "https://x.ns.svc:443/v": tls: failed to verify certificate: x509: certificate has expired', "webhook_unavailable", "v.x.io", "", "certificate", id="a webhook whose certificate ended"),
        pytest.param('Internal error occurred: failed calling webhook "v.x.io": Post "https://x.ns.svc:443/v": context deadline exceeded', "webhook_unavailable", "v.x.io", "", "timeout", id="a webhook that is slow"),
        pytest.param('pods "x-1" is forbidden: error looking up service account shop/app: serviceaccount "app" not found', "serviceaccount", "app", "", "", id="a service account"),
        pytest.param('pods "x-1" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', "limitrange", "", "memory", "", id="a limit range"),
        pytest.param('pods "x-1" is forbidden: no PriorityClass with name gold was found', "priority", "gold", "", "", id="a priority class"),
        pytest.param('pods "x-1" is forbidden: because', "other", "", "", "", id="another reason"),
    ],
)  # fmt: skip
def test_refused_pods(message: str, policy: str, name: str, resource: str, reason: str) -> None:
    read = read_refusal(message)
    assert read is not None
    assert (read.policy, read.name, read.resource, read.reason) == (policy, name, resource, reason)


def test_what_is_no_refusal_is_none() -> None:
    assert read_refusal("Created pod: x-1") is None


QUOTA = 'Error creating: pods "checkout-1-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10'
HOOK = 'Error creating: Internal error occurred: failed calling webhook "mutate.x.io": failed to call webhook: no endpoints available for service "x"'


def test_a_full_quota_is_a_fact_of_the_workload_and_of_the_namespace() -> None:
    said = event("FailedCreate", QUOTA, about="replicaset/checkout-1", owner=entity("deployment/checkout"))
    facts = detect(admission.DETECTOR, events(said), workloads(workload(updated=1)))
    check(
        facts,
        [
            ("admission.denied", "deployment/checkout", {"policy": "quota", "name": "compute", "resource": "pods=1"}),
            ("quota.exceeded", "namespace/shop", {"quota": "compute", "resource": "pods"}),
        ],
    )


def test_a_refusal_after_which_all_pods_were_made_is_overcome() -> None:
    said = event("FailedCreate", QUOTA, about="replicaset/checkout-1", owner=entity("deployment/checkout"))
    assert not detect(admission.DETECTOR, events(said), workloads(workload(desired=2, updated=2)))


def test_a_webhook_that_does_not_answer_is_a_fact_of_the_cluster() -> None:
    failing = workload(conditions=[condition("ReplicaFailure", "True", "FailedCreate", HOOK)])
    check(
        detect(admission.DETECTOR, workloads(failing)),
        [("webhook.unavailable", f"cluster/{CLUSTER}", {"name": "mutate.x.io", "reason": "no_endpoints"})],
    )


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        pytest.param("9.5Gi", [("quota.nearly_full", "namespace/shop", {"resource": "limits.memory", "ratio": 0.95})], id="nearly full"),
        pytest.param("5Gi", [], id="half full"),
    ],
)  # fmt: skip
def test_quotas(used: str, expected: list[Any]) -> None:
    body = {
        "metadata": {"name": "compute", "namespace": "shop"},
        "status": {"hard": {"limits.memory": "10Gi", "count/x": "0"}, "used": {"limits.memory": used}},
    }
    found = read_quota(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    check(detect(quota.DETECTOR, seen(Quotas(quotas=(found,)))), expected)


def hooks(ready: int, policy: str) -> Any:
    body = {
        "metadata": {"name": "kyverno"},
        "webhooks": [
            {
                "name": "v.kyverno.svc", "failurePolicy": policy,
                "clientConfig": {"service": {"name": "kyverno", "namespace": "kyverno"}},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}],
            }
        ],
    }  # fmt: skip
    found = read_webhooks(Document(body), cluster=CLUSTER, mutating=False)  # type: ignore[arg-type]
    hook = found.webhooks[0].model_copy(update={"ready": ready})
    return found.model_copy(update={"webhooks": (hook,)})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(hooks(0, "Fail"), [("webhook.unavailable", {"name": "v.kyverno.svc"})], id="nobody answers and it must"),
        pytest.param(hooks(0, "Ignore"), [], id="nobody answers and it need not"),
        pytest.param(hooks(2, "Fail"), [], id="somebody answers"),
    ],
)  # fmt: skip
def test_webhooks(found: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(webhooks.DETECTOR, seen(Webhooks(configurations=(found,))))
    check(facts, [(kind, f"cluster/{CLUSTER}", attributes) for kind, attributes in expected])


def test_an_aggregated_api_that_is_down() -> None:
    api = ApiService(name="v1beta1.metrics.k8s.io", available=False, reason="MissingEndpoints", since=NOW)
    view = seen(Webhooks(configurations=(), api_services=(api,)), complete=[entity(f"cluster/{CLUSTER}")])
    check(
        detect(webhooks.DETECTOR, view),
        [("apiservice.unavailable", f"cluster/{CLUSTER}", {"name": "v1beta1.metrics.k8s.io"})],
    )


def scaler(*conditions: dict[str, Any], current: int = 4, maximum: int = 4, used: int = 95) -> Any:
    body = {
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "checkout"}, "minReplicas": 2, "maxReplicas": maximum,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}}],
        },
        "status": {
            "currentReplicas": current, "desiredReplicas": current, "conditions": list(conditions),
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}],
        },
    }  # fmt: skip
    return seen(Autoscalers(autoscalers=(read_autoscaler(Document(body), cluster=CLUSTER),)))  # type: ignore[arg-type]


LIMITED = condition("ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(scaler(LIMITED), [("hpa.at_max", {"max": 4, "current": 4, "metric": "cpu", "target": "70%", "measured": "95%"})], id="at its maximum"),
        pytest.param(scaler(condition("ScalingLimited", "False", "DesiredWithinRange")), [], id="at its maximum by chance"),
        pytest.param(scaler(LIMITED, current=3), [], id="on its way there"),
        pytest.param(scaler(condition("ScalingActive", "False", "FailedGetResourceMetric", "missing request for cpu in container app of Pod x"), current=2), [("hpa.cannot_read_metrics", {"missing": "request"})], id="a missing request"),
        pytest.param(scaler(condition("ScalingActive", "False", "FailedGetResourceMetric", "unable to fetch metrics from resource metrics API: the server could not find the requested resource"), current=2), [("hpa.cannot_read_metrics", {"missing": "api"})], id="no metrics API"),
        pytest.param(scaler(condition("ScalingActive", "False", "ScalingDisabled"), current=0), [], id="switched off by zero replicas"),
    ],
)  # fmt: skip
def test_autoscalers(view: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(autoscaling.DETECTOR, view)
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(scaler(condition("ScalingLimited", "True", "TooFewReplicas"), current=2), ["hpa.at_min"], id="it would go lower"),
        pytest.param(scaler(condition("ScalingLimited", "False", "DesiredWithinRange"), current=2, used=40), ["hpa.at_min"], id="at its minimum, use below the target"),
        pytest.param(scaler(condition("ScalingLimited", "False", "DesiredWithinRange"), current=2), [], id="at its minimum and about to add pods"),
        pytest.param(scaler(condition("ScalingLimited", "False", "DesiredWithinRange"), current=3, used=40), [], id="above its minimum"),
    ],
)  # fmt: skip
def test_autoscalers_at_their_minimum(view: Any, expected: list[str]) -> None:
    lowered = events(rescaled(2, "below", 1, -3, -3))
    assert [fact.kind for fact in detect(autoscaler_moves.DETECTOR, view, lowered)] == expected
    assert detect(autoscaler_moves.DETECTOR, view) == [], "who rests at the minimum for long is no news"


def rescaled(to: int, way: str, count: int, first: float, last: float) -> Any:
    message = f"New size: {to}; reason: cpu resource utilization (percentage of request) {way} target"
    return event(
        "SuccessfulRescale", message, about="horizontalpodautoscaler/checkout", count=count, first=first, last=last
    )


@pytest.mark.parametrize(
    ("moves", "flaps"),
    [
        pytest.param([rescaled(8, "above", 4, -30, 4), rescaled(3, "below", 4, -27, 6)], True, id="up and down again and again"),
        pytest.param([rescaled(4, "above", 1, -30, -30), rescaled(8, "above", 1, -25, -25), rescaled(3, "below", 1, 0, 0)], False, id="one wave"),
        pytest.param([rescaled(n, "above", 1, n, n) for n in range(3, 11)], False, id="a load that grows step by step"),
        pytest.param([rescaled(8, "above", 4, -300, -200), rescaled(3, "below", 4, -290, -190)], False, id="hours ago"),
    ],
)  # fmt: skip
def test_autoscalers_that_flap(moves: list[Any], flaps: bool) -> None:
    facts = detect(autoscaler_moves.DETECTOR, scaler(current=3), events(*moves))
    assert [fact.kind for fact in facts] == (["hpa.flapping"] if flaps else [])


def test_an_autoscaler_that_scaled() -> None:
    facts = detect(
        autoscaling.DETECTOR,
        scaler(current=3),
        events(
            event("SuccessfulRescale", "New size: 3; reason: cpu resource utilization (percentage of request) above target", about="horizontalpodautoscaler/checkout"),
            event("ScalingReplicaSet", "Scaled up replica set checkout-1 from 2 to 3", about="deployment/checkout", owner=entity("deployment/checkout")),
        ),
    )  # fmt: skip
    check(facts, [("hpa.scaled", "deployment/checkout", {"from": 2, "to": 3})])
    assert facts[0].text == "checkout was scaled to 3 pods by autoscaler checkout at 02:45"


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(0, [("pdb.blocks", "deployment/checkout", {"healthy": 1, "wanted": 2, "always": True})]), (1, [])],
)
def test_disruption_budgets(allowed: int, expected: list[Any]) -> None:
    counts = {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 2}
    body = {"metadata": {"name": "checkout", "namespace": "shop"}, "spec": {"minAvailable": 2}, "status": counts}
    budget = read_disruption_budget(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    own = budget.model_copy(update={"workloads": (entity("deployment/checkout"),)})
    check(detect(disruption.DETECTOR, seen(DisruptionBudgets(budgets=(own,)))), expected)


def cron(schedule: str, *, last: float | None, **spec: Any) -> Any:
    body = {
        "metadata": {"name": "report", "namespace": "shop", "creationTimestamp": at(-50000), "managedFields": [manager("kubectl-patch", -60, "spec.suspend")]},
        "spec": {"schedule": schedule, **spec},
        "status": {"lastScheduleTime": at(last)} if last is not None else {},
    }  # fmt: skip
    return seen(Jobs(jobs=(), cronjobs=(read_cronjob(Document(body), cluster=CLUSTER),)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(cron("*/10 * * * *", last=-5), [("cronjob.missed", {"schedule": "*/10 * * * *"})], id="did not start when it was due"),
        pytest.param(cron("*/10 * * * *", last=5), [], id="started when it was due"),
        pytest.param(cron("0 4 * * *", last=-1355), [], id="not due yet"),
        pytest.param(cron("not a schedule", last=None), [], id="a schedule that is not understood"),
        pytest.param(cron("*/10 * * * *", last=-600, suspend=True), [("cronjob.suspended", {"manager": "kubectl-patch"})], id="suspended"),
    ],
)  # fmt: skip
def test_cron_jobs(view: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(jobs.DETECTOR, view)
    check(facts, [(kind, "cronjob/report", attributes) for kind, attributes in expected])


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", "2026-11-17T02:47"),
        ("30 2 * * *", "2026-11-17T02:30"),
        ("@hourly", "2026-11-17T02:00"),
        ("0 0 * * sun", "2026-11-15T00:00"),
        ("0 12 * * 1-5", "2026-11-16T12:00"),
        ("0 0 1 1 *", None),
        ("0 0 1 * 1", "2026-11-16T00:00"),
        ("61 0 * * *", None),
        ("nonsense", None),
    ],
)
def test_the_last_time_a_schedule_was_due(schedule: str, due: str | None) -> None:
    expected = datetime.fromisoformat(f"{due}:00+00:00") if due else None
    assert last_due(schedule, now=NOW) == expected


def test_a_schedule_in_a_time_zone() -> None:
    assert last_due("0 3 * * *", now=NOW, timezone="Europe/Berlin") == NOW - timedelta(minutes=47)
    assert last_due("0 3 * * *", now=NOW, timezone="Moon/Tycho") is None


def test_a_job_that_failed_for_good() -> None:
    body = {
        "metadata": {"name": "report-1", "namespace": "shop", "ownerReferences": [{"kind": "CronJob", "name": "report", "controller": True}]},
        "spec": {}, "status": {"failed": 7, "conditions": [condition("Failed", "True", "BackoffLimitExceeded", minutes=2)]},
    }  # fmt: skip
    found = read_job(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    facts = detect(jobs.DETECTOR, seen(Jobs(jobs=(found,))))
    check(facts, [("job.failed", "job/report-1", {"reason": "BackoffLimitExceeded", "failed": 7})])
    assert facts[0].related == (entity("cronjob/report"),)


def test_a_daemonset_that_misses_nodes() -> None:
    found = workload(kind=EntityKind.DAEMONSET, desired=5, ready=3, current=5, updated=5)
    check(
        detect(sets.DETECTOR, workloads(found)),
        [("daemonset.missing_nodes", "daemonset/checkout", {"missing": 2, "desired": 5})],
    )


def test_a_statefulset_that_waits_for_one_pod() -> None:
    own = entity("statefulset/checkout")
    found = workload(kind=EntityKind.STATEFULSET, desired=3, ready=1, current=2)
    view = pods(pod("checkout-0", status(ready=True), ready=True, owner=own), pod("checkout-1", status(), owner=own))
    check(
        detect(sets.DETECTOR, workloads(found), view),
        [("statefulset.ordinal_stuck", "statefulset/checkout", {"ordinal": 1, "ready": 1, "desired": 3})],
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(workload(desired=3, ready=3, current=4), [("workload.surging", {"pods": 4, "desired": 3})], id="a rollout adds one"),
        pytest.param(workload(desired=3, ready=3, current=3), [], id="as many as wanted"),
        pytest.param(workload(desired=0, ready=0, current=2), [], id="none wanted: they are about to end"),
    ],
)  # fmt: skip
def test_more_pods_than_wanted(found: Any, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(surging.DETECTOR, workloads(found))
    assert [
        (fact.kind, {key: fact.attributes[key] for key in attributes})
        for fact, (_, attributes) in zip(facts, expected, strict=True)
    ] == expected
