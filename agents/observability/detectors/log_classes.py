"""What kind of failure a workload's new log lines speak of, and whom they name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.observability.dating import began
from agents.observability.error_class import ErrorClass, Reading, read_error
from agents.observability.names import Names
from agents.reporting import state
from agents.wording import count, since
from incidents.action import name_of
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.loki.line import Level, message_of
from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView
from tools.probe import Observation

ERROR_CLASS = FactSpec(
    kind=FactKind("log.error_class"),
    role=FactRole.MECHANISM,
    meaning="A workload's log speaks of a known kind of failure since the onset.",
    attributes={
        "class": "kind of failure: " + ", ".join(kind.value for kind in ErrorClass),
        "peer": "host or name that the lines name",
        "peer_known": "yes when that name is one of the cluster's own, else no",
        "count": "lines that speak of it",
        "first": "when the first came, ISO 8601",
    },
)
GROWTH = 3.0
"""Lines per minute since by lines per minute before, from which a known kind of error counts as part of the trouble."""
_PHRASES = {
    ErrorClass.POOL_EXHAUSTED: "an exhausted connection pool",
    ErrorClass.THREADS_EXHAUSTED: "an exhausted thread pool",
    ErrorClass.PORT_IN_USE: "a port that another process has",
    ErrorClass.DISK_FULL: "a full disk",
    ErrorClass.READONLY: "writes to something read-only",
    ErrorClass.OOM: "that it is out of memory",
    ErrorClass.DNS: "a name that does not resolve",
    ErrorClass.TLS: "failing TLS",
    ErrorClass.AUTH: "refused credentials",
    ErrorClass.PERMISSION: "refused permissions",
    ErrorClass.RATE_LIMITED: "that its calls are limited",
    ErrorClass.DEADLOCK: "deadlocks and locks it does not get",
    ErrorClass.SCHEMA: "a schema that does not fit",
    ErrorClass.CONFIG_MISSING: "a missing setting",
    ErrorClass.CONNECTION_REFUSED: "refused or cut connections",
    ErrorClass.TIMEOUT: "timeouts",
    ErrorClass.NULL_POINTER: "a null pointer",
    ErrorClass.PANIC: "a panic",
    ErrorClass.OTHER: "an error of its own",
}
"""How a sentence says that a log speaks of the class."""
_TOWARDS = {
    ErrorClass.CONNECTION_REFUSED: " to ",
    ErrorClass.TIMEOUT: " of calls to ",
    ErrorClass.TLS: " with ",
    ErrorClass.RATE_LIMITED: " by ",
    ErrorClass.AUTH: " by ",
    ErrorClass.PERMISSION: " by ",
    ErrorClass.DNS: ": ",
}
READ = frozenset({Level.FATAL, Level.ERROR, Level.WARN, Level.UNKNOWN})
LONGEST = 200


@dataclass
class _Gathered:
    """Lines of one kind about one peer."""

    count: int = 0
    first: datetime | None = None
    stopped: list[datetime | None] = field(default_factory=list)
    example: str = ""
    templates: list[str] = field(default_factory=list)

    def add(self, template: LogTemplate, *, first: datetime | None) -> None:
        """`first` is when it began, where that is known: the earliest speaks, else the one met first."""
        if first is not None and (self.first is None or first < self.first):
            self.first, self.example = first, template.example
        self.example = self.example or template.example
        self.count += template.after
        self.stopped.append(template.stopped)
        self.templates.append(template.template)

    @property
    def until(self) -> datetime | None:
        """When all of them were over; None while one may go on."""
        over = [stopped for stopped in self.stopped if stopped is not None]
        return max(over) if over and len(over) == len(self.stopped) else None


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload, kind of failure and peer."""
    names = Names.of(sightings, scene)
    for seen in sightings.of(TemplatesView):
        gathered: dict[Reading, _Gathered] = {}
        for template in seen.view.templates:
            reading = read_error(message_of(template.example)) if _counts(seen.view, template) else None
            if reading is not None and (reading.kind is not ErrorClass.OTHER or _is_news(template)):
                gathered.setdefault(reading, _Gathered()).add(template, first=began(seen.view, template))
        for reading, lines in gathered.items():
            yield _fact(seen, reading, lines, scene=scene, peer=_peer(reading, names, of=seen.view.entity))


def _counts(view: TemplatesView, template: LogTemplate) -> bool:
    """Whether a template belongs to the trouble: new, or far more frequent, and not called harmless by itself."""
    if template.after == 0 or template.level not in READ:
        return False
    if template.is_new or not view.minutes_before or not view.minutes_after:
        return True
    return template.after / view.minutes_after >= GROWTH * template.before / view.minutes_before


def _is_news(template: LogTemplate) -> bool:
    """Whether a failure of no known kind is worth a fact: it calls itself an error, and never came before."""
    return template.is_new and template.level in (Level.FATAL, Level.ERROR)


def _peer(reading: Reading, names: Names, *, of: EntityId) -> EntityId | None:
    writer = Entity.parse(of)
    if not reading.peer:
        return None
    found = names.peer(reading.peer, namespace=writer.namespace, cluster=writer.cluster)
    return None if found == of else found


def _fact(
    seen: Observation[TemplatesView], reading: Reading, lines: _Gathered, *, scene: Scene, peer: EntityId | None
) -> Fact:
    when = since(lines.first, until=lines.until, now=scene.now)
    words = _PHRASES.get(reading.kind, reading.kind.value.replace("_", " "))
    named = f"{_TOWARDS.get(reading.kind, ' of ')}{reading.peer}" if reading.peer else ""
    said = f"{name_of(seen.view.entity)} logs {words}{named}"
    return state(
        ERROR_CLASS,
        entity=seen.view.entity,
        text=f"{said}, {count(lines.count, 'time')}{when}: {message_of(lines.example)[:LONGEST]}",
        seen=[seen],
        at=lines.first,
        until=lines.until,
        related=[peer] if peer else [],
        strength=0.9,
        detector=DETECTOR.name,
        peer=reading.peer,
        peer_known="yes" if peer and Entity.parse(peer).kind is not EntityKind.EXTERNAL else "no",
        count=lines.count,
        first=lines.first.isoformat() if lines.first else None,
        more={"class": reading.kind.value},
    )


DETECTOR = Detector(name="observability.log_classes", emits=(ERROR_CLASS,), needs=(TemplatesView,), detect=detect)
