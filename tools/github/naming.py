"""Entities of GitHub, with the ids that every agent uses for them."""

from incidents.entity import Entity, EntityKind
from incidents.ids import EntityId


def repository_id(cluster: str, repository: str) -> EntityId:
    """A repository, named `owner/name`."""
    return Entity(cluster=cluster, kind=EntityKind.REPOSITORY, name=repository).id


def commit_id(cluster: str, repository: str, sha: str) -> EntityId:
    """A commit, named `owner/name@sha`."""
    return Entity(cluster=cluster, kind=EntityKind.COMMIT, name=f"{repository}@{sha}").id


def pull_id(cluster: str, repository: str, number: int) -> EntityId:
    """A pull request, named `owner/name#number`."""
    return Entity(cluster=cluster, kind=EntityKind.PULL_REQUEST, name=f"{repository}#{number}").id
