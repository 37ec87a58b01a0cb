"""Kinds of log lines that are new since the onset, or far more frequent."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.observability.dating import began
from agents.reporting import state
from agents.wording import count, since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.loki.line import Level, message_of
from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView
from tools.probe import Observation

NEW = FactSpec(
    kind=FactKind("log.new_pattern"),
    role=FactRole.MECHANISM,
    meaning="A workload's log says something since the onset that it never said before.",
    attributes={
        "template": "the kind of line, <...> where lines differ",
        "count": "how often it was seen",
        "first": "when it was first seen, ISO 8601",
        "level": "what the line calls itself: fatal, error, warn, info",
        "details": "what a structured line says besides its message: a stack trace, a statement, figures",
    },
)
SURGE = FactSpec(
    kind=FactKind("log.surge"),
    role=FactRole.SYMPTOM,
    meaning="A kind of line comes far more often than before.",
    attributes={"template": "the kind of line", "before": "lines per minute before", "after": "lines per minute since"},
)
TELLING = frozenset({Level.FATAL, Level.ERROR, Level.WARN})
"""Levels whose new lines are facts; a new kind of good news is none."""
SURGE_RATIO = 4.0
LEAST_PER_MINUTE = 2.0
"""Lines a minute below which four times as many are a coincidence."""
LEAST_BEFORE = 5
"""Lines before the onset without which nothing can be called new."""
MOST = 6
"""Facts of each kind per workload: the most telling."""
LONGEST = 240
"""Characters of a line that a fact quotes."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Up to MOST facts of each kind per workload."""
    for seen in sightings.of(TemplatesView):
        new = [template for template in seen.view.templates if template.is_new and template.level in TELLING]
        yield from (_new(seen, template, scene) for template in new[:MOST])
        surging = [found for template in seen.view.templates if (found := _rates(seen.view, template)) is not None]
        yield from (_surge(seen, template, rates) for template, rates in surging[:MOST])


def _new(seen: Observation[TemplatesView], template: LogTemplate, scene: Scene) -> Fact:
    first = began(seen.view, template)
    known = seen.view.lines_before >= LEAST_BEFORE
    return state(
        NEW,
        entity=seen.view.entity,
        text=f"new in the log of {name_of(seen.view.entity)}{since(first, until=template.stopped, now=scene.now)}, "
        f"{count(template.after, 'time')}: {message_of(template.example)[:LONGEST]}",
        seen=[seen],
        at=first,
        until=template.stopped,
        strength=1.0 if known else 0.6,
        detector=DETECTOR.name,
        template=template.template[:LONGEST],
        count=template.after,
        first=first.isoformat() if first else None,
        level=template.level.value,
        details=template.details or None,
    )


def _rates(view: TemplatesView, template: LogTemplate) -> tuple[LogTemplate, tuple[float, float]] | None:
    """The template with its lines per minute before and since, when it surged."""
    if template.before == 0 or not view.minutes_before or not view.minutes_after:
        return None
    before, after = template.before / view.minutes_before, template.after / view.minutes_after
    return (template, (before, after)) if after >= max(SURGE_RATIO * before, LEAST_PER_MINUTE) else None


def _surge(seen: Observation[TemplatesView], template: LogTemplate, rates: tuple[float, float]) -> Fact:
    before, after = rates
    return state(
        SURGE,
        entity=seen.view.entity,
        text=f"in the log of {name_of(seen.view.entity)} {before:.1f} -> {after:.1f} times a minute: "
        f"{message_of(template.example)[:LONGEST]}",
        seen=[seen],
        at=began(seen.view, template),
        until=template.stopped,
        detector=DETECTOR.name,
        template=template.template[:LONGEST],
        before=round(before, 2),
        after=round(after, 2),
    )


DETECTOR = Detector(name="observability.log_patterns", emits=(NEW, SURGE), needs=(TemplatesView,), detect=detect)
