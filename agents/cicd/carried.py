"""Which commits a deploy carried into which workload: those that it reaches and the deploy before it did not. Pure.

In a repository of several services a deploy reaches commits that are about another one; they run there, not here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agents.cicd.deploys import Deploy
from agents.cicd.origin import same_commit
from agents.cicd.reasoning.lines import words_of
from incidents.action import name_of
from tools.github.probes.history import HistoryView, Written

_FILLING = frozenset(
    {"service", "svc", "server", "app", "api", "the", "backend", "deployment", "src", "main", "internal"}
)
"""Words of names and paths that tell no service from another."""
_SHARED = re.compile(r"^(?:pkg|lib|libs|common|shared|internal|vendor|proto|api)/|^[^/]+$")


def carried(deploy: Deploy, view: HistoryView, *, workloads: Iterable[str]) -> Iterator[Written]:
    """Commits that this deploy brought into its workload, newest first. `workloads`: names of all that are known."""
    head = _found(view, deploy.commit)
    if head is None:
        return
    known = {one.commit.sha: one for one in view.commits}
    before = deploy.previous.commit if deploy.previous else ""
    base = _found(view, before)
    old = _reached(base.commit.sha, known) if base else frozenset[str]()
    reached = _reached(head.commit.sha, known) - old
    names = tuple(workloads)
    for one in view.commits:
        if one.commit.sha in reached and any(belongs(file.path, name_of(deploy.workload), names) for file in one.files):
            yield one


def belongs(path: str, workload: str, others: Sequence[str]) -> bool:
    """Whether a file can be part of a workload: no other known workload is named better by its path."""
    own = likeness(path, workload)
    return own >= max((likeness(path, other) for other in others if other != workload), default=0.0)


def likeness(path: str, workload: str) -> float:
    """How well a path names a workload: the share of the name's words that its folders hold."""
    words = _words(workload)
    folders = [_words(part) for part in path.split("/")[:-1]]
    if not words:
        return 0.0
    best = max((len(words & folder) / len(words | folder) for folder in folders), default=0.0)
    whole = "".join(sorted(words))
    glued = any("".join(sorted(folder)) and _glued(folder, words, whole) for folder in folders)
    return 1.0 if glued else best


def is_shared(path: str, workload: str) -> bool:
    """Whether a file is of a library or of the repository as a whole."""
    return likeness(path, workload) == 0.0 or bool(_SHARED.match(path))


def _glued(folder: frozenset[str], words: frozenset[str], whole: str) -> bool:
    """`orderbook` and `order-book` are the same name, `orderbookservice` too."""
    one = "".join(folder)
    return len(folder) == 1 and len(one) > 3 and (one == whole or any(word.startswith(one) for word in words))  # noqa: PLR2004


def _words(name: str) -> frozenset[str]:
    found = {re.sub(r"(?:service|svc|server)$", "", word) or word for word in words_of(name)}
    return frozenset(found - _FILLING)


def _found(view: HistoryView, sha: str) -> Written | None:
    return next((one for one in view.commits if same_commit(one.commit.sha, sha)), None) if sha else None


def _reached(sha: str, known: Mapping[str, Written]) -> frozenset[str]:
    found: set[str] = set()
    queue = [sha]
    while queue:
        one = queue.pop()
        if one in known and one not in found:
            found.add(one)
            queue += known[one].commit.parents
    return frozenset(found)
