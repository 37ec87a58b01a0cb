"""Which kinds of lines a log holds, and which of them are new or far more frequent since a moment. Pure.

Kinds are found by drain3 (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017) after
what only varies (numbers, addresses, ids) was masked. The same lines in the same order give the same templates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

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

_MASKS = (
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?", "TIME"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "UUID"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b", "IP"),
    (r"\[[0-9a-fA-F:]{4,}\](?::\d{1,5})?", "IP"),
    (r"\b0x[0-9a-fA-F]+\b", "HEX"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b", "HEX"),
    (r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|%|[KMGT]i?B?|B)?\b", "NUM"),
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
    last: datetime
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

    def add(self, line: LogLine, *, since: datetime) -> None:
        self.first, self.last = self.first or line.at, line.at
        self.level = min(self.level, line.level, key=_SEVERITY.__getitem__) if self.example else line.level
        if line.at < since:
            self.before += 1
            self.example, self.details = self.example or line.text, self.details or line.details
            return
        self.after += 1
        self.first_after = self.first_after or line.at
        self._count(line)
        if line.pod and len(self.pods) < PODS_NAMED:
            self.pods[line.pod] = None

    def _count(self, line: LogLine) -> None:
        """Let the wording that is met most often since stand for its kind: a kind may gather several reasons."""
        wording = _FIGURES.sub("#", message_of(line.text))
        if wording in self.wordings or len(self.wordings) < MOST_WORDINGS:
            times, first = self.wordings.get(wording, (0, line))
            self.wordings[wording] = (times + 1, first)
            _, best = max(self.wordings.values(), key=lambda counted: counted[0])
            self.example, self.details = best.text, best.details


def mine(lines: Sequence[LogLine], *, since: datetime) -> tuple[LogTemplate, ...]:
    """The kinds of these lines, new ones first, then the most grown; at most MOST_TEMPLATES."""
    miner, kinds = _miner(), dict[int, _Kind]()
    for line in sorted(lines, key=lambda line: (line.at, line.pod, line.text)):
        cluster = miner.add_log_message(message_of(line.text).split("\n", 1)[0])["cluster_id"]
        kinds.setdefault(cluster, _Kind()).add(line, since=since)
    templates = {cluster.cluster_id: cluster.get_template() for cluster in miner.drain.clusters}
    found = [_template(templates[number], kind) for number, kind in kinds.items()]
    return tuple(sorted(found, key=_order)[:MOST_TEMPLATES])


def _template(text: str, kind: _Kind) -> LogTemplate:
    assert kind.first is not None
    assert kind.last is not None
    return LogTemplate(
        template=text,
        level=kind.level,
        before=kind.before,
        after=kind.after,
        first=kind.first,
        first_after=kind.first_after,
        last=kind.last,
        example=kind.example,
        details=kind.details,
        pods=tuple(sorted(kind.pods)),
    )


def _order(template: LogTemplate) -> tuple[bool, int, float, str]:
    growth = template.after / (template.before + 1)
    return not template.is_new, _SEVERITY[template.level], -growth, template.template


def _miner() -> TemplateMiner:
    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth = SIMILARITY, DEPTH
    config.drain_extra_delimiters = ["=", ","]
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
    return TemplateMiner(config=config)
