"""Silences: who muted what until when. A silence is never removed, it expires. Pure but for the book's own memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from worlds.promql.storage import Matcher, matches_all


class SilenceState(StrEnum):
    """Where a silence stands."""

    PENDING = "pending"
    """It starts later."""
    ACTIVE = "active"
    """It mutes."""
    EXPIRED = "expired"
    """It is over."""


class SilenceError(ValueError):
    """The silence cannot be stored; the message says what to change."""


class UnknownSilenceError(LookupError):
    """silence not found."""


@dataclass(frozen=True, kw_only=True)
class SilenceRequest:
    """What somebody asks for. `id` names the silence to change, "" asks for a new one."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A stored silence."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str

    def state(self, now: datetime) -> SilenceState:
        """Return where the silence stands at a time."""
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED


class SilenceBook:
    """All silences of one Alertmanager."""

    def __init__(self, *, new_id: Callable[[], str] = lambda: str(uuid4())) -> None:
        self._silences: dict[str, Silence] = {}
        self._new_id = new_id

    def all(self) -> list[Silence]:
        """Return every silence, expired ones too."""
        return list(self._silences.values())

    def get(self, silence_id: str) -> Silence:
        """Return one silence. Raises UnknownSilenceError."""
        if silence_id not in self._silences:
            raise UnknownSilenceError("silence not found")
        return self._silences[silence_id]

    def muting(self, labels: Mapping[str, str], *, now: datetime) -> list[str]:
        """Return the ids of the active silences that match."""
        return [
            one.id
            for one in self._silences.values()
            if one.state(now) is SilenceState.ACTIVE and matches_all(one.matchers, labels)
        ]

    def put(self, request: SilenceRequest, *, now: datetime) -> str:
        """Store a new silence or change one; return its id, which is new when the old one had to be replaced.

        Raises SilenceError for an invalid request and UnknownSilenceError for an unknown id.
        """
        previous = self.get(request.id) if request.id else None
        if request.starts_at >= request.ends_at:
            raise SilenceError("Failed to create silence: start time must be before end time")
        if request.ends_at < now:
            raise SilenceError("Failed to create silence: end time can't be in the past")
        if all(one.matches("") for one in request.matchers):
            raise SilenceError("silence invalid: at least one matcher must not match the empty string")
        if previous is not None and _changes_in_place(previous, request, now):
            changed = replace(
                previous,
                starts_at=request.starts_at if previous.starts_at > now else previous.starts_at,
                ends_at=request.ends_at,
                comment=request.comment,
                created_by=request.created_by,
                updated_at=now,
            )
            self._silences[previous.id] = changed
            return previous.id
        if previous is not None and previous.state(now) is not SilenceState.EXPIRED:
            self.expire(previous.id, now=now)
        return self._add(request, now)

    def expire(self, silence_id: str, *, now: datetime) -> None:
        """End a silence now; one that is over stays as it is. Raises UnknownSilenceError."""
        one = self.get(silence_id)
        match one.state(now):
            case SilenceState.PENDING:
                self._silences[silence_id] = replace(one, starts_at=now, ends_at=now, updated_at=now)
            case SilenceState.ACTIVE:
                self._silences[silence_id] = replace(one, ends_at=now, updated_at=now)
            case SilenceState.EXPIRED:
                pass

    def _add(self, request: SilenceRequest, now: datetime) -> str:
        silence_id = self._new_id()
        self._silences[silence_id] = Silence(
            id=silence_id,
            matchers=request.matchers,
            starts_at=max(request.starts_at, now),
            ends_at=request.ends_at,
            updated_at=now,
            created_by=request.created_by,
            comment=request.comment,
        )
        return silence_id


def _changes_in_place(previous: Silence, request: SilenceRequest, now: datetime) -> bool:
    """Say whether history stays true if the silence is changed rather than replaced (silence.go, canUpdate)."""
    if previous.matchers != request.matchers:
        return False
    match previous.state(now):
        case SilenceState.ACTIVE:
            return previous.starts_at.replace(microsecond=0) == request.starts_at.replace(microsecond=0)
        case SilenceState.PENDING:
            return request.starts_at >= now
        case SilenceState.EXPIRED:
            return False
