"""All checks at once, and what they say together."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from incidents.policy import Policy
from incidents.value import Value
from orchestrator.executor.readiness import Readiness, survey_writing
from orchestrator.settings import Role, Settings
from orchestrator.store.inspection import DatabaseReport
from service.doctor import (
    alertmanager,
    argocd,
    clocks,
    database,
    executor,
    flags,
    github,
    governance,
    kubernetes,
    loki,
    opencost,
    prometheus,
    providers,
    slack,
    traces,
)
from service.doctor.answers import Estate, answers
from service.doctor.finding import Answer, Finding, State
from tools.clock import SystemClock
from tools.connect import connect
from tools.errors import ToolError
from tools.estate import Cluster, Connections


class Report(Value):
    """Everything that doctor says."""

    at: datetime
    findings: tuple[Finding, ...]
    sees: dict[str, tuple[str, ...]] = {}
    """What Midwatch can see or do, by cluster (empty name: Midwatch itself)."""
    blind: dict[str, tuple[str, ...]] = {}
    """What it cannot."""
    answers: tuple[Answer, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether everything that is configured works."""
        return all(finding.state is not State.FAILED for finding in self.findings)


async def examine(settings: Settings) -> Report:
    """Check everything, in parallel. Changes nothing, raises nothing that a check can meet."""
    policy, policy_row = governance.policy(settings)
    everybody, directory_row = governance.directory(settings)
    async with asyncio.TaskGroup() as group:
        stored = group.create_task(database.check(settings))
        rest = group.create_task(asyncio.to_thread(governance.runbooks, settings))
        chat = group.create_task(slack.check(settings))
    seen, database_row = stored.result()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_cluster(settings, one, seen=seen, policy=policy)) for one in settings.clusters]
    own = (
        database_row,
        governance.webhook(settings.webhook),
        governance.people(everybody, policy),
        *((directory_row,) if directory_row else ()),
        governance.sign_in(settings.oidc),
        policy_row,
        rest.result(),
        governance.model(settings.model),
        *chat.result(),
        *(() if settings.clusters else (_no_cluster(),)),
    )
    rows = (*own, *(row for task in tasks for row in task.result()[0]))
    return summed(rows, tuple(answer for task in tasks for answer in task.result()[1]))


def summed(rows: tuple[Finding, ...], answered: tuple[Answer, ...]) -> Report:
    """The report of these rows."""
    sees: dict[str, tuple[str, ...]] = {}
    blind: dict[str, tuple[str, ...]] = {}
    for row in rows:
        sees[row.cluster] = tuple(dict.fromkeys((*sees.get(row.cluster, ()), *row.sees)))
        blind[row.cluster] = tuple(dict.fromkeys((*blind.get(row.cluster, ()), *row.blind)))
    return Report(at=datetime.now(UTC), findings=rows, sees=sees, blind=blind, answers=answered)


async def _cluster(
    settings: Settings,
    connections: Connections,
    *,
    seen: DatabaseReport | None,
    policy: Policy | None,
) -> tuple[tuple[Finding, ...], tuple[Answer, ...]]:
    try:
        async with connect(connections, clock=settings.time) as cluster:
            return await _connected(settings, cluster, seen=seen, policy=policy)
    except ToolError as error:  # an address that is none
        row = Finding(
            cluster=connections.name,
            what="Connections",
            state=State.FAILED,
            found=str(error),
            means="nothing of this cluster is seen",
            do=f"correct the addresses in clusters[{connections.name}]",
        )
        return (row,), ()


async def _connected(
    settings: Settings,
    cluster: Cluster,
    *,
    seen: DatabaseReport | None,
    policy: Policy | None,
) -> tuple[tuple[Finding, ...], tuple[Answer, ...]]:
    last, beats = (seen.last_delivery, seen.heartbeats) if seen else (None, {})
    async with asyncio.TaskGroup() as group:
        kube = group.create_task(kubernetes.check(cluster))
        metrics = group.create_task(prometheus.check(cluster))
        alerts = group.create_task(alertmanager.check(cluster, last_delivery=last, heartbeats=beats))
        logs = group.create_task(loki.check(cluster))
        spans = group.create_task(traces.check(cluster))
        code = group.create_task(_delivery(settings, cluster))
        costs = group.create_task(opencost.check(cluster))
        switches = group.create_task(flags.check(cluster))
        pages = group.create_task(providers.check(cluster))
    (kube_view, kube_row), (prom_view, prom_row) = kube.result(), metrics.result()
    (argo_view, argo_row), (hub_view, hub_row), writing = code.result()
    said = _dates(kube_view, prom_view)
    clock = clocks.check(said, now=SystemClock().now(), virtual=bool(settings.clock), cluster=cluster.name)
    writing_row = executor.judge(writing) if writing else executor.not_here(cluster.name)
    telemetry = [prom_row, alerts.result(), logs.result(), spans.result()]
    rows = [
        kube_row,
        writing_row,
        *telemetry,
        argo_row,
        hub_row,
        costs.result(),
        *filter(None, [switches.result(), pages.result()]),
    ]
    estate = Estate(
        cluster=cluster.name,
        prometheus=prom_view,
        argocd=argo_view,
        github=hub_view,
        writing=writing,
        policy=policy,
        now=cluster.clock.now(),
    )
    return (*rows, *((clock,) if clock else ())), answers(estate)


async def _delivery(
    settings: Settings, cluster: Cluster
) -> tuple[tuple[argocd.ArgoCDView | None, Finding], tuple[github.GitHubView | None, Finding], Readiness | None]:
    """Argo CD first: it knows from which repositories is deployed. Write credentials only where there may be some."""
    view, row = await argocd.check(cluster)
    connections = cluster.connections
    named = github.repositories_of(connections.repositories.values(), view)[: github.MOST]
    async with asyncio.TaskGroup() as group:
        code = group.create_task(github.check(cluster, named=named))
        writing = (
            group.create_task(survey_writing(connections, clock=cluster.clock, repositories=named))
            if Role.EXECUTOR in settings.roles
            else None
        )
    return (view, row), code.result(), writing.result() if writing else None


def _dates(kube: kubernetes.KubernetesView | None, metrics: prometheus.PrometheusView | None) -> Mapping[str, datetime]:
    said = {
        "Kubernetes": kube.server_time if kube else None,
        "Prometheus": metrics.status.server_time if metrics else None,
    }
    return {name: at for name, at in said.items() if at is not None}


def _no_cluster() -> Finding:
    return Finding(
        what="Clusters",
        state=State.MISSING,
        found="none is configured",
        means="alerts are taken in, and nothing can be investigated",
        do="add one to clusters in midwatch.yaml (midwatch.example.yaml shows how)",
        blind=("any estate: no cluster is configured",),
    )
