"""Thousands of random schedules of decisions, executors, crashes, restarts, late requests and clocks.

Never two executions, never one without its quorum, and in the end the record says what happened. The decisions, the gate
and the executor are the product's own code; its awaits are points at which any other process may go on, and at which a
process may die. Around them stand a table with conditional updates and a target that takes one conditional change, both
reached over a network that may deliver a request long after its sender died.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from incidents.approval import Accepted, Channel, Choice, Decision, Person, judge
from incidents.execution import HAPPENED, LATE_SECONDS, Execution, ExecutionStatus
from incidents.ids import ActionKind, DecisionId
from incidents.policy import Policy
from incidents.proposal import ProposalStatus
from orchestrator.executor.context import Hands
from orchestrator.executor.late import LATE_LOOK_SECONDS, look_back
from orchestrator.executor.running import run_rows
from tests.incidents.making import after, proposal
from tests.orchestrator.executor.schedule import (
    EXECUTORS,
    NEEDED,
    PEOPLE,
    Change,
    Process,
    Request,
    Skewed,
    Table,
    World,
)
from tools.estate import Connections, WriteCluster

SCHEDULES = 2000
STEPS = 40


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
