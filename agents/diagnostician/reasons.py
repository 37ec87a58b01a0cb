"""Names for what can be seen from outside give way to reasons.

"It is slow" stands beside "it has no threads left", "changed by hand" beside "it was given too little memory". Both are
right then. The name is kept for when nobody knows the reason, and does not stand against it.
"""

from agents.diagnostician.places import kind_of
from agents.diagnostician.reading import NO_NAMES, REFUSED_CERTIFICATE, Reading, complains
from agents.diagnostician.spread import harms
from agents.diagnostician.weighing import Weighed
from incidents.entity import EntityKind
from incidents.fact import Fact

FROM_OUTSIDE = frozenset({"dependency.errors", "dependency.slow", "upstream.affected", *NO_NAMES})
"""Kinds of facts that every failure of a callee brings about at its callers, and of a resolver at everybody."""
BY_WHAT_WAY = frozenset({"change.manual"})
"""Facts that say how something came about, whatever it was."""
AT_ITSELF = frozenset({"errors.elevated", "latency.elevated", "workload.unavailable"})
"""Symptoms at the entity that prove no reason either."""


def names_only(one: Weighed) -> bool:
    """Whether all that has to hold of it is what others see: it says where and how, not why."""
    facts = [fact for prediction in one.must for fact in prediction.facts[:1]]
    named = [fact.kind in FROM_OUTSIDE | BY_WHAT_WAY or _tells_no_reason(fact) for fact in facts]
    return any(named) and all(name or fact.kind in AT_ITSELF for name, fact in zip(named, facts, strict=True))


def _tells_no_reason(fact: Fact) -> bool:
    """Whether a complaint says only that somebody does not answer: a certificate that has ended is a reason."""
    return complains(fact) and fact.kind != REFUSED_CERTIFICATE


def gives_way(name: Weighed, reason: Weighed, *, reading: Reading) -> bool:
    """Whether `name` only names what `reason` explains, at the same place or behind it, and with all that it needs.

    A workload's service, its claims and whatever else exists for it are the same place, and so are its nodes: a sick
    node is why those on it are slow, and a closed one why those that need it are not there. Behind it are those whom it
    calls: that its callers see it fail is what the reason there predicts.
    """
    # Asked of every pair: few stand, and that is soon seen.
    if not _stands(reason) or not names_only(name) or names_only(reason):
        return False
    places, topology = reading.places, reading.topology
    return (
        reason.entity in places.own(name.entity)
        or reason.entity in topology.nodes_of(name.entity)
        or reason.entity in topology.callees(name.entity, transitive=True)
        or (kind_of(name.entity) == EntityKind.CLUSTER and reason.entity in reading.resolvers)
        or name.entity in places.kept_off(reason.entity, reading.facts)
    )


def _stands(reason: Weighed) -> bool:
    """Whether it is proven, likelier than not, and of the kind that hurts."""
    return reason.logit > 0 and not reason.capped and reason.complete and harms(reason.cause)
