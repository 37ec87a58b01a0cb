"""The digest in words: each line from the figures of `incidents.course`, none without its number. Pure."""

from agents.wording import count, duration, listed
from incidents.course import Course, Span, Statistics
from incidents.incident import Phase
from incidents.value import Value
from service.story.words import PHASES, day, name

MOST = 5
"""Causes and recurrences that are named."""
ENDS = (
    Phase.VERIFIED,
    Phase.RESOLVED,
    Phase.UNDONE,
    Phase.ESCALATED,
    Phase.REJECTED,
    Phase.EXPIRED,
    Phase.INCONCLUSIVE,
)
SPOKEN = {
    "detect": "detected after",
    "diagnose": "diagnosed after",
    "acknowledge": "first decided on after",
    "restore": "restored after",
}


class Digest(Value):
    """A period in lines, with its figures for machines."""

    title: str
    lines: tuple[str, ...]
    figures: Statistics
    before: Statistics
    """The period of the same length before it."""


def digest(figures: Statistics, before: Statistics) -> Digest:
    """Tell it."""
    title = f"{day(figures.since)} to {day(figures.until)}"
    if not figures.incidents:
        quiet = f"No incident ({before.incidents} in the period before)."
        return Digest(title=title, lines=(quiet,), figures=figures, before=before)
    lines = (_incidents(figures, before), _times(figures), _people(figures), _fixes(figures), _causes(figures))
    again = tuple(_again(course) for course in figures.recurred[:MOST])
    return Digest(
        title=title,
        lines=tuple(line for line in (*lines, *again, _toil(figures)) if line),
        figures=figures,
        before=before,
    )


def _incidents(figures: Statistics, before: Statistics) -> str:
    ends = [f"{figures.by_phase[end]} {PHASES[end]}" for end in ENDS if figures.by_phase.get(end)]
    going = figures.incidents - sum(figures.by_phase.get(end, 0) for end in ENDS)
    ends += [f"{going} still open"] if going else []
    return f"{count(figures.incidents, 'incident')} ({before.incidents} in the period before): {', '.join(ends)}."


def _times(figures: Statistics) -> str:
    told = [(words, figures.span(key)) for key, words in SPOKEN.items()]
    spoken = [f"{words} {_mean(span)}" for words, span in told if span.count]
    return f"On average {', '.join(spoken)}." if spoken else ""


def _mean(span: Span) -> str:
    return f"{duration(span.mean or 0.0)} ({span.count})"


def _people(figures: Statistics) -> str:
    return f"Proposals waited {duration(figures.waited)} for people, all together." if figures.waited >= 1 else ""


def _fixes(figures: Statistics) -> str:
    if not figures.executed:
        return "No change was executed."
    undone = f", {figures.undone} undone" if figures.undone else ""
    return f"{count(figures.executed, 'change')} executed: {figures.verified} verified{undone}."


def _causes(figures: Statistics) -> str:
    told = [f"{one.title} ({one.count})" for one in figures.causes[:MOST]]
    return f"Most frequent: {listed(told, enough=MOST)}." if told else ""


def _again(course: Course) -> str:
    where = name(course.entity) if course.entity else course.cluster
    return f"Came again: {course.cause_title} at {where} ({course.incident}, {day(course.noticed)})."


def _toil(figures: Statistics) -> str:
    if not figures.observations:
        return ""
    saved = duration(figures.toil_saved)
    return f"{count(figures.observations, 'observation')} were made: about {saved} by hand, at a minute each."
