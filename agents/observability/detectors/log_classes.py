"""What kind of failure a workload's new log lines speak of, and whom they name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.observability.error_class import ErrorClass, Reading, read_error
from agents.observability.names import Names
from agents.reporting import state
from agents.wording import clock_time, count
from incidents.action import name_of
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
        "count": "lines that speak of it",
        "first": "when the first came, ISO 8601",
    },
)
GROWTH = 3.0
"""Lines per minute since by lines per minute before, from which a known kind of error counts as part of the trouble."""
READ = frozenset({Level.FATAL, Level.ERROR, Level.WARN, Level.UNKNOWN})
LONGEST = 200


@dataclass
class _Gathered:
    """Lines of one kind about one peer."""

    count: int = 0
    first: datetime | None = None
    example: str = ""
    templates: list[str] = field(default_factory=list)

    def add(self, template: LogTemplate) -> None:
        first = template.first_after or template.first
        if self.first is None or first < self.first:
            self.first, self.example = first, template.example
        self.count += template.after
        self.templates.append(template.template)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload, kind of failure and peer."""
    names = Names.of(sightings, scene)
    for seen in sightings.of(TemplatesView):
        gathered: dict[Reading, _Gathered] = {}
        for template in seen.view.templates:
            reading = read_error(message_of(template.example)) if _counts(seen.view, template) else None
            if reading is not None and (reading.kind is not ErrorClass.OTHER or _is_news(template)):
                gathered.setdefault(reading, _Gathered()).add(template)
        for reading, lines in gathered.items():
            yield _fact(seen, reading, lines, scene=scene, peer=_peer(reading, names))


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


def _peer(reading: Reading, names: Names) -> EntityId | None:
    return names.resolve(reading.peer) if reading.peer else None


def _fact(
    seen: Observation[TemplatesView], reading: Reading, lines: _Gathered, *, scene: Scene, peer: EntityId | None
) -> Fact:
    named = f" by {reading.peer}" if reading.peer else ""
    when = f" since {clock_time(lines.first, now=scene.now)}" if lines.first else ""
    other = reading.kind is ErrorClass.OTHER
    words = "an error of its own" if other else reading.kind.value.replace("_", " ")
    said = f"the log of {name_of(seen.view.entity)} speaks of {words}{named}"
    return state(
        ERROR_CLASS,
        entity=seen.view.entity,
        text=f"{said}, {count(lines.count, 'time')}{when}: {message_of(lines.example)[:LONGEST]}",
        seen=[seen],
        at=lines.first,
        related=[peer] if peer else [],
        strength=0.9,
        detector=DETECTOR.name,
        peer=reading.peer,
        count=lines.count,
        first=lines.first.isoformat() if lines.first else None,
        more={"class": reading.kind.value},
    )


DETECTOR = Detector(name="observability.log_classes", emits=(ERROR_CLASS,), needs=(TemplatesView,), detect=detect)
