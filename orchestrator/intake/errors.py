"""Why a delivery is not taken in.

The web layer answers 413, 422 and 503; Alertmanager sends again what was answered 5xx.
"""

from incidents.value import Value


class FieldError(Value):
    """One field of the body that cannot be used."""

    field: str
    """As a path: `alerts.0.startsAt`; `body` for the whole."""
    problem: str


class IntakeError(Exception):
    """A delivery was not taken in; nothing of it was stored."""


class Malformed(IntakeError):  # noqa: N818 - reads as what the body is
    """The body is no notification of Alertmanager (422): `errors` names each field and what is wrong with it."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        """At least one error."""
        super().__init__("; ".join(f"{error.field}: {error.problem}" for error in errors))
        self.errors = errors


class TooLarge(IntakeError):  # noqa: N818 - reads as what the body is
    """The body is larger, or holds more alerts, than settings allow (413)."""


class Overloaded(IntakeError):  # noqa: N818 - reads as what the process is
    """More is waiting than can be taken in now (503): send it again later."""

    def __init__(self, *, retry_after: float) -> None:
        """Seconds until it is worth trying again."""
        super().__init__(f"too many deliveries are waiting; send it again in {retry_after:.0f} s")
        self.retry_after = retry_after
