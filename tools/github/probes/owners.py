"""Who owns the files of a repository, as its CODEOWNERS file says."""

from incidents.evidence import Source
from incidents.value import Value
from tools.errors import NotFoundError
from tools.estate import Cluster
from tools.github.client import SYSTEM
from tools.github.naming import repository_id
from tools.github.owners import OwnerRule, rules_of
from tools.observing import configured, observed
from tools.probe import Observation, Probe

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks for it, in its order; the first that is there counts."""


class OwnersArgs(Value):
    """Which repository (`owner/name`)."""

    repository: str


class OwnersView(Value):
    """Its rules in their order; of those that match a path the last counts. Empty `path`: there is no such file."""

    repository: str
    path: str = ""
    rules: tuple[OwnerRule, ...] = ()


async def _run(cluster: Cluster, args: OwnersArgs) -> Observation[OwnersView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    view, asked, page = OwnersView(repository=args.repository), PLACES[-1], ""
    for path in PLACES:
        try:
            text, page = await client.file(args.repository, path)
        except NotFoundError:
            continue
        view, asked = OwnersView(repository=args.repository, path=path, rules=rules_of(text)), path
        break
    return observed(
        view,
        probe=PROBE.name,
        source=Source.GITHUB,
        query=client.describe(args.repository, "contents", *asked.split("/")),
        at=cluster.clock.now(),
        title=f"CODEOWNERS of {args.repository}" + ("" if view.path else ": none"),
        entities=(repository_id(cluster.name, args.repository),),
        link=page or None,
    )


PROBE = Probe(
    name="github.owners",
    source=Source.GITHUB,
    describe="Who owns the files of a repository: the rules of its CODEOWNERS file.",
    args=OwnersArgs,
    view=OwnersView,
    run=_run,
)
