"""What `midwatch runbooks facts|actions` show: the words that a runbook may use, with what each means."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from agents.runbooks.commands import Shown
from agents.runbooks.lint import Known


def facts_command(known: Known, *, word: str = "") -> Shown:
    """Kinds of facts whose name, meaning or attributes hold the word; 1 when there is none."""
    specs = [known.facts[kind] for kind in sorted(known.facts)]
    found = [s for s in specs if _holds(word, s.kind, s.meaning, *s.attributes, *s.attributes.values())]
    entries = (_entry(s.kind, kind=s.role, text=s.meaning, parts=s.attributes) for s in found)
    return _shown(entries, count=len(found), of=len(specs), what="facts", word=word)


def actions_command(known: Known, *, word: str = "") -> Shown:
    """Kinds of actions whose name, title, description or arguments hold the word; 1 when there is none."""
    cards = sorted((known.actions or {}).values(), key=lambda card: card.kind)
    found = [c for c in cards if _holds(word, c.kind, c.title, c.describe, *c.arguments)]
    entries = (
        _entry(c.kind, kind=f"{', '.join(c.targets)}; undo: {c.reversibility}", text=c.describe, parts=c.arguments)
        for c in found
    )
    return _shown(entries, count=len(found), of=len(cards), what="actions", word=word)


def _holds(word: str, *texts: str) -> bool:
    return any(word.casefold() in text.casefold() for text in texts)


def _entry(name: str, *, kind: str, text: str, parts: Mapping[str, str]) -> RenderableType:
    head = Text(name, style="bold").append(f"  {kind}", style="not bold dim")
    lines = [Text(text), *(Text(f"{part}: {meaning}", style="cyan") for part, meaning in parts.items())]
    return Group(head, Padding(Group(*lines), (0, 0, 0, 4)))


def _shown(entries: Iterable[RenderableType], *, count: int, of: int, what: str, word: str) -> Shown:
    if not count:
        return Shown(body=Text(f"None of {of} {what} speaks of {word!r}: leave the word out to see all."), exit_code=1)
    return Shown(body=Group(*entries, Text(f"{count} of {of} {what}", style="bold green")))
