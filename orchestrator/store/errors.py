"""What the store refuses. Each message says what to do."""

from incidents.ids import IncidentId


class StoreError(Exception):
    """The store did not do what it was asked."""


class StaleStateError(StoreError):
    """The row is no longer in the state that the change expects: read it again and decide anew."""


class FenceLost(StoreError):  # noqa: N818 - reads as the state it reports, and is named so everywhere
    """Another process owns this incident by now: stop working on it and write nothing more."""

    def __init__(self, incident: IncidentId, *, fence: int) -> None:
        """`fence` is the number that no longer holds."""
        super().__init__(
            f"{incident} is owned by another process: fence {fence} no longer holds; stop and write nothing"
        )
        self.incident, self.fence = incident, fence


class UnknownError(StoreError):
    """There is no such row."""
