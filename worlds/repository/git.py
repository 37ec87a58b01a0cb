"""Git in memory: blobs, trees and commits with their real ids, branches, diffs. GitHub's API is served from it."""

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

Files = Mapping[str, str]
_REGULAR = "100644"
# The files of several estates: a commit changes few of many, but its tree names all.
_BLOBS_KEPT = 4096
# The same commits are looked at again and again.
_DIFFS_KEPT = 1024


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who wrote a commit."""

    name: str
    email: str

    @property
    def login(self) -> str:
        """The account's name."""
        return self.email.partition("@")[0].replace(".", "-")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit. `at` is unix seconds; `files` is the whole tree, path to content."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    at: float
    message: str
    files: Files = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """What a diff says about one file. `patch` is a unified diff without file headers, as GitHub has it."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str
    blob: str


class UnknownRevisionError(Exception):
    """No commit, branch or tag has this name."""


@lru_cache(maxsize=_BLOBS_KEPT)
def blob_id(content: str) -> str:
    """Return the id that Git gives a file's content."""
    raw = content.encode()
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()  # noqa: S324 - this is what Git uses


def tree_id(files: Files) -> str:
    """Return the id that Git gives a tree of files."""
    folders: dict[str, dict[str, str]] = {}
    entries: list[tuple[str, str, str]] = []
    for path, content in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(head, {})[rest] = content
        else:
            entries.append((head, _REGULAR, blob_id(content)))
    entries += [(name, "40000", tree_id(inner)) for name, inner in folders.items()]
    entries.sort(key=lambda entry: entry[0] + ("/" if entry[1] == "40000" else ""))
    raw = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha) for name, mode, sha in entries)
    return hashlib.sha1(b"tree %d\0" % len(raw) + raw).hexdigest()  # noqa: S324 - this is what Git uses


def _commit_id(tree: str, parents: tuple[str, ...], author: Person, at: float, message: str) -> str:
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    who = f"{author.name} <{author.email}> {int(at)} +0000"
    raw = "\n".join([*lines, f"author {who}", f"committer {who}", "", message]).encode()
    return hashlib.sha1(b"commit %d\0" % len(raw) + raw).hexdigest()  # noqa: S324 - this is what Git uses


class Repository:
    """One repository, named `owner/name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.default_branch = "main"
        self.branches: dict[str, str] = {}
        self.commits: dict[str, Commit] = {}
        self.loose_trees: dict[str, dict[str, str]] = {}
        self.loose_blobs: dict[str, str] = {}

    @property
    def head(self) -> Commit:
        """The tip of the default branch. Raises UnknownRevisionError when nothing was committed."""
        return self.resolve(self.default_branch)

    def commit(
        self,
        files: Files,
        *,
        author: Person,
        at: float,
        message: str,
        parents: tuple[str, ...] | None = None,
        branch: str | None = None,
    ) -> Commit:
        """Add a commit with this whole tree. It goes on top of the default branch unless told otherwise."""
        if parents is None:
            tip = self.branches.get(branch or self.default_branch)
            parents = (tip,) if tip else ()
        tree = tree_id(files)
        sha = _commit_id(tree, parents, author, at, message)
        new = Commit(sha=sha, tree=tree, parents=parents, author=author, at=at, message=message, files=dict(files))
        self.commits[sha] = new
        if branch is None and parents == tuple(filter(None, [self.branches.get(self.default_branch)])):
            branch = self.default_branch
        if branch:
            self.branches[branch] = sha
        return new

    def resolve(self, revision: str) -> Commit:
        """Return the commit of a branch, a full or an abbreviated id. Raises UnknownRevisionError."""
        name = revision.removeprefix("refs/heads/").removeprefix("heads/")
        if name == "HEAD":
            name = self.default_branch
        if name in self.branches:
            return self.commits[self.branches[name]]
        if name in self.commits:
            return self.commits[name]
        found = [sha for sha in self.commits if len(name) >= 7 and sha.startswith(name)]  # noqa: PLR2004 - git's short id
        if len(found) != 1:
            raise UnknownRevisionError(revision)
        return self.commits[found[0]]

    def history(self, revision: str) -> Iterator[Commit]:
        """Yield the commits reachable from a revision, newest first."""
        seen: set[str] = set()
        queue = [self.resolve(revision)]
        while queue:
            queue.sort(key=lambda commit: (commit.at, commit.sha))
            commit = queue.pop()
            if commit.sha in seen:
                continue
            seen.add(commit.sha)
            yield commit
            queue += [self.commits[parent] for parent in commit.parents if parent in self.commits]

    def merge_base(self, left: str, right: str) -> Commit | None:
        """Return the newest commit that both revisions reach."""
        reached = {commit.sha for commit in self.history(left)}
        return next((commit for commit in self.history(right) if commit.sha in reached), None)

    def changes(self, commit: Commit) -> list[FileChange]:
        """Return what a commit changed against its first parent."""
        before = self.commits[commit.parents[0]].files if commit.parents else {}
        return diff(before, commit.files)

    def difference(self, base: Commit | None, head: Commit) -> list[FileChange]:
        """Return what lies between two commits; without a base, everything that the head holds."""
        return diff(base.files if base else {}, head.files)

    def tree_files(self, tree: str) -> Files:
        """Return the files of a tree. Raises UnknownRevisionError."""
        if tree in self.loose_trees:
            return self.loose_trees[tree]
        for commit in self.commits.values():
            if commit.tree == tree:
                return commit.files
        raise UnknownRevisionError(tree)

    def blob(self, sha: str) -> str:
        """Return the content of a blob. Raises UnknownRevisionError."""
        if sha in self.loose_blobs:
            return self.loose_blobs[sha]
        for commit in self.commits.values():
            for content in commit.files.values():
                if blob_id(content) == sha:
                    return content
        raise UnknownRevisionError(sha)


def diff(before: Files, after: Files) -> list[FileChange]:
    """Return the differences between two trees, by path."""
    changes = []
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        changes.append(_file_change(path, old, new))
    return changes


@lru_cache(maxsize=_DIFFS_KEPT)
def _file_change(path: str, old: str | None, new: str | None) -> FileChange:
    lines = list(difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), lineterm="", n=3))[2:]
    return FileChange(
        path=path,
        status="added" if old is None else "removed" if new is None else "modified",
        additions=sum(line.startswith("+") for line in lines),
        deletions=sum(line.startswith("-") for line in lines),
        patch="\n".join(lines),
        blob=blob_id(new or old or ""),
    )
