"""The specialist for cost: what is asked for and not used, what it costs, and what changed in that.

It prices; what a proposal would cost is counted from its facts by `agents.cost.delta`.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from agents.cost.requested import EXPORTED, NODE_TOTALS
from agents.detector import Sightings
from agents.observability.names import workloads_of
from agents.reporting import compose, finding, read_facts, scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile, Report
from incidents.entity import Entity
from incidents.fact import Fact
from incidents.finding import AgentName, Finding, Topic
from incidents.ids import EntityId
from tools.kubernetes.probes.nodes import PROBE as NODES
from tools.kubernetes.probes.volumes import PROBE as VOLUMES
from tools.kubernetes.scope import Where
from tools.opencost.probes.allocation import PROBE as ALLOCATION
from tools.opencost.probes.allocation import AllocationArgs
from tools.opencost.probes.node_prices import PROBE as NODE_PRICES
from tools.opencost.probes.node_prices import NodePricesArgs
from tools.prometheus.probes.instant import PROBE as INSTANT
from tools.prometheus.probes.instant import InstantArgs
from tools.prometheus.probes.usage import PROBE as USAGE
from tools.prometheus.probes.usage import UsageArgs

MOST_WORKLOADS = 4
"""Workloads that one round looks at: those that the alerts point at and their nearest."""
MOST_NAMESPACES = 2
USAGE_BACK = timedelta(hours=3)
"""How far back use is held against requests; longer costs Prometheus more than it tells at 2:47."""
COST_BACK = timedelta(hours=24)
"""How far back hours are held against each other: one whole day, so that each hour of it is there once."""
_TOLD = (
    "cost.spike",
    "cost.idle",
    "cost.overprovisioned",
    "cost.underprovisioned",
    "cost.orphaned_volume",
    "cost.expensive_node",
    "cost.rate",
)
"""Kinds that are findings, in the order in which people want to hear them."""
MOST_FINDINGS = 4


class CostSpecialist:
    """Knows what it costs."""

    name = AgentName.COST
    role = "Holds what is requested against what is used, and says what that and every proposal costs."
    topics = frozenset({Topic.OVERVIEW, Topic.COST})

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look, read facts, report."""
        started = desk.clock.now()
        about = assignment.entities or case.focus
        asked = workloads_of(about, case.topology)[:MOST_WORKLOADS]
        await self._look(desk, asked, about=about, now=started)
        sightings, now = Sightings(observations=desk.observations), desk.clock.now()
        reading = read_facts(self.name, sightings, scene_of(assignment, case, now=now))
        return compose(
            assignment=assignment,
            desk=desk,
            started=started,
            reading=reading,
            findings=findings(assignment, reading.facts, near=asked, at=now),
        )

    async def _look(self, desk: Desk, asked: Sequence[EntityId], *, about: Sequence[EntityId], now: datetime) -> None:
        """Look at the workloads, and at what is paid for in the namespaces of everything that is asked about."""
        spaces = dict.fromkeys(Entity.parse(entity).namespace for entity in (*asked, *about))
        namespaces = tuple(space for space in spaces if space)[:MOST_NAMESPACES]
        prices: Awaitable[Any] = (
            desk.observe(ALLOCATION, AllocationArgs(namespaces=namespaces, start=now - COST_BACK, end=now))
            if desk.cluster.connections.opencost is not None
            else desk.observe(INSTANT, InstantArgs(query=EXPORTED, at=now))
        )
        configured = [desk.observe(NODE_PRICES, NodePricesArgs())] if desk.cluster.connections.node_usd_per_hour else []
        await _at_once(
            [
                *(desk.observe(USAGE, UsageArgs(entity=one, start=now - USAGE_BACK, end=now)) for one in asked),
                *(desk.observe(VOLUMES, Where(namespace=space)) for space in namespaces),
                desk.observe(NODES, Where()),
                desk.observe(INSTANT, InstantArgs(query=NODE_TOTALS, at=now)),
                prices,
                *configured,
            ]
        )


def findings(
    assignment: Assignment, facts: Sequence[Fact], *, near: Sequence[EntityId], at: datetime
) -> tuple[Finding, ...]:
    """The most costly first; of each kind what is nearest. Pure."""
    order = {entity: place for place, entity in enumerate(near)}
    worth = [fact for fact in facts if fact.kind in _TOLD]
    worth.sort(key=lambda fact: (_TOLD.index(fact.kind), order.get(fact.entity, len(order)), fact.id))
    return tuple(finding(assignment, [fact], at=at) for fact in worth[:MOST_FINDINGS])


async def _at_once(questions: Iterable[Awaitable[Any]]) -> None:
    async with asyncio.TaskGroup() as group:
        for question in questions:
            group.create_task(_ask(question))


async def _ask(question: Awaitable[Any]) -> None:
    await question


SPECIALIST = CostSpecialist()
