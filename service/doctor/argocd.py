"""Argo CD: which applications can be seen, and where they come from."""

from incidents.value import Value
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from tools.argocd.client import ArgoCDClient
from tools.estate import Cluster

WHAT = "Argo CD"
MEANS = "what GitOps deployed when, and what differs from git"


class ApplicationView(Value):
    """What the answers need to know of one application."""

    name: str
    repository: str
    target_revision: str
    namespace: str
    history: int
    auto_sync: bool


class ArgoCDView(Value):
    """The applications that these credentials see."""

    applications: tuple[ApplicationView, ...]


async def look(client: ArgoCDClient) -> ArgoCDView:
    """Ask. Raises ToolError."""
    return ArgoCDView(
        applications=tuple(
            ApplicationView(
                name=one.name,
                repository=one.repository,
                target_revision=one.target_revision,
                namespace=one.destination_namespace,
                history=len(one.history),
                auto_sync=one.auto_sync is not None,
            )
            for one in await client.applications()
        )
    )


async def check(cluster: Cluster) -> tuple[ArgoCDView | None, Finding]:
    """The row."""
    if cluster.argocd is None:
        return None, unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="argocd")
    seen = await attempt(look(cluster.argocd))
    if isinstance(seen, Trouble):
        return None, troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="argocd")
    return seen, judge(seen, cluster=cluster.name)


def judge(seen: ArgoCDView, *, cluster: str) -> Finding:
    """What the view means. Pure."""
    count = len(seen.applications)
    auto = sum(one.auto_sync for one in seen.applications)
    if not count:
        return Finding(
            cluster=cluster,
            what=WHAT,
            state=State.DEGRADED,
            found="answers, and shows no application to these credentials",
            means=f"not seen: {MEANS}",
            do="give the account `p, role:midwatch, applications, get, */*, allow` (docs/connecting.md)",
            blind=(MEANS,),
        )
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=State.OK,
        found=f"{count} applications, {auto} with automated sync",
        means="deploys by GitOps are seen with their history",
        sees=(MEANS,),
    )
