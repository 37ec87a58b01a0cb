"""The world of the schedules: a table with conditional updates, a target that compares and swaps, a slow network, clocks.

Every await of the product's code is a point at which others may go on, and at which its process may die.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from incidents.action import ActionOutcome, ActionRequest, Snapshot
from incidents.approval import Choice, Decision
from incidents.execution import HAPPENED, Execution, ExecutionStatus
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.executor import gate
from orchestrator.executor.deed import Deed, RefusedError
from orchestrator.store.errors import StaleStateError
from tests.incidents.making import NOW, person
from tools.action import Applied, Progress
from tools.errors import ConflictError, TransientError
from tools.estate import WriteCluster

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
