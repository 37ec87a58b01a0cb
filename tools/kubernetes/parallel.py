"""Several questions at once: a task group whose failure is the first ToolError rather than a group of errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from tools.errors import ForbiddenError, NotFoundError, ToolError

T = TypeVar("T")


@asynccontextmanager
async def parallel() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group; when a task fails with a ToolError, that error is raised and the others are cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        error = _first(failed)
        if error is None:
            raise
        raise error from failed


async def permitted(call: Awaitable[T]) -> T | str:
    """The answer of a question that may be refused: else, in words, why it was. For what a probe can do without."""
    try:
        return await call
    except (ForbiddenError, NotFoundError) as error:
        return str(error)


def _first(failed: BaseExceptionGroup[BaseException]) -> ToolError | None:
    for error in failed.exceptions:
        if isinstance(error, ToolError):
            return error
        if isinstance(error, BaseExceptionGroup) and (inner := _first(error)) is not None:
            return inner
    return None
