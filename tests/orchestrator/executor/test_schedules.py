"""Thousands of random schedules of decisions, executors, crashes, restarts, late requests and clocks.

Never two executions, never one without its quorum, and in the end the record says what happened. The decisions, the gate
and the executor are the product's own code; its awaits are points at which any other process may go on, and at which a
process may die. Around them stand a table with conditional updates and a target that takes one conditional change, both
reached over a network that may deliver a request long after its sender died.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from incidents.action import ActionOutcome, ActionRequest, Snapshot
from incidents.approval import Accepted, Channel, Choice, Decision, Person, judge
from incidents.execution import HAPPENED, LATE_SECONDS, Execution, ExecutionStatus
from incidents.ids import ActionKind, DecisionId
from incidents.policy import Policy
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor import gate
from orchestrator.executor.context import Hands
from orchestrator.executor.deed import Deed, RefusedError
from orchestrator.executor.late import LATE_LOOK_SECONDS, look_back
from orchestrator.executor.running import run_rows
from orchestrator.store.errors import StaleStateError
from tests.incidents.making import NOW, after, person, proposal
from tools.action import Applied, Progress
from tools.errors import ConflictError, TransientError
from tools.estate import Connections, WriteCluster

SCHEDULES = 2000
STEPS = 40
NEEDED = 2
PEOPLE = (person("ada"), person("bob"), person("eve", "viewer"), person("mw", "oncall", bot=True), person("ADA"))
EXECUTORS = 3
PATIENCE = 6
"""Steps that a sender waits for its answer."""


class Turn:
    """A point at which others may go on."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass
class Request:
    """A conditional change under way: it may arrive whenever it likes, also after its sender died."""

    expected: int
    key: str
    sent_at: datetime
    answer: str = ""


@dataclass
class Target:
    """What is changed: its version goes up with every change, and it carries the key of the last one."""

    version: int = 1
    key: str = ""
    effects: list[str] = field(default_factory=list)
    network: list[Request] = field(default_factory=list)

    def arrive(self, request: Request) -> None:
        """Compare and swap."""
        self.network.remove(request)
        if request.expected != self.version:
            request.answer = "conflict"
            return
        self.version += 1
        self.key = request.key
        self.effects.append(request.key)
        request.answer = "done"


class Change:
    """The catalogue's only action, on that target."""

    def __init__(self, world: World) -> None:
        self._world, self._target = world, world.target
        self._fence = world.made.body.actions[0].snapshot

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """The fence of the approval while nobody changed it."""
        del cluster, request
        await Turn()
        seen = self._fence.fence.model_copy(update={"generation": 6 + self._target.version})
        return self._fence.model_copy(update={"fence": seen})

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Send it, and wait for as long as anybody waits."""
        del cluster, request, snapshot
        sent = Request(expected=1, key=key, sent_at=self._world.now)
        self._target.network.append(sent)
        for _ in range(PATIENCE):
            await Turn()
            if sent.answer == "done":
                return Applied(detail="done")
            if sent.answer:
                raise ConflictError("the target changed")
        raise TransientError("no answer")

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Whether the target carries the key."""
        del cluster, request, snapshot
        await Turn()
        happened = self._target.key == key
        outcome = ActionOutcome.HAPPENED if happened else ActionOutcome.NOT_HAPPENED
        return Progress(outcome=outcome, done=happened, text="seen")


class Skewed:
    """A machine's clock: the time of the schedule, and how wrong the machine is."""

    def __init__(self, world: World, skew: float) -> None:
        self._world, self._skew = world, skew

    def now(self) -> datetime:
        """As this machine sees it."""
        return self._world.now + timedelta(seconds=self._skew)

    async def sleep(self, seconds: float) -> None:
        """Time passes while it waits, and others go on."""
        del seconds
        await Turn()


