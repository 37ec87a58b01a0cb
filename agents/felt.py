"""How near to users a fact is: what they feel is told first, what only a graph shows comes last. Pure."""

from incidents.fact import Fact

FELT = ("errors.", "latency.", "dependency.", "workload.", "queue.", "service.")
"""Kinds by their domain, nearest to users first."""
GRAPH_ONLY = "metric."
"""Figures under their own names: true, and of little help to somebody who was just woken up."""


def distance(fact: Fact) -> int:
    """Nearest first: 0 is what users feel most. Kinds that the order does not name come after those that it does."""
    order = [place for place, domain in enumerate(FELT) if fact.kind.startswith(domain)]
    return order[0] if order else len(FELT) + fact.kind.startswith(GRAPH_ONLY)
