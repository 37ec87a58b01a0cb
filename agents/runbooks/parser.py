"""One file to one runbook: front matter to a cause, prose to sections, and every problem with its line.

Only the shape is judged here. Whether facts and actions exist is `agents.runbooks.lint`: a runbook that names an
unknown fact still loads, since that fact merely never holds.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from agents.runbooks.fields import Field, Notes, compose
from agents.runbooks.grammar import read_alternative, read_argument
from agents.runbooks.problem import Problem, Severity, did_you_mean
from agents.runbooks.prose import sections_of, split, title_of
from agents.runbooks.runbook import Runbook
from incidents.canonical import digest_of
from incidents.cause import ActionHint, Alternative, Cause, Expression, Scope
from incidents.ids import ActionKind, CauseSlug, Digest

if TYPE_CHECKING:
    from incidents.value import Scalar

FIELDS = (
    *("title", "cause", "alerts", "scope", "facts", "actions", "success", "must_not_worsen"),
    *("caution", "owners"),
)
FACT_LISTS = ("must", "likely", "never")
_SLUG = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What came of one file. `runbook` is None when it is broken."""

    runbook: Runbook | None
    problems: tuple[Problem, ...]


def parse(text: str, *, path: str) -> Parsed:
    """Read one runbook. Never raises for what the file says."""
    front, prose, offset = split(text)
    notes = Notes(path=path, offset=1)
    slug, digest = PurePath(path).stem, digest_of(text.encode())
    root = compose(front, notes=notes) if front is not None else None
    taught = root is not None and "cause" in root.members()
    cause = _cause(root, path=path, digest=digest) if root and taught else None
    runbook = Runbook(
        slug=slug,
        title=cause.title if cause else _plain_title(root, prose=prose, slug=slug),
        path=path,
        digest=digest,
        alerts=cause.alerts if cause else _plain_alerts(root, slug=slug),
        cause=cause,
        sections=sections_of(prose, offset=offset),
        lines=notes.lines,
    )
    broken = any(problem.severity is Severity.ERROR for problem in notes.problems)
    return Parsed(runbook=None if broken else runbook, problems=tuple(notes.problems))


def _plain_title(root: Field | None, *, prose: str, slug: str) -> str:
    title = root.members().get("title") if root else None
    return (title.text() if title else None) or title_of(prose) or slug


def _plain_alerts(root: Field | None, *, slug: str) -> tuple[str, ...]:
    """Other projects' front matter is theirs: of a runbook that teaches no cause only `alerts` is read."""
    alerts = root.members().get("alerts") if root else None
    return alerts.texts() if alerts else (slug,)


def _cause(root: Field, *, path: str, digest: Digest) -> Cause | None:
    members = root.known_members(FIELDS)
    slug, title, scope = _slug(members["cause"]), _title(root, members), _scope(root, members)
    facts = members["facts"].known_members(FACT_LISTS) if "facts" in members else {}
    actions = tuple(_action(item) for item in members["actions"].items()) if "actions" in members else ()
    caution = members["caution"].text() if "caution" in members else ""
    if slug is None or title is None or scope is None:
        return None
    return Cause(
        slug=slug,
        title=title,
        scope=scope,
        alerts=_words(members, "alerts"),
        must=_alternatives(facts, "must"),
        likely=_alternatives(facts, "likely"),
        never=_alternatives(facts, "never"),
        success=_words(members, "success"),
        must_not_worsen=_words(members, "must_not_worsen"),
        owners=_words(members, "owners"),
        actions=tuple(action for action in actions if action),
        caution=caution or "",
        runbook=PurePath(path).name,
        runbook_digest=digest,
    )


def _words(members: dict[str, Field], name: str) -> tuple[str, ...]:
    return members[name].texts() if name in members else ()


def _slug(field: Field) -> CauseSlug | None:
    text = field.text()
    if text and _SLUG.fullmatch(text):
        return CauseSlug(text)
    instead = re.sub(r"[^a-z0-9]+", "_", (text or "").lower()).strip("_")
    field.misfit(f"{text!r} is no name for a cause", instead=f"write {instead or 'words_with_underscores'}")
    return None


def _title(root: Field, members: dict[str, Field]) -> str | None:
    title = members["title"].text() if "title" in members else None
    if not title:
        root.misfit("there is no title", instead="write title: what is wrong, in a few words")
    return title or None


def _scope(root: Field, members: dict[str, Field]) -> Scope | None:
    known = [scope.value for scope in Scope]
    if "scope" not in members:
        root.misfit("there is no scope", instead=did_you_mean("", known).replace("write", "write scope:"))
        return None
    text = members["scope"].text() or ""
    if text not in known:
        members["scope"].misfit(f"{text!r} is no scope", instead=did_you_mean(text, known))
        return None
    return Scope(text)


def _alternatives(members: dict[str, Field], name: str) -> tuple[Alternative, ...]:
    items = members[name].items() if name in members else []
    return tuple(found for item in items if (found := _alternative(item)))


def _alternative(item: Field) -> Alternative | None:
    """`a | b`, or `a | b: 2` for a weight."""
    text, weight = (item.text(), 1.0) if not item.is_mapping else _weighted(item)
    if not text or weight is None:
        return None
    try:
        return read_alternative(text, weight=weight)
    except ValueError as error:
        item.misfit(str(error))
        return None


def _weighted(item: Field) -> tuple[str, float | None]:
    members = item.members()
    if len(members) != 1:
        item.misfit("expected one fact with its weight", instead="write - container.oom_killed: 2")
        return "", None
    name, value = next(iter(members.items()))
    weight = value.scalar()
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0:
        value.misfit(f"{weight!r} is no weight", instead="write a number above 0; 1 is usual")
        return name, None
    return name, float(weight)


def _action(item: Field) -> ActionHint | None:
    """`rollback_workload`, or `set_resources: {memory_limit: 1.3 x memory.at_limit.peak}`."""
    if not item.is_mapping:
        name = item.text()
        return ActionHint(kind=ActionKind(name)) if name else None
    members = item.members()
    if len(members) != 1:
        item.misfit("expected one action with its arguments", instead="write - scale_workload: {replicas: 3}")
        return None
    name, value = next(iter(members.items()))
    arguments: dict[str, Expression | Scalar] = {
        argument: read_argument(scalar)
        for argument, member in value.members().items()
        if (scalar := member.scalar()) is not None
    }
    return ActionHint(kind=ActionKind(name), arguments=arguments)
