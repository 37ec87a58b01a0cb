"""Which differences a deploy brought: between commits, in each repository that it is made from. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.cicd.deploys import Deploy
from agents.cicd.origin import same_commit
from agents.detector import Scene, Sightings
from incidents.action import name_of
from incidents.topology import Relation
from tools.github.client import ChangedFile, Commit
from tools.github.probes.commits import CommitsArgs, CommitsView
from tools.github.probes.compare import CompareArgs, CompareView
from tools.probe import Observation


@dataclass(frozen=True, kw_only=True)
class Brought:
    """Commits and files that a deploy brought from one repository."""

    repository: str
    head: str
    commits: tuple[Commit, ...]
    """Oldest first."""
    files: tuple[ChangedFile, ...]
    seen: Observation[CompareView] | Observation[CommitsView]


def spans(deploy: Deploy, scene: Scene) -> Iterator[CompareArgs | CommitsArgs]:
    """The differences to ask for. A commit whose predecessor is not known is looked at by itself."""
    origin = deploy.origin
    if origin is not None and origin.repository and origin.commit != origin.before:
        yield _span(origin.repository, origin.before, origin.commit)
    new, old = deploy.revision.commit, deploy.previous.commit if deploy.previous else ""
    if deploy.by_hand or not new or not old or same_commit(new, old):
        return
    if origin is not None and same_commit(origin.commit, new):
        return
    for repository in scene.case.topology.targets(deploy.workload, Relation.BUILT_FROM):
        if origin is None or name_of(repository) != origin.repository:
            yield _span(name_of(repository), old, new)


def _span(repository: str, base: str, head: str) -> CompareArgs | CommitsArgs:
    if base:
        return CompareArgs(repository=repository, base=base, head=head)
    return CommitsArgs(repository=repository, sha=head)


def brought(deploy: Deploy, sightings: Sightings, scene: Scene) -> Iterator[Brought]:
    """What was seen of these differences."""
    for span in spans(deploy, scene):
        match span:
            case CompareArgs():
                yield from _compared(span, sightings)
            case CommitsArgs():
                yield from _alone(span, sightings)


def _compared(span: CompareArgs, sightings: Sightings) -> Iterator[Brought]:
    for seen in sightings.of(CompareView):
        compared = seen.view.comparison
        if (seen.view.repository, compared.base, compared.head) == (span.repository, span.base, span.head):
            yield Brought(
                repository=span.repository,
                head=span.head,
                commits=compared.commits,
                files=compared.files,
                seen=seen,
            )


def _alone(span: CommitsArgs, sightings: Sightings) -> Iterator[Brought]:
    for seen in sightings.of(CommitsView):
        view = seen.view
        if view.repository == span.repository and len(view.commits) == 1 and view.commits[0].sha == span.sha:
            yield Brought(
                repository=span.repository, head=span.sha or "", commits=view.commits, files=view.files, seen=seen
            )
