"""What somebody means who writes into an incident's thread, and what the records answer. Pure.

Answers are sentences that the case holds, each with its sources: nothing is made up.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from incidents.ids import EntityId
from incidents.value import Value
from service.slack.answers import CAN
from service.slack.mrkdwn import safe, sources
from service.story.record import IncidentRecord
from service.story.story import Sentence, Sources
from service.story.words import name, sure

_NAME = r"(?:the\s+)?[\w.-]+"
_NAMES = rf"(?P<{{}}>{_NAME}(?:(?:\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and|or)\s+){_NAME})*)"
HANDS_OFF = re.compile(
    r"^(?:(?:ok|okay|hey|midwatch|and|but|also|just|(?:can|could|would)\s+you|please|pls)[\s,:]+)*"
    rf"(?:(?:leave|keep)\s+{_NAMES.format('leave')}\s+alone"
    r"|(?:do\s+not|don['\u2019]?t|never|stop)\s+"
    r"(?:touch|chang|restart|scal|roll(?:ing)?\s*back|kill|delet)(?:e|ing)?\s+"
    rf"{_NAMES.format('touch')}"
    rf"|(?:(?:keep\s+)?(?:your\s+)?hands\s+off|stay\s+away\s+from|no\s+changes\s+to)\s+{_NAMES.format('off')})",
    re.IGNORECASE,
)
MARKS = re.compile(r"[`*\u2018\u201c\u201d\"]")
"""What Slack puts around words that are typed as code or in bold, and quotation marks."""
QUESTION = re.compile(r"^(?:why|what|who|when|where|which|how|is|are|was|does|did|show)\b", re.IGNORECASE)
_NOISE = """
a an and are at be by did do does for from has have how i in is it me not of on or please show that the this to us was
we what when where which who why with you
"""
NOISE = frozenset(_NOISE.split())
MOST = 4
"""Sentences of an answer."""


class Meaning(StrEnum):
    """What a message in the thread is."""

    HANDS_OFF = "hands_off"
    QUESTION = "question"
    CONTEXT = "context"


class Said(Value):
    """A message as understood; `names` is what has to be left alone."""

    meaning: Meaning
    text: str
    names: tuple[str, ...] = ()


def without_mentions(text: str) -> str:
    """What somebody wrote, without whom they wrote it to."""
    return re.sub(r"<@[A-Z0-9]+(?:\|[^>]*)?>\s*", "", text).strip()


def understood(text: str) -> Said:
    """Understand it. What is neither an instruction nor a question is context."""
    clean = without_mentions(text)
    if found := HANDS_OFF.match(MARKS.sub("", clean)):
        wanted = next(part for part in found.groups() if part)
        return Said(meaning=Meaning.HANDS_OFF, text=clean, names=tuple(dict.fromkeys(_names(wanted))))
    if clean.endswith("?") or QUESTION.match(clean):
        return Said(meaning=Meaning.QUESTION, text=clean)
    return Said(meaning=Meaning.CONTEXT, text=clean)


def _names(wanted: str) -> Iterator[str]:
    """`payments`, `cart` of `the payments, and Cart.`."""
    for word in re.split(r"\s*,\s*|\s+", wanted):
        bare = word.strip(".,;:!").casefold()
        if bare and bare not in ("the", "and", "or"):
            yield bare


def entities_called(record: IncidentRecord, wanted: str) -> tuple[EntityId, ...]:
    """Entities of this case with that name: what can be left alone."""
    known = {*record.case.inventory, *record.case.focus, *record.incident.entities}
    return tuple(sorted(entity for entity in known if entity.split("/", 3)[-1].casefold() == wanted))


def names_known(record: IncidentRecord) -> tuple[str, ...]:
    """Names of what the case is about, nearest first."""
    return tuple(dict.fromkeys(entity.split("/", 3)[-1] for entity in record.case.focus))


def answer_to(question: str, record: IncidentRecord, *, console: str) -> str:
    """What the records say to it; empty when they say nothing."""
    asked = _words(question)
    ranked = sorted(_sentences(record), key=lambda sentence: -_fit(asked, sentence.text))
    best = [sentence for sentence in ranked if _fit(asked, sentence.text) > 0][:MOST]
    if not best and question.casefold().startswith("why"):
        best = list(_reasons(record))[:MOST]
    incident = record.incident.id
    lines = [
        f"{safe(s.text, most=400)}  {sources(s.evidence, console=console, incident=incident)}".rstrip() for s in best
    ]
    return "\n".join(lines)


def nothing_about(record: IncidentRecord) -> str:
    """What is said when the case has no answer."""
    known = ", ".join(names_known(record)[:6])
    words = f"Nothing that was seen speaks of that. This case is about {known}. More evidence looks again."
    return f"{safe(words, most=900)}\n{CAN}"


def _sentences(record: IncidentRecord) -> Iterator[Sentence]:
    index = Sources(record.case)
    diagnosis = record.diagnosis
    dismissed = [*(diagnosis.ruled_out if diagnosis else ()), *(r for f in record.case.findings for r in f.ruled_out)]
    for item in {(item.suspicion, item.because): item for item in dismissed}.values():
        yield index.sentence(f"Ruled out: {item.suspicion}: {item.because}", evidence=item.evidence)
    for hypothesis in diagnosis.hypotheses if diagnosis else ():
        title = f"{hypothesis.title} at {name(hypothesis.entity)}, {sure(hypothesis.probability)}"
        against = "; ".join(argument.text for argument in hypothesis.speaks_against[:2])
        told = f"{title}: {hypothesis.statement}" + (f" Against it: {against}" if against else "")
        yield index.sentence(told, facts=[f for a in hypothesis.speaks_for for f in a.facts])
    for fact in record.case.facts:
        yield index.sentence(fact.text, facts=(fact.id,))


def _reasons(record: IncidentRecord) -> Iterable[Sentence]:
    index, diagnosis = Sources(record.case), record.diagnosis
    for hypothesis in diagnosis.leading if diagnosis else ():
        for argument in hypothesis.speaks_for:
            yield index.sentence(argument.text, facts=argument.facts, evidence=argument.evidence)


def _fit(asked: Sequence[str], text: str) -> float:
    """How many of the asked words the text holds; the rarer kinds (names, times, figures) count more."""
    found = _words(text)
    return sum(2.0 if any(c.isdigit() for c in word) else 1.0 for word in asked if word in found)


def _words(text: str) -> tuple[str, ...]:
    words = re.findall(r"[a-z0-9][a-z0-9.:_-]*", text.casefold())
    return tuple(dict.fromkeys(word.strip(".:-") for word in words if word not in NOISE))
