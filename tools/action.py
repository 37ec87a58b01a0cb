"""The shape of an action: the only thing that can change anything.

One file `tools/<system>/actions/<name>.py`, constant `ACTION`.

Only the executor's process is given write clients, and only it (and rehearsal, which runs in the same role) calls
these. Agents cannot import `tools.*.actions` (an import-linter contract); what they know of an action is its
`ActionCard`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Protocol

from incidents.action import (
    ActionOutcome,
    ActionRequest,
    BlastRadius,
    Preview,
    Reversibility,
    Snapshot,
)
from incidents.bound import Narrowable
from incidents.entity import EntityKind
from incidents.ids import ActionKind
from incidents.topology import Topology
from incidents.value import Value
from tools.estate import WriteCluster
from tools.probe import modules


class ActionCard(Value):
    """What may be known of an action without being able to do it: for planners, models, runbook lint and documents."""

    kind: ActionKind
    title: str
    describe: str
    targets: tuple[EntityKind, ...]
    """Kinds of entities it can be done to."""
    arguments: dict[str, str]
    """Argument -> what it is, with its unit and form: `memory_limit`: `bytes, or a quantity such as 512Mi`."""
    required: tuple[str, ...] = ()
    narrows: dict[str, Narrowable] = {}
    """Arguments of which a person may choose less than is proposed, and what less means. No other is ever changed."""
    reversibility: Reversibility
    undo_seconds: int
    """How long an undo usually takes, in seconds."""


class Applied(Value):
    """What the target system answered to a change."""

    detail: str
    resource_version: str | None = None


class WaitsFor(StrEnum):
    """Whom a change that was made still waits for before it takes effect. It may take hours: nobody holds still."""

    PERSON = "person"
    """Somebody has to act: to merge a pull request."""
    DELIVERY = "delivery"
    """A pipeline brings it to the estate."""


class Progress(Value):
    """How far a change has come: `4/6 ready`. `done` is what the target system says, not that it helped."""

    outcome: ActionOutcome
    done: bool
    """Nothing more will come of it. With `not_happened`: it never will."""
    text: str
    waits_for: WaitsFor | None = None
    since: datetime | None = None
    """Since when it waits."""


class Action(Protocol):
    """One typed change. Every method may raise ToolError; a refused change is PermanentError or one of its kinds."""

    card: ActionCard

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """Read the target: its fence and all that `undo` needs. Raises NotFoundError when there is no such target."""
        ...

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """What would happen, from the target system's own dry-run where it has one. Changes nothing."""
        ...

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:
        """What it reaches, from topology. Pure."""
        ...

    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """For people: what is done (`Roll checkout back to revision 41`) and its undo (`revision 42, about 40 s`)."""
        ...

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Do it by compare-and-swap against the snapshot's fence, writing `key` onto the target.

        ConflictError: not done.
        """
        ...

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:
        """Whether the change with this key happened, and how far it has come."""
        ...

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Put the captured state back, writing `key`. ConflictError when somebody else changed the target since."""
        ...


@cache
def actions() -> Mapping[ActionKind, Action]:
    """All actions by kind."""
    return {module.ACTION.card.kind: module.ACTION for module in modules("actions") if hasattr(module, "ACTION")}
