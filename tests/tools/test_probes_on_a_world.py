"""The read probes of Loki, Alertmanager, GitHub, Argo CD and OpenCost on the served reference incident."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incidents.evidence import BODY_LIMIT
from tests.tools.served_estate import Served
from tools.alertmanager.probes import alerts, silences
from tools.argocd.probes import applications, diff
from tools.errors import NotFoundError
from tools.github.probes import commits, compare, deployments, pulls, workflow_runs
from tools.loki.line import Level
from tools.loki.probes import logs, templates
from tools.opencost.probes import allocation
from tools.prometheus.convention import ConventionName
from tools.prometheus.measures import measure
from tools.prometheus.probes import nodes, red, service_graph, usage, workloads

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKOUT = "shop/deployment/checkout"


async def test_logs_are_lines_of_the_workload_in_the_order_of_time(still: Served) -> None:
    now = still.cluster.clock.now()
    args = logs.LogsArgs(entity=still.id(CHECKOUT), start=now - timedelta(minutes=5), end=now, limit=50)
    seen = await logs.PROBE.run(still.cluster, args)
    assert len(seen.view.lines) == 50
    assert seen.evidence.cut == "only the latest 50 lines"
    assert [line.at for line in seen.view.lines] == sorted(line.at for line in seen.view.lines)
    assert all(line.pod.startswith("checkout-") for line in seen.view.lines)


async def test_logs_can_be_narrowed(still: Served) -> None:
    now = still.cluster.clock.now()
    args = logs.LogsArgs(
        entity=still.id(CHECKOUT), start=now - timedelta(minutes=30), end=now, matching="thread pool exhausted"
    )
    seen = await logs.PROBE.run(still.cluster, args)
    assert seen.view.lines
    assert all("thread pool exhausted" in line.text for line in seen.view.lines)


async def test_templates_tell_what_is_new_since_the_onset(still: Served) -> None:
    now = still.cluster.clock.now()
    since = now - timedelta(minutes=13)
    args = templates.TemplatesArgs(entity=still.id(CHECKOUT), start=since - timedelta(minutes=30), since=since, end=now)
    seen = await templates.PROBE.run(still.cluster, args)
    new = [template for template in seen.view.templates if template.is_new]
    assert any("thread pool exhausted" in template.template for template in new)
    assert all(template.before == 0 and template.first_after is not None for template in new)
    usual = [template.template for template in seen.view.templates if template.before > 10]
    assert any("processing request" in template for template in usual), "what was always written is known as usual"
    assert next(t.level for t in new if "thread pool exhausted" in t.template) in (Level.WARN, Level.ERROR)


async def test_of_a_long_log_the_first_lines_and_the_newest_are_read(still: Served) -> None:
    now = still.cluster.clock.now()
    since = now - timedelta(minutes=45)
    args = templates.TemplatesArgs(entity=still.id(CHECKOUT), start=since - timedelta(minutes=30), since=since, end=now)
    seen = await templates.PROBE.run(still.cluster, args)
    assert seen.view.lines_after == 2 * templates.LINES_EACH
    assert 0 < seen.view.minutes_after < 45
    assert "the first and the newest 1000 lines after" in (seen.evidence.cut or "")
    (full,) = (one for one in seen.view.templates if "thread pool exhausted" in one.template)
    assert full.is_new, "it came half an hour after the first lines"
    assert max(one.last for one in seen.view.templates) > now - timedelta(minutes=1)


async def test_alerts_that_fire(still: Served) -> None:
    seen = await alerts.PROBE.run(still.cluster, alerts.AlertsArgs())
    names = {alert.name for alert in seen.view.alerts}
    assert {"KubeContainerOOMKilled", "ServiceHighErrorRate", "Watchdog"} <= names
    here = await alerts.PROBE.run(still.cluster, alerts.AlertsArgs(namespace="payments"))
    assert all(alert.labels.get("namespace", "payments") == "payments" for alert in here.view.alerts)


async def test_no_silences(still: Served) -> None:
    seen = await silences.PROBE.run(still.cluster, silences.SilencesArgs())
    assert seen.view.silences == ()


async def test_the_bad_deploy_is_seen_in_github_from_deployment_to_line(still: Served) -> None:
    repository = "harbour/checkout"
    deployed = (
        await deployments.PROBE.run(still.cluster, deployments.DeploymentsArgs(repository=repository))
    ).view.deployments
    latest, previous = deployed[0], deployed[1]
    assert latest.state == "success"
    seen = await compare.PROBE.run(
        still.cluster, compare.CompareArgs(repository=repository, base=previous.sha, head=latest.sha)
    )
    patches = "\n".join(file.patch for file in seen.view.comparison.files)
    assert "+              memory: 256Mi" in patches or "256Mi" in patches
    assert any("Right-size checkout" in commit.message for commit in seen.view.comparison.commits)
    one = await commits.PROBE.run(still.cluster, commits.CommitsArgs(repository=repository, sha=latest.sha))
    assert one.view.files
    assert one.view.commits[0].author
    listed = await commits.PROBE.run(still.cluster, commits.CommitsArgs(repository=repository))
    assert latest.sha in {commit.sha for commit in listed.view.commits}
    runs = await workflow_runs.PROBE.run(
        still.cluster, workflow_runs.WorkflowRunsArgs(repository=repository, sha=latest.sha)
    )
    assert {run.sha for run in runs.view.runs} <= {latest.sha}
    await pulls.PROBE.run(still.cluster, pulls.PullsArgs(repository=repository))


async def test_a_repository_that_is_not_there(still: Served) -> None:
    with pytest.raises(NotFoundError):
        await deployments.PROBE.run(still.cluster, deployments.DeploymentsArgs(repository="acme/nothing"))


async def test_argo_cd_applications_have_their_history(still: Served) -> None:
    seen = await applications.PROBE.run(still.cluster, applications.ApplicationsArgs(namespaces=("shop",)))
    cart = next(one for one in seen.view.applications if one.name == "cart")
    assert cart.destination_namespace == "shop"
    assert len(cart.history) >= 2
    assert [entry.id for entry in cart.history] == sorted(entry.id for entry in cart.history)
    assert {one.destination_namespace for one in seen.view.applications} == {"shop"}
    assert seen.evidence.query == "GET /api/v1/applications"


async def test_argo_cd_sees_no_drift_after_a_deploy_through_git(still: Served) -> None:
    seen = await diff.PROBE.run(still.cluster, diff.DiffArgs(application="cart"))
    assert seen.view.resources == ()


async def test_allocations_have_a_rate(still: Served) -> None:
    now = still.cluster.clock.now()
    args = allocation.AllocationArgs(namespaces=("shop",), start=now - timedelta(hours=6), end=now)
    seen = await allocation.PROBE.run(still.cluster, args)
    own = [row for row in seen.view.rows if row.controller == "checkout"]
    assert own
    assert all(row.namespace == "shop" for row in seen.view.rows)
    assert 0 < (own[0].usd_per_hour or 0) < 10


async def test_prometheus_of_a_world_answers_the_same_probes(still: Served) -> None:
    now = still.cluster.clock.now()
    window = {"start": now - timedelta(minutes=75), "end": now}
    requests = await red.PROBE.run(still.cluster, red.RedArgs(entity=still.id(CHECKOUT), **window))
    assert requests.view.convention is ConventionName.OTEL
    used = await usage.PROBE.run(still.cluster, usage.UsageArgs(entity=still.id(CHECKOUT), **window))
    assert used.view.containers[0].memory_ratio is not None
    assert used.view.desired is not None
    calls = await service_graph.PROBE.run(
        still.cluster, service_graph.ServiceGraphArgs(services=("checkout",), **window)
    )
    assert any(call.server == "checkout" and call.failed for call in calls.view.calls)
    hosts = await nodes.PROBE.run(still.cluster, nodes.NodesArgs(**window))
    assert len(hosts.view.nodes) > 2
    listed = await workloads.PROBE.run(still.cluster, workloads.WorkloadsArgs(at=now))
    assert still.id(CHECKOUT) in listed.view.workloads
    for seen in (requests, used, calls, hosts, listed):
        assert len(seen.evidence.body) <= BODY_LIMIT


async def test_a_measure_of_a_world(still: Served) -> None:
    now = still.cluster.clock.now()
    reading = await measure(still.cluster, "error_rate", still.id(CHECKOUT), at=now, window=timedelta(minutes=1))
    assert reading.value is not None
    assert 0.02 < reading.value < 0.2
