"""What is known of somebody only from others: callers see that it fails, never why.

Such a hypothesis may be right as far as it goes. It is a reason to look at the place itself, and no rival of a reason
that was found there or behind it.
"""

from collections.abc import Iterable

from agents.diagnostician.reading import Reading, complains
from agents.diagnostician.reasons import FROM_OUTSIDE
from incidents.diagnosis import Hypothesis
from incidents.fact import Fact, FactRole

OWN_LOG = "log.error_class"
"""The kind that shows that somebody's own log was read."""


def proof_of(hypothesis: Hypothesis, *, reading: Reading) -> list[Fact]:
    """What is cited for a hypothesis besides the symptoms that it explains."""
    ids = dict.fromkeys(fact for point in hypothesis.speaks_for for fact in point.facts)
    symptoms = set(hypothesis.explains)
    return [reading.by_id[fact] for fact in ids if fact in reading.by_id and fact not in symptoms]


def is_hearsay(hypothesis: Hypothesis, *, reading: Reading) -> bool:
    """Whether everything that proves it was told by those who call the place, or who merely suffer."""
    own = reading.places.own(hypothesis.entity)
    facts = [fact for fact in proof_of(hypothesis, reading=reading) if fact.role is not FactRole.SYMPTOM]
    return bool(facts) and all(_told_by_others(fact, own=own) for fact in facts)


def _told_by_others(fact: Fact, *, own: Iterable[str]) -> bool:
    return fact.kind in FROM_OUTSIDE or complains(fact) or fact.entity not in own


def is_unread(hypothesis: Hypothesis, *, reading: Reading) -> bool:
    """Whether its own log was not read although all that is known of it comes from others."""
    covered = reading.case.covered
    return f"{OWN_LOG}@{hypothesis.entity}" not in covered and is_hearsay(hypothesis, reading=reading)


def same_from_outside(rival: Hypothesis, leader: Hypothesis, *, reading: Reading) -> bool:
    """Whether the rival only says from outside what the leader explains, there or behind it."""
    places, topology = reading.places, reading.topology
    near = {*places.own(rival.entity), *topology.nodes_of(rival.entity)}
    near.update(topology.callees(rival.entity, transitive=True))
    return leader.entity in near and is_hearsay(rival, reading=reading) and not is_hearsay(leader, reading=reading)
