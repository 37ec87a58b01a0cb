"""Where a workload comes from: the Argo CD applications that deploy it, and its repository with the path in it."""

from fnmatch import fnmatchcase

from agents.cicd.gitops import slug
from agents.enquiry.seen import Notebook
from incidents.entity import Entity
from incidents.ids import EntityId
from incidents.value import Value
from tools.argocd.application import Application
from tools.argocd.probes.applications import PROBE as APPLICATIONS
from tools.argocd.probes.applications import ApplicationsArgs, ApplicationsView
from tools.kubernetes.metadata import kind_of
from tools.probe import Observation


class Home(Value):
    """A repository, and the folder in it (empty: its root)."""

    repository: str
    path: str = ""


async def applications(notes: Notebook, entity: EntityId) -> tuple[Observation[ApplicationsView], list[Application]]:
    """What was seen of Argo CD, and the applications that deploy the workload. Raises LookupError when nothing was."""
    namespace = Entity.parse(entity).namespace or ""
    seen = await notes.look(APPLICATIONS, ApplicationsArgs(namespaces=(namespace,)))
    if seen is None:
        raise LookupError(entity)
    return seen, [app for app in seen.view.applications if _deploys(app, entity)]


async def home_of(notes: Notebook, entity: EntityId) -> Home | None:
    """Its repository: as the settings name it, else as Argo CD deploys it."""
    name = Entity.parse(entity).name
    for pattern, repository in notes.cluster.connections.repositories.items():
        if fnmatchcase(name, pattern):
            return Home(repository=repository)
    if notes.cluster.argocd is None:
        return None
    try:
        _, found = await applications(notes, entity)
    except LookupError:
        return None
    known = (Home(repository=slug(app.repository), path=app.path) for app in found if slug(app.repository))
    return next(known, None)


def _deploys(app: Application, entity: EntityId) -> bool:
    wanted = Entity.parse(entity)
    return any(
        kind_of(one.kind) is wanted.kind
        and one.name == wanted.name
        and (one.namespace or app.destination_namespace) == wanted.namespace
        for one in app.resources
    )
