"""A typed change from the catalogue, as values: what is asked, what it would do, how far it reaches, how it is undone.

The catalogue itself, with the code that touches systems, is `tools/<system>/actions/`.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.ids import ActionKind, Digest, EntityId
from incidents.value import Scalar, Value


class Reversibility(StrEnum):
    """How an action is taken back."""

    EXACT = "exact"
    """The captured state can be put back field by field."""
    COMPENSATED = "compensated"
    """A counter-action restores service, not the identical state."""
    IRREVERSIBLE = "irreversible"
    """Nothing brings the prior state back (a deleted pod). Only what its controller recreates may have it."""


class ActionRequest(Value):
    """What shall be done, to what, with which arguments. Arguments come from inventory and facts, never from text."""

    kind: ActionKind
    target: EntityId
    arguments: dict[str, Scalar] = {}
    reason: str = ""


class FieldChange(Value):
    """One field of the target, before and after. `path` is a dotted path as people write it in YAML."""

    path: str
    before: str | None
    after: str | None


class Fence(Value):
    """The identity and state of the target that the approver saw. If any of it differs at execution, nothing runs."""

    uid: str
    resource_version: str | None = None
    """Compared only when `generation` is None: status churn moves it without a change of intent."""
    generation: int | None = None
    content: Digest
    """Digest of the part of the target that the action reads or writes."""
    facets: dict[str, str] = {}
    """More that must be equal: commit, image digest, plan hash."""

    def differences(self, now: "Fence") -> tuple[str, ...]:
        """What is different in the target now, in words; empty when it is exactly what the approver saw."""
        found = [] if self.uid == now.uid else [f"it was deleted and created again (uid {self.uid} -> {now.uid})"]
        if self.content != now.content:
            found.append("the part that the action changes is different")
        if self.generation != now.generation:
            found.append(f"its specification was changed (generation {self.generation} -> {now.generation})")
        if self.generation is None and self.resource_version != now.resource_version:
            found.append(f"it was changed (version {self.resource_version} -> {now.resource_version})")
        keys = sorted(self.facets.keys() | now.facets.keys())
        pairs = [(key, self.facets.get(key, "none"), now.facets.get(key, "none")) for key in keys]
        return (*found, *(f"{key} changed: {before} -> {after}" for key, before, after in pairs if before != after))


class Snapshot(Value):
    """What is needed to undo: the captured part of the target."""

    target: EntityId
    taken_at: datetime
    fence: Fence
    state: str
    """JSON, redacted of secret values, enough for `undo` to put back."""


class Preview(Value):
    """What the target system itself says would happen."""

    accepted: bool
    """Whether the system would take it, admission included. A refused preview is never proposed for execution."""
    by: str
    """How it was found: `server-side dry-run`, `computed: the API has no dry-run`."""
    diff: tuple[FieldChange, ...]
    warnings: tuple[str, ...] = ()
    refusal: str | None = None


class BlastRadius(Value):
    """What the change touches, from topology."""

    workloads: tuple[EntityId, ...] = ()
    pods: int = Field(default=0, ge=0)
    services: tuple[EntityId, ...] = ()
    callers: tuple[EntityId, ...] = ()
    """Workloads that depend on what is touched, transitively."""
    nodes: tuple[EntityId, ...] = ()

    def touched(self, target: EntityId) -> frozenset[EntityId]:
        """Everything that a change of `target` with this reach changes or restarts."""
        return frozenset({target, *self.workloads, *self.nodes})

    @property
    def summary(self) -> str:
        """`checkout, 6 pods, 1 service; callers: web, mobile-api`."""
        names = [name_of(entity) for entity in (*self.workloads, *self.nodes)]
        parts = [*names, _count(self.pods, "pod"), _count(len(self.services), "service")]
        text = ", ".join(part for part in parts if part)
        callers = ", ".join(name_of(entity) for entity in self.callers)
        return f"{text}; callers: {callers}" if callers else text or "nothing else"


class ActionOutcome(StrEnum):
    """What `observe` sees of an action that may or may not have happened."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    UNKNOWN = "unknown"
    """The system cannot be read, or another change hides the answer."""


def name_of(entity: EntityId) -> str:
    """The last part of an entity id: its name."""
    return entity.split("/", 3)[-1]


def _count(number: int, noun: str) -> str:
    return "" if number == 0 else f"{number} {noun}" if number == 1 else f"{number} {noun}s"
