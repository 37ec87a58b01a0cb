"""What lies between two deployed revisions: commits, files, patches."""

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import SYSTEM, ChangedFile, Comparison
from tools.github.naming import commit_id, repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_COMMITS = 50
MOST_FILES = 60
PATCHES = 30_000
"""Characters of all patches together that fit into one evidence body beside the rest."""


class CompareArgs(Value):
    """Which repository (`owner/name`), from which commit, branch or tag to which."""

    repository: str
    base: str
    head: str


class CompareView(Value):
    """The comparison, its patches cut to what fits."""

    repository: str
    comparison: Comparison


def bounded(comparison: Comparison) -> tuple[Comparison, str | None]:
    """The comparison within its bounds, and in words what was left out. Pure."""
    files, left = list[ChangedFile](), PATCHES
    for file in comparison.files[:MOST_FILES]:
        patch = file.patch[: max(0, left)]
        left -= len(patch)
        files.append(file.model_copy(update={"patch": patch, "cut": file.cut or len(patch) < len(file.patch)}))
    commits = comparison.commits[-MOST_COMMITS:]
    said = []
    if len(comparison.files) > MOST_FILES:
        said.append(f"{MOST_FILES} of {len(comparison.files)} files")
    if comparison.total_commits > len(commits):
        said.append(f"{len(commits)} of {comparison.total_commits} commits")
    if any(file.cut for file in files):
        said.append(f"patches of {sum(file.cut for file in files)} files were cut")
    kept = comparison.model_copy(update={"files": tuple(files), "commits": commits})
    return kept, "; ".join(said) or None


async def _run(cluster: Cluster, args: CompareArgs) -> Observation[CompareView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    comparison, cut = bounded(await client.compare(args.repository, base=args.base, head=args.head))
    return observed(
        CompareView(repository=args.repository, comparison=comparison),
        probe=PROBE.name,
        source=Source.GITHUB,
        query=client.describe(args.repository, "compare", f"{args.base}...{args.head}"),
        at=cluster.clock.now(),
        title=f"{args.repository}: {args.base[:7]} to {args.head[:7]}",
        entities=(
            repository_id(cluster.name, args.repository),
            commit_id(cluster.name, args.repository, args.head),
        ),
        cut=cut,
        link=comparison.url or None,
    )


PROBE = Probe(
    name="github.compare",
    source=Source.GITHUB,
    describe="Commits, files and patches between two revisions of a repository.",
    args=CompareArgs,
    view=CompareView,
    run=_run,
)
