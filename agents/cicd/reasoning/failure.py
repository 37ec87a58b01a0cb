"""How a workload fails, in modes: read off the facts that the other specialists stated. Pure.

A mode is what a runtime, a client library or a kernel says about itself in words of its own, or what a measured
quantity did. Several hold at once: a pool that is used up also makes requests slow.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache

from agents.cicd.reasoning.lines import names_in, words_of
from agents.cicd.reasoning.modes import MEASURED, UNSURE, Mode
from agents.cicd.reasoning.said import SAID
from incidents.alert import Alert
from incidents.fact import Fact
from incidents.ids import EntityId
from incidents.value import Value


@cache
def _said() -> tuple[tuple[Mode, float, re.Pattern[str]], ...]:
    """Compiled when they are first needed: a process that only serves pages never needs them."""
    return tuple((mode, UNSURE.get(mode, 1.0), _any_of(words)) for mode, words in SAID.items())


@cache
def _quantities() -> tuple[tuple[Mode, bool, re.Pattern[str]], ...]:
    return tuple((mode, up, _any_of(words)) for mode, up, words in MEASURED)


def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_KINDS: Mapping[str, tuple[Mode, float]] = {
    "errors.elevated": (Mode.ERRORS, 0.6),
    "latency.elevated": (Mode.SLOW, 0.9),
    "traffic.surge": (Mode.SURGE, 1.0),
    "memory.growing": (Mode.MEMORY, 1.0),
    "memory.at_limit": (Mode.MEMORY, 1.0),
    "container.oom_killed": (Mode.MEMORY, 1.0),
    "container.crash_loop": (Mode.STARTUP, 0.7),
    "container.exited_error": (Mode.STARTUP, 0.6),
    "saturation.cpu_high": (Mode.CPU, 1.0),
    "saturation.cpu_throttled": (Mode.CPU, 1.0),
    "connections.exhausted": (Mode.POOL, 1.0),
    "threads.exhausted": (Mode.THREADS, 1.0),
    "fd.exhausted": (Mode.FILES, 1.0),
    "queue.growing": (Mode.LAG, 1.0),
    "disk.nearly_full": (Mode.DISK, 1.0),
    "certificate.expired": (Mode.CERTIFICATE, 1.0),
    "dns.failing": (Mode.DNS, 1.0),
    "log.surge": (Mode.LOGS, 0.5),
}
_BY_LOAD = frozenset(
    {Mode.SLOW, Mode.THREADS, Mode.CPU, Mode.POOL, Mode.TIMEOUT, Mode.LAG, Mode.LOAD_BELOW, Mode.LOGS, Mode.MEMORY}
)
"""What more requests bring about by themselves."""
EXPLAINED_BY_LOAD = 0.35
"""Share of these modes that is left to be explained when the requests themselves grew."""

_FILE = re.compile(
    r"(?P<file>[\w][\w./$-]*\.(?:go|py|java|kt|scala|ts|tsx|js|jsx|mjs|rb|rs|cs|php|cc|cpp|ex|swift))"
    r"(?::\d+|\W{1,4}line \d+|\b(?!\.))"
)
_FUNCTION = re.compile(
    r"(?:\.|\bin |\bat |\s|\))(?P<name>[A-Za-z_]\w{2,})\s*\(|\b[A-Z]\w+[.:]+(?P<method>[A-Za-z_]\w{2,})\b"
)
_QUOTED = re.compile(r"[\"'`\[]([A-Za-z_][\w.\-/]{2,80})[\"'`\]]")
_TOLD = frozenset({"log.error_class", "log.new_pattern", "log.surge", "trace.error_origin", "trace.slow_origin"})
_MEASURES = frozenset({"metric.shifted"})


class Failure(Value):
    """How one workload fails."""

    entity: EntityId
    modes: dict[Mode, float] = {}
    """0..1 each."""
    text: str = ""
    """What was said about it since it began, joined."""
    files: tuple[str, ...] = ()
    """File names of stack traces, without their folders."""
    innermost: str = ""
    """The file in which it failed: the innermost frame that is not a library's."""
    paths: str = ""
    """The same with their folders, joined, in lowercase."""
    functions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Identifiers that the messages hold, those in quotes first."""
    words: frozenset[str] = frozenset()
    """The same in single lowercase words."""
    numbers: frozenset[float] = frozenset()
    """Numbers that the messages hold, as they stand there."""
    since: datetime | None = None
    """When the first of it was seen."""

    @property
    def told(self) -> bool:
        """Whether anything says how it fails."""
        return bool(self.text) or any(mode is not Mode.ERRORS for mode in self.modes)


def failures(facts: Iterable[Fact], alerts: Iterable[Alert], *, alarmed: Iterable[EntityId]) -> dict[EntityId, Failure]:
    """One failure per workload that is in trouble. What the alerts say counts for those that they point at."""
    by_entity: dict[EntityId, list[Fact]] = {}
    for fact in facts:
        if fact.until is None and (fact.kind in _KINDS or fact.kind in _TOLD | _MEASURES):
            by_entity.setdefault(fact.entity, []).append(fact)
    said = " | ".join(text for alert in alerts for text in alert.annotations.values())
    for entity in alarmed:
        by_entity.setdefault(entity, [])
    return {entity: _failure(entity, own, said if entity in set(alarmed) else "") for entity, own in by_entity.items()}


def _failure(entity: EntityId, facts: list[Fact], alerted: str) -> Failure:
    texts = [*_texts(facts), *([alerted] if alerted else [])]
    text = " | ".join(texts)
    modes: dict[Mode, float] = {Mode.ERRORS: 0.5} if any(fact.kind in _TOLD for fact in facts) else {}
    for mode, weight in (*_read(text), *_measured(facts), *_stated(facts)):
        modes[mode] = max(modes.get(mode, 0.0), weight)
    if Mode.CERTIFICATE in modes:
        modes.pop(Mode.TLS, None)
        modes.pop(Mode.TIME, None)
    if Mode.SURGE in modes:
        modes = {mode: weight * (EXPLAINED_BY_LOAD if mode in _BY_LOAD else 1.0) for mode, weight in modes.items()}
    names = tuple(dict.fromkeys((*_QUOTED.findall(text), *(n for n in names_in(text) if _is_code(n)))))
    return Failure(
        entity=entity,
        modes=modes,
        text=text,
        innermost=_innermost(text),
        paths=" ".join(match["file"].lower() for match in _FILE.finditer(text)),
        files=tuple(dict.fromkeys(match["file"].rpartition("/")[2] for match in _FILE.finditer(text))),
        functions=tuple(dict.fromkeys(m["name"] or m["method"] for m in _FUNCTION.finditer(text))),
        names=names,
        words=frozenset(word for name in names_in(text) for word in words_of(name)),
        since=min((fact.at for fact in facts if fact.at and fact.kind not in _MEASURES), default=None),
        numbers=frozenset(float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", text)),
    )


_LIBRARY = re.compile(
    r"node_modules|site-packages|dist-packages|/usr/|/lib/python|\b(?:java|javax|jdk|sun|kotlin|scala|org\.springframework)\.[\w.$]*\($"
    r"|runtime[/.]|internal/|\bnode:",
    re.IGNORECASE,
)
FRAME_HEAD = 70
"""Characters before a file's name that say whose frame it is."""


