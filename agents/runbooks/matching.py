"""Which runbooks belong to an alert or to facts: by alert name, by `runbook_url`, by what a cause predicts."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from agents.runbooks.library import Library
from agents.runbooks.runbook import Runbook
from incidents.alert import Alert
from incidents.cause import Alternative
from incidents.ids import FactKind
from incidents.value import Value


class MatchedBy(StrEnum):
    """How a runbook was found, strongest first."""

    FACTS = "facts"
    """All facts that its cause must have are there."""
    URL = "runbook_url"
    ALERT = "alert"
    SOME_FACTS = "some facts"


RANK = {MatchedBy.FACTS: 3, MatchedBy.URL: 2, MatchedBy.ALERT: 1, MatchedBy.SOME_FACTS: 0}


class Match(Value):
    """One runbook that belongs to what was asked, with the reason."""

    runbook: Runbook
    by: tuple[MatchedBy, ...]
    because: str


def match(library: Library, *, alerts: Sequence[Alert] = (), facts: Iterable[FactKind] = ()) -> tuple[Match, ...]:
    """Runbooks that belong to these alerts or facts, best first, then by slug."""
    return match_names(
        library,
        names=[alert.name for alert in alerts],
        urls=[alert.annotations["runbook_url"] for alert in alerts if alert.annotations.get("runbook_url")],
        facts=facts,
    )


def match_names(
    library: Library, *, names: Iterable[str] = (), urls: Iterable[str] = (), facts: Iterable[FactKind] = ()
) -> tuple[Match, ...]:
    """The same, from alert names and links as a command line has them."""
    named, linked, seen = set(map(plain, names)), {plain(last_segment(url)) for url in urls} - {""}, frozenset(facts)
    found = [m for runbook in library.runbooks if (m := _match(runbook, named=named, linked=linked, seen=seen))]
    return tuple(sorted(found, key=lambda m: (-sum(10 ** RANK[by] for by in m.by), m.runbook.slug)))


def plain(name: str) -> str:
    """A name without what people write differently: case, hyphens, underscores, blanks."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def last_segment(url: str) -> str:
    """The last part of a link's path without `.md`; the fragment when the path names a whole book."""
    parts = urlsplit(url.strip())
    segment = parts.path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".md").removesuffix(".html")
    fragment = parts.fragment.removeprefix("alert-name-")
    return fragment if fragment and segment.casefold() in WHOLE_BOOKS else segment


WHOLE_BOOKS = frozenset({"", "runbook", "runbooks", "readme", "index"})
"""Last path segments that name a page with one heading per alert, as kubernetes-mixin's old runbook.md."""


def _match(runbook: Runbook, *, named: set[str], linked: set[str], seen: frozenset[FactKind]) -> Match | None:
    names = {plain(runbook.slug), *map(plain, runbook.alerts)}
    reasons: list[tuple[MatchedBy, str]] = []
    if runbook.cause and runbook.cause.must:
        reasons += _by_facts(runbook.cause.must, seen=seen)
    if names & linked:
        reasons.append((MatchedBy.URL, "the alert's runbook_url names it"))
    if names & named:
        reasons.append((MatchedBy.ALERT, "it is written for this alert"))
    if not reasons:
        return None
    return Match(runbook=runbook, by=tuple(by for by, _ in reasons), because="; ".join(text for _, text in reasons))


def _by_facts(must: Sequence[Alternative], *, seen: frozenset[FactKind]) -> list[tuple[MatchedBy, str]]:
    held = [next((kind for kind in line.kinds if kind in seen), None) for line in must]
    present = [kind for kind in held if kind]
    if not present:
        return []
    if len(present) == len(must):
        return [(MatchedBy.FACTS, f"all that it needs is there: {', '.join(present)}")]
    return [(MatchedBy.SOME_FACTS, f"{len(present)} of {len(must)} facts that it needs: {', '.join(present)}")]
