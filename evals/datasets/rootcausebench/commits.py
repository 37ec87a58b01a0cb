"""Commits and deploys of a case as a forge knows them: the diff, which is one text for all files, cut up by file."""

import re
from collections.abc import Iterator, Mapping

from evals.datasets.rootcausebench.estate import REPOSITORY, namespace_of
from evals.datasets.rootcausebench.files import CommitRecord, Files, seconds
from worlds.recorded.recording import RecordedCommit, RecordedDeployment
from worlds.repository.git import Person

_HEAD = re.compile(r"^@@\s*(?P<path>[\w@.][\w@./-]*(?:/|\.)[\w./-]*[\w])(?P<rest>.*)$")
_GIT = re.compile(r"^(?:diff --git a/\S+ b/(?P<git>\S+)|\+\+\+ b/(?P<new>\S+))")


def commits(files: Files) -> Iterator[RecordedCommit]:
    """All commits of the one repository."""
    for one in files.commits:
        yield RecordedCommit(
            repository=REPOSITORY,
            sha=one.sha,
            author=Person(name=one.author, email=f"{one.author or 'unknown'}@recorded"),
            at=seconds(one.timestamp),
            message=one.message,
            patches=patches(one),
        )


def deployments(files: Files) -> Iterator[RecordedDeployment]:
    """All deploys."""
    for one in files.deploys:
        if one.commit_sha:
            yield RecordedDeployment(
                repository=REPOSITORY,
                sha=one.commit_sha,
                environment=f"production/{one.service}",
                at=seconds(one.timestamp),
                workload=f"{namespace_of(one.service)}/deployment/{one.service}",
                description=f"{one.service} {one.version}".strip(),
            )


def patches(commit: CommitRecord) -> Mapping[str, str]:
    """Hunks by path. A header that names a file of the commit begins that file; files without lines have no patch."""
    known = commit.files_changed
    current = known[0] if known else "unknown"
    found: dict[str, list[str]] = {path: [] for path in known}
    for line in (commit.diff or "").splitlines():
        git = _GIT.match(line)
        if git:
            current = git["git"] or git["new"]
            continue
        if line.startswith(("--- ", "index ", "new file mode", "deleted file mode")):
            continue
        head = _HEAD.match(line)
        if head and (head["path"] in known or any(path.endswith(f"/{head['path']}") for path in known)):
            current = next(path for path in known if path.endswith(head["path"]))
            line = f"@@ @@ {head['rest'].strip(' :@')}"  # noqa: PLW2901 - a header in GitHub's form
        found.setdefault(current, []).append(line)
    return {path: "\n".join(lines) for path, lines in found.items()}
