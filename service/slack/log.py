"""The thread under the card: what was found, asked, weighed and done, line by line, each with its sources. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from incidents.casefile import CaseFile
from incidents.evidence import Evidence
from incidents.ids import EvidenceId
from incidents.incident import EventKind, TimelineEvent
from service.slack.blocks import SECTION, Block, section
from service.slack.mrkdwn import link, safe, sources
from service.story.words import hms

TOLD = frozenset(EventKind) - {EventKind.AGENT, EventKind.PHASE}
"""Comings and goings of agents are on the card; a change of phase is told by what caused it."""
MOST_LINES = 40
"""Lines of one post; a longer story is read in the console."""
ROUTINE = "measured"
"""Beginning of the lines that a verification writes at every look."""


def lines_of(events: Sequence[TimelineEvent], case: CaseFile, *, console: str) -> tuple[str, ...]:
    """The lines worth a reader's time, oldest first."""
    known = {item.id: item for item in case.evidence}
    told = [event for event in events if _worth(event, events)]
    kept = told if len(told) <= MOST_LINES else told[: MOST_LINES - 1]
    lines = [_line(event, known, incident=case.incident.id, console=console) for event in kept]
    if len(told) > len(kept):
        lines.append(link(f"{console}/incidents/{case.incident.id}", f"{len(told) - len(kept)} more lines"))
    return tuple(lines)


def post_of(lines: Sequence[str]) -> tuple[Block, ...]:
    """The lines as blocks, none of them cut in two."""
    return tuple(section(text) for text in _packed(lines))


def _worth(event: TimelineEvent, events: Sequence[TimelineEvent]) -> bool:
    if event.kind is EventKind.PHASE:
        return not any(other.text == event.text for other in events if other is not event)
    return event.kind in TOLD and not (event.kind is EventKind.VERIFICATION and event.text.startswith(ROUTINE))


def _line(event: TimelineEvent, known: Mapping[EvidenceId, Evidence], *, incident: str, console: str) -> str:
    cited = [known[EvidenceId(ref)] for ref in event.refs if EvidenceId(ref) in known]
    shown = sources(cited, console=console, incident=incident, most=2)
    said = event.text if event.text.startswith(f"{event.actor} ") else f"{event.actor}: {event.text}"
    return f"`{hms(event.at)}`  {safe(said, most=500)}  {shown}".rstrip()


def _packed(lines: Sequence[str]) -> Iterator[str]:
    text = ""
    for line in lines:
        if text and len(text) + len(line) + 1 > SECTION:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield text
