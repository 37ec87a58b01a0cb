"""Names for what can be seen from outside give way to reasons: "it is slow" beside "it has no threads left".

Both are right then. The name is kept for when nobody knows the reason, and does not stand against it.
"""

from agents.diagnostician.predictions import Standing
from agents.diagnostician.weighing import Weighed
from incidents.ids import FactKind

FROM_OUTSIDE = frozenset({"dependency.errors", "dependency.slow", "upstream.affected"})
"""Kinds of facts that every failure of a callee brings about at its callers."""
AT_ITSELF = frozenset({"errors.elevated", "latency.elevated", "workload.unavailable"})
"""Symptoms at the entity that prove no reason either."""


def names_only(one: Weighed) -> bool:
    """Whether all that has to hold of it is what others see: it says where and how, not why."""
    kinds = {FactKind(fact.kind) for prediction in one.must for fact in prediction.facts[:1]}
    return bool(kinds) and kinds <= FROM_OUTSIDE | AT_ITSELF and bool(kinds & FROM_OUTSIDE)


def gives_way(name: Weighed, reason: Weighed) -> bool:
    """Whether `name` only names what `reason` explains, at the same place and with all that it needs."""
    return (
        name.entity == reason.entity
        and names_only(name)
        and not names_only(reason)
        and not reason.capped
        and all(prediction.standing is Standing.HOLDS for prediction in reason.must)
        and reason.logit > 0
    )
