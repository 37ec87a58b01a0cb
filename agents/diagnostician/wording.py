"""Sentences of the argument. Figures come from the facts' own texts; here is only what holds them together."""

from collections.abc import Sequence
from datetime import datetime

from agents.diagnostician.kinds import SPOKEN
from agents.wording import clock_time, duration
from incidents.cause import Alternative
from incidents.entity import Entity
from incidents.fact import Fact
from incidents.ids import EntityId, FactKind


def label_of(entity: EntityId) -> str:
    """How people say it: `checkout`, `node worker-2`."""
    return Entity.parse(entity).label


def in_words(line: Alternative) -> str:
    """A runbook's line for people: `missing pods or containers that keep crashing`, `a denied request (quota)`."""
    return " or ".join(_kind_in_words(line, kind) for kind in line.kinds)


def _kind_in_words(line: Alternative, kind: FactKind) -> str:
    words = SPOKEN.get(kind) or kind.replace(".", " ").replace("_", " ")
    conditions = [
        value.replace("_", " ") for one in line.where.get(kind, ()) for values in one.values() for value in values
    ]
    return f"{words} ({'/'.join(conditions)})" if conditions else words


def absent_text(line: Alternative, *, entity: EntityId) -> str:
    """What was looked for and is not so."""
    return f"Looked for at {label_of(entity)} and not so: {in_words(line)}"


def unseen_text(line: Alternative, *, entity: EntityId) -> str:
    """What has to hold and was not seen."""
    return f"Not seen at {label_of(entity)}: {in_words(line)}"


def late_text(fact: Fact, *, onset: datetime) -> str:
    """A change that came when the trouble was there already."""
    if fact.at is None:
        return f"Explains nothing: {fact.text}"
    return f"Came {duration((fact.at - onset).total_seconds())} after it began at {clock_time(onset)}: {fact.text}"


def sentences(parts: Sequence[str]) -> str:
    """Parts as sentences: each ends with a full stop, none is said twice."""
    ended = [f"{text}." if text[-1] not in ".!?" else text for part in parts if (text := part.strip())]
    ended = [text[0].upper() + text[1:] if text.partition(" ")[0].isalpha() else text for text in ended]
    return " ".join(dict.fromkeys(ended))


def statement(*, title: str, entity: EntityId, facts: Sequence[Fact]) -> str:
    """What is wrong with what, since when, by which change. The title leads when no fact names the entity."""
    label = label_of(entity)
    texts = [fact.text for fact in facts]
    name = Entity.parse(entity).name
    if any(name in text for text in texts):
        return sentences(texts)
    return sentences([f"{title}: {label}", *texts])
