"""Which kinds of lines a log holds, and which of them are new or far more frequent since a moment. Pure.

Kinds are found by drain3 (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017) after
what only varies (numbers, addresses, ids) was masked. The same lines in the same order give the same templates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from drain3.drain import Drain

from incidents.value import Value
from tools.loki.line import Level, LogLine, message_of

SIMILARITY = 0.5
"""Share of words that two lines of one kind have in common at least; drain3's default of 0.4 joins lines
that people tell apart when most words are masked."""
DEPTH = 4
MOST_TEMPLATES = 40
"""Templates of one answer, the most telling first."""
PODS_NAMED = 5
_SEVERITY = {Level.FATAL: 0, Level.ERROR: 1, Level.WARN: 2, Level.UNKNOWN: 3, Level.INFO: 4, Level.DEBUG: 5}


class _Mask(NamedTuple):
    """What only varies, and what it is written as. Texts without so many of its `sign` need not be searched for it."""

    pattern: re.Pattern[str]
    name: str
    sign: str = ""
    times: int = 0


_MASKS = (
    _Mask(
        re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?"),
        "<TIME>",
        sign="-",
        times=2,
    ),
    _Mask(re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<UUID>", sign="-", times=4),
    _Mask(re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "<IP>", sign=".", times=3),
    _Mask(re.compile(r"\[[0-9a-fA-F:]{4,}\](?::\d{1,5})?"), "<IP>", sign="[", times=1),
    _Mask(re.compile(r"\b0x[0-9a-fA-F]+\b"), "<HEX>", sign="0x", times=1),
    _Mask(re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "<HEX>"),
    _Mask(re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|%|[KMGT]i?B?|B)?\b"), "<NUM>"),
)


class LogTemplate(Value):
    """One kind of line, with how often it came before and after the moment."""

    template: str
    """With `<NUM>`, `<IP>`, ... where lines differ."""
    level: Level = Level.UNKNOWN
    before: int
    after: int
    first: datetime
    """When it was first seen in what was read."""
    first_after: datetime | None = None
    """When it was first seen after the moment, in what was read."""
    begun_unread: bool = False
    """Whether it may have come after the moment before that, among lines that were not read."""
    last: datetime
    stopped: datetime | None = None
    """When it was over at the latest: it came often, and the log went on without it. None while it may go on."""
    example: str
    """One line of it, the first after the moment when there is one."""
    details: str = ""
    """What that line says besides its message."""
    pods: tuple[str, ...] = ()
    """Pods that wrote it after the moment, at most five."""

    @property
    def is_new(self) -> bool:
        """Whether nothing like it was written before."""
        return self.before == 0 and self.after > 0

    @property
    def began(self) -> datetime | None:
        """When it first came after the moment; None where that was not read."""
        return None if self.begun_unread else self.first_after


OFTEN = 5
"""Lines of a kind from which their pace tells when one is missing."""
PACES = 10
"""Times the usual pause between two lines of a kind: that long without one is no coincidence."""
QUIET = timedelta(minutes=2)
"""What collectors of logs hold back, and a pod that starts anew: a kind that is missing for less has not stopped."""
MOST_WORDINGS = 16
"""Wordings of one kind that are counted apart."""
_FIGURES = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")
"""What differs between two lines that say the same."""


@dataclass
class _Kind:
    """What is counted of one kind while lines are read."""

    before: int = 0
    after: int = 0
    first: datetime | None = None
    first_after: datetime | None = None
    last: datetime | None = None
    level: Level = Level.UNKNOWN
    example: str = ""
    details: str = ""
    pods: dict[str, None] = field(default_factory=dict)
    wordings: dict[str, tuple[int, LogLine]] = field(default_factory=dict)

    @property
    def patience(self) -> timedelta:
        """How long it may be missing by chance, by its pace since the moment."""
        assert self.first_after is not None
        assert self.last is not None
        return PACES * (self.last - self.first_after) / max(self.after - 1, 1)

    def begun_unread(self, resumed: datetime | None) -> bool:
        """Whether it may have come before reading was resumed: of a kind that did, the next line comes soon."""
        begun = self.first_after
        if resumed is None or begun is None or begun < resumed:
            return False
        return self.after < OFTEN or begun - resumed <= self.patience

    def stopped(self, *, resumed: datetime | None, end: datetime) -> datetime | None:
        """When it was over at the latest, given that lines of the log are known up to the end."""
        if self.after < OFTEN or self.last is None:
            return None
        over = max(self.last, resumed) if resumed else self.last
        return over if end - over > max(self.patience, QUIET) else None

    def add(self, line: LogLine, *, wording: str, since: datetime) -> None:
        self.first, self.last = self.first or line.at, line.at
        self.level = min(self.level, line.level, key=_SEVERITY.__getitem__) if self.example else line.level
        if line.at < since:
            self.before += 1
            self.example, self.details = self.example or line.text, self.details or line.details
            return
        self.after += 1
        self.first_after = self.first_after or line.at
        self._count(line, wording=wording)
        if line.pod and len(self.pods) < PODS_NAMED:
            self.pods[line.pod] = None

    def _count(self, line: LogLine, *, wording: str) -> None:
        """Let the wording that is met most often since stand for its kind: a kind may gather several reasons."""
        if wording in self.wordings or len(self.wordings) < MOST_WORDINGS:
            times, first = self.wordings.get(wording, (0, line))
            self.wordings[wording] = (times + 1, first)
            _, best = max(self.wordings.values(), key=lambda counted: counted[0])
            self.example, self.details = best.text, best.details


def mine(lines: Sequence[LogLine], *, since: datetime, resumed: datetime | None = None) -> tuple[LogTemplate, ...]:
    """The kinds of these lines, new ones first, then the most grown; at most MOST_TEMPLATES.

    `resumed`: from there on lines were read again, after some that were left out. None: all since the moment were read.
    """
    miner, kinds, said = _Miner(), dict[int, _Kind](), dict[str, _Said]()
    ordered = sorted(lines, key=lambda line: (line.at, line.pod, line.text))
    for line in ordered:
        what = said.get(line.text)
        if what is None:
            what = said[line.text] = _said(line.text)
        number = miner.kind_of(what.masked)
        kind = kinds.get(number)
        if kind is None:
            kind = kinds[number] = _Kind()
        kind.add(line, wording=what.wording, since=since)
    templates = miner.templates()
    found = [_template(templates[number], kind, resumed=resumed, end=ordered[-1].at) for number, kind in kinds.items()]
    return tuple(sorted(found, key=_order)[:MOST_TEMPLATES])


def _template(text: str, kind: _Kind, *, resumed: datetime | None, end: datetime) -> LogTemplate:
    assert kind.first is not None
    assert kind.last is not None
    return LogTemplate(
        template=text,
        level=kind.level,
        before=kind.before,
        after=kind.after,
        first=kind.first,
        first_after=kind.first_after,
        begun_unread=kind.begun_unread(resumed),
        last=kind.last,
        stopped=kind.stopped(resumed=resumed, end=end),
        example=kind.example,
        details=kind.details,
        pods=tuple(sorted(kind.pods)),
    )


def _order(template: LogTemplate) -> tuple[bool, int, float, str]:
    growth = template.after / (template.before + 1)
    return not template.is_new, _SEVERITY[template.level], -growth, template.template


class _Said(NamedTuple):
    """What a line says, without what only varies: in the words of drain3's masks, and bare of all figures."""

    masked: str
    wording: str


def _said(text: str) -> _Said:
    message = message_of(text)
    return _Said(_masked(message.split("\n", 1)[0]), _FIGURES.sub("#", message))


def _masked(text: str) -> str:
    for mask in _MASKS:
        if text.count(mask.sign) >= mask.times:
            text = mask.pattern.sub(mask.name, text)
    return text


class _Miner:
    """Drain, which need not look again for what it has met since it last learnt something."""

    def __init__(self) -> None:
        self._drain = Drain(depth=DEPTH, sim_th=SIMILARITY, extra_delimiters=["=", ","])
        self._met: dict[str, int] = {}

    def kind_of(self, masked: str) -> int:
        """Return the number of the kind that a line is of."""
        known = self._met.get(masked)
        if known is not None:
            return known
        cluster, change = self._drain.add_log_message(masked)
        number = int(cluster.cluster_id)
        if change == "none":
            self._met[masked] = number
        else:  # what was met before may be nearer to another kind now, and so may this
            self._met.clear()
        return number

    def templates(self) -> dict[int, str]:
        """Return the template of each kind, by its number."""
        return {cluster.cluster_id: cluster.get_template() for cluster in self._drain.clusters}
