"""What several desks of one cluster share: an answer of a moment ago, without secrets, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from incidents.evidence import Source
from incidents.finding import AgentName
from incidents.value import Value
from orchestrator.desk import LiveDesk
from tools.clock import ManualClock
from tools.connect import connect
from tools.errors import PermanentError
from tools.estate import Cluster, Connections
from tools.observing import observed
from tools.probe import Observation, Probe
from tools.recent import KEPT

NOW = datetime(2026, 3, 1, 2, 47, tzinfo=UTC)


class Where(Value):
    """What is asked about."""

    place: str


class Seen(Value):
    """What was seen there."""

    text: str


class System:
    """Counts what it is asked; it may refuse."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refuses = False
        self.probe = Probe(
            name="system.look", source=Source.KUBERNETES, describe="", args=Where, view=Seen, run=self._run
        )

    async def _run(self, _: Cluster, args: Where) -> Observation[Seen]:
        self.asked.append(args.place)
        await asyncio.sleep(0)
        if self.refuses:
            raise PermanentError("not for you")
        view = Seen(text=f"{args.place} {len(self.asked)}: password=hunter2isnotenough3")
        return observed(view, probe="system.look", source=Source.KUBERNETES, query=args.place, at=NOW, title="")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def system() -> System:
    return System()


def desk(cluster: Cluster, agent: AgentName, *, probes: int = 5) -> LiveDesk:
    return LiveDesk(cluster=cluster, clock=cluster.clock, agent=agent, probes=probes, seconds=60.0)


async def test_specialists_who_ask_the_same_at_once_or_a_moment_later_ask_once(
    clock: ManualClock, system: System
) -> None:
    async with connect(Connections(name="c"), clock=clock) as cluster:
        one, other, third = (desk(cluster, agent) for agent in list(AgentName)[:3])
        here = Where(place="here")
        first, second = await asyncio.gather(one.observe(system.probe, here), other.observe(system.probe, here))
        await clock.advance(KEPT.total_seconds())
        later = await third.observe(system.probe, here)
        assert system.asked == ["here"]
        assert first is not None
        assert first is second is later
        assert "hunter2" not in first.view.text + first.evidence.body
        assert [len(d.observations) for d in (one, other, third)] == [1, 1, 1], "each of them saw it"
        assert [d.answers[0].evidence for d in (one, other, third)] == [first.evidence] * 3, "and each can be replayed"
        await third.observe(system.probe, Where(place="there"))
        assert system.asked == ["here", "there"]


async def test_what_is_older_and_what_was_refused_is_asked_anew(clock: ManualClock, system: System) -> None:
    async with connect(Connections(name="c"), clock=clock) as cluster:
        system.refuses = True
        refused = desk(cluster, AgentName.COST)
        assert await refused.observe(system.probe, Where(place="here")) is None
        assert [gap.why for gap in refused.gaps] == ["not for you"]
        system.refuses = False
        first = await desk(cluster, AgentName.CICD).observe(system.probe, Where(place="here"))
        await clock.advance(KEPT.total_seconds() + 1)
        second = await desk(cluster, AgentName.COST).observe(system.probe, Where(place="here"))
        assert first is not None
        assert second is not None
        assert first.view != second.view
        assert len(system.asked) == 3


async def test_another_cluster_is_another_question(clock: ManualClock, system: System) -> None:
    async with connect(Connections(name="c"), clock=clock) as one, connect(Connections(name="d"), clock=clock) as other:
        for cluster in (one, other):
            await desk(cluster, AgentName.COST).observe(system.probe, Where(place="here"))
    assert system.asked == ["here", "here"]


async def test_an_answer_of_a_colleague_costs_the_budget_like_ones_own(clock: ManualClock, system: System) -> None:
    async with connect(Connections(name="c"), clock=clock) as cluster:
        await desk(cluster, AgentName.COST).observe(system.probe, Where(place="here"))
        poor = desk(cluster, AgentName.CICD, probes=1)
        assert await poor.observe(system.probe, Where(place="here")) is not None
        assert await poor.observe(system.probe, Where(place="there")) is None
        assert poor.probes == 1