def _innermost(text: str) -> str:
    """Python writes the innermost frame last, everybody else first."""
    own = [
        match["file"].rpartition("/")[2]
        for match in _FILE.finditer(text)
        if not _LIBRARY.search(text[max(0, match.start() - FRAME_HEAD) : match.start()])
        and not _LIBRARY.search(match["file"])
    ]
    if not own:
        return ""
    return own[-1] if re.search(r"Traceback|File \"", text) else own[0]


def _texts(facts: Iterable[Fact]) -> Iterator[str]:
    for fact in facts:
        if fact.kind in _TOLD:
            parts = (fact.attributes.get(key) for key in ("template", "details", "message", "operation"))
            yield " ".join(
                [fact.text if fact.kind == "log.error_class" else "", *(str(part) for part in parts if part)]
            )


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[tuple[Mode, float], ...]:
    """Kept: the same few texts are read several times in a round, against a few hundred ways of saying it."""
    return tuple((mode, weight) for mode, weight, pattern in _said() if pattern.search(text))


def _measured(facts: Iterable[Fact]) -> Iterator[tuple[Mode, float]]:
    for fact in facts:
        if fact.kind not in _MEASURES:
            continue
        before, after = (float(fact.attributes.get(side) or 0.0) for side in ("before", "after"))
        for mode, up, pattern in _quantities():
            if pattern.search(str(fact.attributes.get("metric", ""))) and (after > before) is up:
                yield mode, 0.9


def _stated(facts: Iterable[Fact]) -> Iterator[tuple[Mode, float]]:
    for fact in facts:
        if fact.kind in _KINDS:
            yield _KINDS[fact.kind]


def _is_code(name: str) -> bool:
    """Whether a word looks like an identifier and not like a word of a sentence."""
    return "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name) is not None