@dataclass
class World:
    """Everything that survives a crash."""

    made: Proposal
    target: Target = field(default_factory=Target)
    now: datetime = NOW
    status: ProposalStatus = ProposalStatus.PENDING
    decisions: list[Decision] = field(default_factory=list)
    row: Execution | None = None
    paused: bool = False
    dispatches: list[str] = field(default_factory=list)
    """Why each dispatch was wrong, empty for the right ones."""


class Table:
    """The executor's book: conditional updates, and the gate in the same step as `dispatched`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def dispatch(self, deed: Deed) -> Execution:
        """As the database's transaction: all of it, or nothing."""
        await Turn()
        if reason := self._objection(deed):
            raise RefusedError(reason)
        return self._move(deed, ExecutionStatus.DISPATCHED, dispatched_at=self._world.now)

    async def dispatch_again(self, deed: Deed) -> str | None:
        """What a dead process left."""
        await Turn()
        return self._objection(deed)

    async def progress(self, deed: Deed, text: str) -> None:
        """Nobody reads along."""

    async def settle(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """End the row; when another executor ended it, the truth wins over what was only believed."""
        await Turn()
        try:
            return self._move(deed, status, detail=detail, ended_at=self._world.now)
        except StaleStateError:
            found = await self.current(deed)
            if status in HAPPENED and found.status not in HAPPENED:
                return await self.happened_after_all(deed.at(found), status, detail)
            return found

    async def happened_after_all(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """Put a row right."""
        return self._move(deed, status, detail=detail, ended_at=self._world.now)

    async def current(self, deed: Deed) -> Execution:
        """As it stands."""
        del deed
        assert self._world.row is not None
        return self._world.row

    def _move(self, deed: Deed, status: ExecutionStatus, **values: Any) -> Execution:
        assert self._world.row is not None
        if self._world.row.status is not deed.row.status:
            raise StaleStateError("another one was quicker")
        if status is ExecutionStatus.DISPATCHED:
            self._world.dispatches.append(self._wrong())
        self._world.row = self._world.row.model_copy(update={"status": status, **values})
        return self._world.row

    def _objection(self, deed: Deed) -> str | None:
        return gate.objection(
            self._world.made,
            status=self._world.status,
            decisions=tuple(self._world.decisions),
            policy=self._world.made.body.policy.version,
            paused=self._world.paused,
            now=max(deed.hands.clock.now(), self._world.now),
        )

    def _wrong(self) -> str:
        """Written without the product's own judgement: what a dispatch must never be."""
        yes = [d.person for d in self._world.decisions if d.choice is Choice.APPROVE]
        people = {p.id.casefold() for p in yes if not p.bot and "oncall" in p.roles}
        if len(people) < NEEDED:
            return f"dispatched with {len(people)} of {NEEDED}"
        if any(d.choice is Choice.REJECT for d in self._world.decisions):
            return "dispatched although somebody rejected it"
        if self._world.paused:
            return "dispatched while paused"
        return "dispatched after its expiry" if self._world.now >= self._world.made.body.expires_at else ""


@dataclass
class Process:
    """An executor at work, held at one of its awaits."""

    work: Coroutine[Any, Any, object]

    def step(self) -> bool:
        """Go on to the next await; False at the end."""
        try:
            self.work.send(None)
        except StopIteration:
            return False
        return True


class Schedules(RuleBasedStateMachine):
    """One schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(made=proposal(approvals=NEEDED, lives_seconds=600))
        self.running: list[Process] = []

    def _hands(self, skew: float) -> Hands:
        clock = Skewed(self.world, skew)
        return Hands(
            clock=clock,
            clusters={"prod-eu": WriteCluster(name="prod-eu", clock=clock, connections=Connections(name="prod-eu"))},
            policy=Policy(rules=(), version=self.world.made.body.policy.version, source="test"),
            catalogue={ActionKind("rollback_workload"): Change(self.world)},  # type: ignore[dict-item] # what the executor uses of it
        )

    @rule(who=st.sampled_from(PEOPLE), choice=st.sampled_from([Choice.APPROVE] * 6 + [Choice.REJECT]))
    def decide(self, who: Person, choice: Choice) -> None:
        """Somebody clicks, whoever they are and whenever it is; a click may come twice."""
        judged = judge(
            self.world.made.body,
            status=self.world.status,
            decided=tuple(self.world.decisions),
            requested_by=None,
            person=who,
            choice=choice,
            reason="because",
            now=self.world.now,
        )
        if not isinstance(judged, Accepted):
            return
        number = len(self.world.decisions)
        self.world.decisions.append(
            Decision(
                id=DecisionId(f"de-{number}"),
                digest=self.world.made.digest,
                person=who,
                choice=choice,
                reason="because",
                at=self.world.now,
                channel=Channel.API,
            )
        )
        self.world.status = judged.status
        if judged.status is ProposalStatus.APPROVED:
            self._plan()

    @precondition(lambda self: self.world.row is None)
    @rule()
    def plan_without_approval(self) -> None:
        """Somebody puts the row there without asking anybody."""
        self._plan()

    def _plan(self) -> None:
        if self.world.row is None:
            self.world.row = Execution(
                digest=self.world.made.digest,
                index=0,
                key="mw-key",
                status=ExecutionStatus.APPROVED,
                approved_at=self.world.now,
            )

    @precondition(lambda self: self.world.row is not None and len(self.running) < EXECUTORS)
    @rule(skew=st.sampled_from([0.0, 0.0, -3600.0, 3600.0]))
    def start(self, skew: float) -> None:
        """A job comes to an executor: once, twice, or again after a crash."""
        self._begin(skew)

    def _begin(self, skew: float) -> Process:
        assert self.world.row is not None
        hands, table = self._hands(skew), Table(self.world)
        self.running.append(Process(run_rows(self.world.made, (self.world.row,), hands=hands, book=table)))
        return self.running[-1]

    @precondition(lambda self: self.running)
    @rule(number=st.integers(min_value=0, max_value=EXECUTORS - 1), steps=st.integers(min_value=1, max_value=12))
    def go_on(self, number: int, steps: int) -> None:
        """One of them goes on for a while."""
        process = self.running[number % len(self.running)]
        for _ in range(steps):
            if not process.step():
                self.running.remove(process)
                return

    @precondition(lambda self: self.running)
    @rule(number=st.integers(min_value=0, max_value=EXECUTORS - 1))
    def kill(self, number: int) -> None:
        """One of them dies where it stands. What it sent is on its way."""
        process = self.running.pop(number % len(self.running))
        process.work.close()

    @precondition(lambda self: self.world.target.network)
    @rule(number=st.integers(min_value=0, max_value=9))
    def deliver(self, number: int) -> None:
        """A request arrives, in any order."""
        network = self.world.target.network
        self.world.target.arrive(network[number % len(network)])

    @rule(seconds=st.sampled_from([1, 30, 300, 601]))
    def time_passes(self, seconds: int) -> None:
        """On all machines. The looks that are due come before; what is under way for longer than anybody keeps it is lost."""
        if seconds >= LATE_LOOK_SECONDS:
            self._look_back()
        self.world.now += timedelta(seconds=seconds)
        oldest = self.world.now - timedelta(seconds=LATE_SECONDS)
        self.world.target.network[:] = [one for one in self.world.target.network if one.sent_at > oldest]

    @rule(paused=st.booleans())
    def switch(self, paused: bool) -> None:
        """Somebody uses the kill switch."""
        self.world.paused = paused

    @precondition(lambda self: self.world.now >= after(600) and self.world.status is ProposalStatus.PENDING)
    @rule()
    def expire(self) -> None:
        """The sweep comes by."""
        self.world.status = ProposalStatus.EXPIRED

    @rule()
    def somebody_else_changes_the_target(self) -> None:
        """By hand, and rarely: most schedules are to get somewhere."""
        if len(self.world.decisions) == 1:
            self.world.target.version += 1

    @invariant()
    def never_two_executions(self) -> None:
        """Whatever is killed whenever."""
        assert len(self.world.target.effects) <= 1

    @invariant()
    def never_one_without_its_quorum(self) -> None:
        """Nor after its expiry, nor while paused."""
        assert [wrong for wrong in self.world.dispatches if wrong] == []
        assert not self.world.target.effects or self.world.dispatches

    def teardown(self) -> None:
        """In the end everything has arrived or is lost, somebody comes by again, and the record is right."""
        for process in self.running:
            process.work.close()
        while self.world.target.network:
            self.world.target.arrive(self.world.target.network[0])
        if self.world.row is None:
            return
        self._finish(run_rows(self.world.made, (self.world.row,), hands=self._hands(0.0), book=Table(self.world)))
        while self.world.target.network:
            self.world.target.arrive(self.world.target.network[0])
        self._look_back()
        self.never_two_executions()
        self.never_one_without_its_quorum()
        assert (self.world.row.status in HAPPENED) == bool(self.world.target.effects), self.world.row

    def _look_back(self) -> None:
        if self.world.row is not None:
            rows, book = (self.world.row,), Table(self.world)
            process = Process(look_back(self.world.made, rows, hands=self._hands(0.0), book=book))  # type: ignore[arg-type] # what it uses of it
            while process.step():
                pass

    def _finish(self, work: Coroutine[Any, Any, object]) -> None:
        process = Process(work)
        while process.step():
            for request in list(self.world.target.network):
                self.world.target.arrive(request)


@pytest.mark.timeout(480)
def test_never_two_executions_and_never_one_without_its_quorum() -> None:
    run_state_machine_as_test(
        Schedules,
        settings=settings(
            max_examples=SCHEDULES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Forgetful(Schedules):
    """The same with a target that takes every request: what compare-and-swap is for."""

    def __init__(self) -> None:
        super().__init__()
        self.world.target.arrive = self._take  # type: ignore[method-assign] # the guard is taken out

    def _take(self, request: Request) -> None:
        self.world.target.network.remove(request)
        self.world.target.version, self.world.target.key = self.world.target.version + 1, request.key
        self.world.target.effects.append(request.key)
        request.answer = "done"


class Trusting(Schedules):
    """The same with a table that asks no gate."""

    def _begin(self, skew: float) -> Process:
        assert self.world.row is not None
        table = Table(self.world)
        table._objection = lambda _: None  # type: ignore[method-assign]
        work = run_rows(self.world.made, (self.world.row,), hands=self._hands(skew), book=table)
        self.running.append(Process(work))
        return self.running[-1]


def until_sent(machine: Schedules, process: Process, *, requests: int) -> None:
    """Let it go on until that many requests are under way, or it has ended."""
    while len(machine.world.target.network) < requests and process.step():
        pass


def two_attempts(machine: Schedules) -> list[str]:
    """Approved; one executor dies after it sent its request, its successor finds nothing, and both requests arrive."""
    for who in PEOPLE[:2]:
        machine.decide(who, Choice.APPROVE)
    for number in (1, 2):
        process = machine._begin(0.0)
        until_sent(machine, process, requests=number)
        machine.kill(0)
    for request in list(machine.world.target.network):
        machine.world.target.arrive(request)
    return machine.world.target.effects


def no_approval(machine: Schedules) -> list[str]:
    """Nobody approved, and the row is there."""
    machine.plan_without_approval()
    until_sent(machine, machine._begin(0.0), requests=1)
    for request in list(machine.world.target.network):
        machine.world.target.arrive(request)
    return machine.world.target.effects


def test_control_without_compare_and_swap_it_would_happen_twice() -> None:
    assert len(two_attempts(Forgetful())) == 2
    assert len(two_attempts(Schedules())) == 1


def test_control_without_the_gate_it_would_happen_unapproved() -> None:
    assert len(no_approval(Trusting())) == 1
    assert no_approval(Schedules()) == []
