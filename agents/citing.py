"""Citations of a document: every sentence names the records that it was read from, by numbers that are links.

Numbers are given in the order of first use. A place is an address within the console, so that the document itself holds
for every installation; whoever takes it elsewhere puts the console's address before them.
"""

from collections.abc import Iterable
from urllib.parse import quote

from incidents.evidence import Evidence
from incidents.fact import Fact
from incidents.ids import EvidenceId, FactId, IncidentId
from incidents.ledger import Entry, EntryKind
from incidents.postmortem import Dossier

ENOUGH = 3
"""Sources that one sentence names; the first are those that the argument put first."""


class Citations:
    """The sources of one document."""

    def __init__(self, dossier: Dossier) -> None:
        """What may be cited."""
        self._incident: IncidentId = dossier.incident.id
        self._evidence: dict[EvidenceId, Evidence] = {item.id: item for item in dossier.evidence}
        self._facts: dict[FactId, Fact] = {fact.id: fact for fact in dossier.facts}
        self._entries = dossier.ledger
        self._numbers: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def read_from(
        self,
        *,
        evidence: Iterable[EvidenceId] = (),
        facts: Iterable[FactId] = (),
        entries: Iterable[EntryKind] = (),
        about: str = "",
    ) -> str:
        """` [1] [4]` for these records; those that are not in the dossier are left out.

        `about` is a proposal's digest: only ledger entries that speak of it count then.
        """
        ids = [*evidence, *(e for fact in facts if fact in self._facts for e in self._facts[fact].evidence)]
        known = [self._evidence[id_] for id_ in dict.fromkeys(ids) if id_ in self._evidence][:ENOUGH]
        numbers = [self._number(self._place(one), f"{one.title or one.probe}") for one in known]
        numbers += [self._recorded(entry) for entry in self._of(tuple(entries), about)]
        return "".join(f" [{number}]" for number in dict.fromkeys(numbers))

    def on_page(self, anchor: str, said: str) -> str:
        """` [2]` for a part of the incident's page."""
        return f" [{self._number(f'/incidents/{self._incident}#{anchor}', said)}]"

    def line(self, seq: int) -> str:
        """The address of a line of the timeline."""
        return f"/incidents/{self._incident}#line-{seq}"

    def sources(self) -> tuple[tuple[int, str, str], ...]:
        """(number, place, what it is) of all that was cited, by number."""
        return tuple((number, place, self._said[place]) for place, number in self._numbers.items())

    def definitions(self) -> tuple[str, ...]:
        """The lines that make the numbers links, in any markdown."""
        return tuple(f"[{number}]: {place}" for number, place, _ in self.sources())

    def evidence_at(self, place: str) -> Evidence | None:
        """The observation at a place; None for another kind of record."""
        return next((one for one in self._evidence.values() if self._place(one) == place), None)

    def _place(self, evidence: Evidence) -> str:
        return f"/incidents/{self._incident}/evidence/{evidence.id}"

    def _of(self, kinds: tuple[EntryKind, ...], about: str) -> list[Entry]:
        found = [entry for entry in self._entries if entry.kind in kinds and _speaks(entry, about)]
        return list({entry.kind: entry for entry in found}.values())

    def _recorded(self, entry: Entry) -> int:
        kind = entry.kind.value.replace("_", " ")
        place = f"/audit?incident={quote(self._incident)}#entry-{entry.seq}"
        return self._number(place, f"ledger entry {entry.seq}: {kind} by {entry.actor}")

    def _number(self, place: str, said: str) -> int:
        self._said.setdefault(place, said)
        return self._numbers.setdefault(place, len(self._numbers) + 1)


def _speaks(entry: Entry, about: str) -> bool:
    """Whether an entry is about a digest; every entry is when none is given."""
    return not about or entry.payload.get("digest") == about
