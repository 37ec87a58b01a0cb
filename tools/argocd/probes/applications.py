"""What Argo CD says about the applications that deploy to some namespaces: sync, health, last operation, history."""

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source
from incidents.value import Value
from tools.argocd.application import Application
from tools.argocd.client import SYSTEM
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_APPLICATIONS = 50
MOST_HISTORY = 10
"""Entries of history per application: Argo CD's own default for revisionHistoryLimit."""


class ApplicationsArgs(Value):
    """Only applications that deploy to these namespaces or carry these names; all when neither is given."""

    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class ApplicationsView(Value):
    """The applications, those that are not well first."""

    applications: tuple[Application, ...]


def _wanted(application: Application, args: ApplicationsArgs) -> bool:
    if not args.namespaces and not args.names:
        return True
    manages = {resource.namespace for resource in application.resources}
    return application.name in args.names or bool({application.destination_namespace, *manages} & set(args.namespaces))


def _order(application: Application) -> tuple[bool, str]:
    return application.sync == "Synced" and application.health == "Healthy", application.name


async def _run(cluster: Cluster, args: ApplicationsArgs) -> Observation[ApplicationsView]:
    client = configured(cluster.argocd, system=SYSTEM, cluster=cluster.name)
    found = sorted((a for a in await client.applications() if _wanted(a, args)), key=_order)
    kept = tuple(a.model_copy(update={"history": a.history[-MOST_HISTORY:]}) for a in found[:MOST_APPLICATIONS])
    entities = tuple(
        Entity(cluster=cluster.name, namespace=a.namespace or None, kind=EntityKind.APPLICATION, name=a.name).id
        for a in kept
    )
    return observed(
        ApplicationsView(applications=kept),
        probe=PROBE.name,
        source=Source.ARGOCD,
        query=client.http.describe("/api/v1/applications"),
        at=cluster.clock.now(),
        title="Argo CD applications" + (f" of {', '.join(args.namespaces)}" if args.namespaces else ""),
        entities=entities,
        cut=f"{MOST_APPLICATIONS} of {len(found)} applications" if len(found) > MOST_APPLICATIONS else None,
        link=client.http.link("/applications"),
    )


PROBE = Probe(
    name="argocd.applications",
    source=Source.ARGOCD,
    describe="Argo CD applications: sync and health status, last operation with its message, history of deployments.",
    args=ApplicationsArgs,
    view=ApplicationsView,
    run=_run,
)
