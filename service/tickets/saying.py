"""What a ticket says: the post-mortem's draft, or the story as far as it is known. Pure.

Redacted once more on its way out; sources lead to the console; nothing in it calls people or refers to other tickets.
"""

from collections.abc import Iterator

from agents.wording import unmarked
from incidents.redaction import redact
from incidents.ticket import TicketText, quieted
from orchestrator.settings import Settings
from orchestrator.store.postmortems import Draft
from service.story.places import absolute
from service.story.record import IncidentRecord
from service.story.story import Sentence, story_of
from service.story.words import phase_word, stamp, sure

MOST_TITLE, MOST_BODY = 200, 60_000
"""Characters. GitHub takes 256 and 65,536."""
MARK = "<!-- midwatch {incident} -->"
"""Seen by nobody in the rendered ticket; by it a ticket is found again whose answer was lost."""


def ticket_text(record: IncidentRecord, draft: Draft | None, *, settings: Settings, console: str) -> TicketText:
    """The ticket of an incident as it stands."""
    head = record.incident
    body = absolute(draft.markdown, base=console) if draft else "\n".join(_story(record))
    page = f"{console}/incidents/{head.id}"
    foot = f"\n\n---\n[{head.id}]({page}) in Midwatch, as of {stamp(record.now)}\n{MARK.format(incident=head.id)}\n"
    words = quieted(redact(body))
    room = MOST_BODY - len(foot)
    if len(words) > room:
        words = words[: room - 80].rpartition("\n")[0] + f"\n\nThe rest is [in the console]({page}/postmortem)."
    title = quieted(redact(" ".join(f"{head.severity.label}: {head.title}".split())))
    return TicketText(title=title[:MOST_TITLE], body=words + foot, labels=settings.tickets.labels)


def mark_of(incident: str) -> str:
    """What the text of a ticket of this incident holds."""
    return MARK.format(incident=incident)


def _story(record: IncidentRecord) -> Iterator[str]:
    story = story_of(record)
    yield f"{record.incident.severity.label} · {record.incident.cluster} · {phase_word(record.incident.phase)}"
    yield from _part("What is going on", story.going_on)
    yield story.impact
    for suspect in story.suspects:
        yield from _part(f"What caused it ({sure(suspect.hypothesis.probability)} sure)", (suspect.statement,))
        yield from (f"- {unmarked(reason.text)}" for reason in suspect.reasons)
    if story.no_cause:
        yield from ("", "## What caused it", "", unmarked(story.no_cause))
    yield from ("", "## What can be done", "", unmarked(story.next_step))


def _part(title: str, sentences: tuple[Sentence, ...]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from (f"- {unmarked(sentence.text)}" for sentence in sentences)
    yield ""
