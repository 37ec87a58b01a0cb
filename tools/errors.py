"""What can go wrong outside, in the two kinds that decide about a retry. Clients translate into these."""


class ToolError(Exception):
    """A system outside did not do what it was asked. The message is for people: which system, what, what to do."""


class TransientError(ToolError):
    """It may work when asked again: time-outs, refused connections, 429, 5xx."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """`retry_after` in seconds, when the system said so."""
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(ToolError):
    """Asking again in the same way gives the same answer."""


class ForbiddenError(PermanentError):
    """The credentials may not do this (401, 403)."""


class NotFoundError(PermanentError):
    """The thing does not exist (404)."""


class ConflictError(PermanentError):
    """The thing is not in the state that was expected of it (409, a failed precondition)."""


class NotConfiguredError(PermanentError):
    """This estate has no such system configured."""


class NotRecordedError(PermanentError):
    """A replay was asked something that was not recorded. It is never invented."""
