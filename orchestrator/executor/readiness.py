"""What the write credentials can do: which actions of the catalogue can be executed here, and what each one lacks.

Asked by `midwatch doctor`, and for one request before its card offers Approve. Nothing here changes anything:
Kubernetes and Argo CD are asked whether they would allow it, GitHub is sent requests that cannot succeed; where a
system has no such way, that is said.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol, runtime_checkable

from incidents.action import ActionRequest
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from incidents.value import Value
from tools.action import Action, actions
from tools.argocd.permission import may
from tools.clock import Clock
from tools.connect import connect_write
from tools.errors import NotConfiguredError, NotFoundError, ToolError
from tools.estate import Connections, WriteCluster
from tools.github.permission import missing_writes
from tools.kubernetes.access import Need

SECONDS = 15.0
"""How long the questions about one cluster may take altogether."""
AT_ONCE = 8
"""Access reviews under way at once."""
CLUSTER_WIDE = frozenset({"nodes", "namespaces", "persistentvolumes", "clusterrolebindings"})

EXCESS: tuple[Need, ...] = (
    Need(verb="get", resource="secrets"),
    Need(verb="list", resource="secrets"),
    *(Need(verb="delete", resource=name) for name in ("secrets", "configmaps", "services", "persistentvolumeclaims")),
    *(Need(verb="delete", resource=name, group="apps") for name in ("deployments", "statefulsets", "daemonsets")),
    *(Need(verb="delete", resource=name, group="batch") for name in ("jobs", "cronjobs")),
    Need(verb="delete", resource="namespaces"),
    Need(verb="delete", resource="nodes"),
    Need(verb="delete", resource="persistentvolumes"),
    Need(verb="create", resource="pods"),
    Need(verb="create", resource="pods", subresource="exec"),
    Need(verb="create", resource="rolebindings", group="rbac.authorization.k8s.io"),
    Need(verb="create", resource="clusterrolebindings", group="rbac.authorization.k8s.io"),
    Need(verb="impersonate", resource="users"),
)
"""What no action needs. An executor that may do one of these is a larger risk than it has to be."""


NO_KUBERNETES = "kubernetes_write credentials (none are configured)"
"""The problem of an estate in which nobody meant to change Kubernetes."""


class ActionReadiness(Value):
    """Whether one action can be executed with these credentials."""

    kind: ActionKind
    title: str
    ready: bool
    missing: tuple[str, ...] = ()
    """Each permission or connection that is lacking: `patch deployments.apps in shop`."""
    note: str = ""
    """What could not be asked, so that the answer is less than certain."""


class Readiness(Value):
    """What the executor can do in one cluster."""

    cluster: str
    actions: tuple[ActionReadiness, ...]
    excess: tuple[str, ...] = ()
    """Permissions that are granted and that no action needs."""
    problem: str = ""
    """Why Kubernetes could not be asked."""


@runtime_checkable
class _Declaring(Protocol):
    """An action on Kubernetes objects: it says what its credentials have to allow."""

    needs: tuple[Need, ...]


async def survey_writing(connections: Connections, *, clock: Clock, repositories: Sequence[str] = ()) -> Readiness:
    """The write credentials of one configured cluster. What does not answer is said in `problem`; raises nothing."""
    try:
        async with asyncio.timeout(SECONDS), connect_write(connections, clock=clock) as cluster:
            return await readiness_of(cluster, repositories=repositories)
    except TimeoutError:
        problem = f"not everything answered within {SECONDS:.0f} s"
    except ToolError as error:
        problem = str(error)
    cards = [action.card for action in actions().values()]
    unknown = tuple(
        ActionReadiness(kind=c.kind, title=c.title, ready=False, missing=_unanswered(problem)) for c in cards
    )
    return Readiness(cluster=connections.name, actions=unknown, problem=problem)


async def readiness_of(cluster: WriteCluster, *, repositories: Sequence[str] = ()) -> Readiness:
    """All actions of the catalogue against the write credentials of one cluster. Never raises ToolError."""
    catalogue = actions()
    problem, granted = await _reviewed(cluster, [*_needs(catalogue.values()), *EXCESS])
    judged = [await _judge(action, cluster, granted, problem, repositories) for action in catalogue.values()]
    excess = [need.text for need in EXCESS if any(allowed for (n, _), allowed in granted.items() if n == need)]
    return Readiness(cluster=cluster.name, actions=tuple(judged), excess=tuple(excess), problem=problem)


async def lacking(cluster: WriteCluster, action: Action, request: ActionRequest) -> tuple[str, ...]:
    """The permissions that one request lacks at its target. Raises ToolError when nobody answers.

    What cannot be asked beforehand (a silence, an Argo CD that does not say) counts as allowed.
    """
    target = Entity.parse(request.target)
    if not isinstance(action, _Declaring):
        named = (target.name,) if target.kind is EntityKind.REPOSITORY else ()
        return (await _elsewhere(action, cluster, named))[0]
    own = [need for need in action.needs if target.kind in _ONLY_FOR.get(need.resource, {target.kind})]
    granted = await _ask(cluster, own, places=(target.namespace,))
    return tuple(_words(need, place) for (need, place), allowed in granted.items() if not allowed)


_ONLY_FOR = {
    "deployments": {EntityKind.DEPLOYMENT},
    "replicasets": {EntityKind.DEPLOYMENT},
    "statefulsets": {EntityKind.STATEFULSET},
    "daemonsets": {EntityKind.DAEMONSET},
    "controllerrevisions": {EntityKind.STATEFULSET, EntityKind.DAEMONSET},
}
"""Actions on workloads declare needs for each kind of workload; one request needs those of its target's kind."""


