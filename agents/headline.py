"""The title of an incident once something is known: what hurts people, in the words of the fact that shows it."""

from incidents.casefile import CaseFile
from incidents.fact import Fact, FactRole
from incidents.ids import FactKind

ORDER = tuple(
    FactKind(kind)
    for kind in (
        "errors.elevated",
        "workload.unavailable",
        "latency.elevated",
        "container.crash_loop",
        "pod.pending",
        "workload.rollout_stuck",
        "service.endpoints_not_ready",
    )
)
"""What users feel first comes first; then what engineers see."""
LONGEST = 90
"""Characters that fit one line of a list."""


def headline(case: CaseFile) -> str | None:
    """A title from the symptom that hurts most at what the alerts name; None when nothing is known yet."""
    places = {entity: place for place, entity in enumerate(case.focus)}
    symptoms = [fact for fact in case.facts if fact.role is FactRole.SYMPTOM and fact.entity in places]
    known = [fact for fact in symptoms if fact.kind in ORDER and fact.entity in case.focus[:FOCAL]]
    if not known:
        return None
    best = min(known, key=lambda fact: (places[fact.entity], ORDER.index(fact.kind)))
    return _short(best)


FOCAL = 3
"""Entities of the focus, nearest first, whose symptoms may name the incident."""


def _short(fact: Fact) -> str:
    clause = fact.text.split(" since ")[0].split(", about ")[0].split(" (")[0].split(";")[0].strip()
    clause = clause[:1].upper() + clause[1:]
    return clause if len(clause) <= LONGEST else clause[: LONGEST - 1].rstrip() + "…"