async def _reviewed(cluster: WriteCluster, needs: Sequence[Need]) -> tuple[str, Mapping[tuple[Need, str | None], bool]]:
    if cluster.kubernetes is None:
        return NO_KUBERNETES, {}
    try:
        return "", await _ask(cluster, needs, places=cluster.connections.namespaces or (None,))
    except ToolError as error:
        return str(error), {}


async def _ask(
    cluster: WriteCluster, needs: Sequence[Need], *, places: Sequence[str | None]
) -> Mapping[tuple[Need, str | None], bool]:
    client, slots = cluster.kubernetes, asyncio.Semaphore(AT_ONCE)
    if client is None:
        raise NotConfiguredError(f"no kubernetes_write credentials are configured for {cluster.name}")
    wanted = dict.fromkeys(
        (need, place) for need in needs for place in ((None,) if need.resource in CLUSTER_WIDE else places)
    )

    async def ask(need: Need, place: str | None) -> bool:
        async with slots:
            return (await client.access_review(need, namespace=place)).allowed

    async with _first_error() as group:
        tasks = {key: group.create_task(ask(*key)) for key in wanted}
    return {key: task.result() for key, task in tasks.items()}


@asynccontextmanager
async def _first_error() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose failure is the first ToolError rather than a group of errors."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except* ToolError as failed:
        raise failed.exceptions[0] from None


def _needs(catalogue: Iterable[Action]) -> list[Need]:
    return [need for action in catalogue if isinstance(action, _Declaring) for need in action.needs]


async def _judge(
    action: Action,
    cluster: WriteCluster,
    granted: Mapping[tuple[Need, str | None], bool],
    problem: str,
    repositories: Sequence[str],
) -> ActionReadiness:
    note = ""
    if isinstance(action, _Declaring):
        denied = [_words(n, p) for (n, p), allowed in granted.items() if n in action.needs and not allowed]
        missing = _unanswered(problem) if problem else tuple(denied)
    else:
        missing, note = await _elsewhere(action, cluster, repositories)
    card = action.card
    return ActionReadiness(kind=card.kind, title=card.title, ready=not missing, missing=missing, note=note)


async def _elsewhere(action: Action, cluster: WriteCluster, repositories: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """What an action on another system than Kubernetes lacks, and what could not be asked."""
    system = type(action).__module__.split(".")[1]
    try:
        match system:
            case "alertmanager":
                return await _alertmanager(cluster)
            case "argocd":
                return await _argocd(cluster)
            case "github":
                return await _github(cluster, repositories)
            case _:
                return (), f"{system} cannot be asked beforehand what these credentials may do"
    except ToolError as error:
        return _unanswered(str(error)), ""


def _unanswered(problem: str) -> tuple[str, ...]:
    """What an action lacks when nobody said what it may: it is told as `cordon_node lacks ...`."""
    return (problem if problem == NO_KUBERNETES else f"an answer: {problem}",)


async def _alertmanager(cluster: WriteCluster) -> tuple[tuple[str, ...], str]:
    if cluster.alertmanager is None:
        return ("an Alertmanager (none is configured)",), ""
    await cluster.alertmanager.silences()
    return (), "Alertmanager has no roles: whoever can read it can silence; a proxy before it may differ"


async def _argocd(cluster: WriteCluster) -> tuple[tuple[str, ...], str]:
    if cluster.argocd is None:
        return ("argocd_write credentials (none are configured)",), ""
    client = cluster.argocd
    verbs = ("get", "sync", "update")
    try:
        denied = [f"{verb} applications in Argo CD" for verb in verbs if not await may(client, verb=verb)]
    except NotFoundError:
        await client.applications()  # raises for credentials that are none
        return (), "Argo CD did not say beforehand what the account may do"
    return tuple(denied), ""


async def _github(cluster: WriteCluster, repositories: Sequence[str]) -> tuple[tuple[str, ...], str]:
    if cluster.github is None:
        return ("github_write credentials (none are configured)",), ""
    if not repositories:
        # Counts against no limit, and is refused to a token that is none; Enterprise servers without limits lack it.
        with suppress(NotFoundError):
            await cluster.github.http.fetch("GET", "/rate_limit")
        return (), "no repository is named in the settings (repositories), so that none was asked about"
    client = cluster.github
    async with _first_error() as group:
        tasks = {name: group.create_task(missing_writes(client, name)) for name in repositories}
    return tuple(f"{text} in {name}" for name, task in tasks.items() for text in task.result()), ""


def _words(need: Need, place: str | None) -> str:
    return f"{need.text} in {place}" if place else need.text
