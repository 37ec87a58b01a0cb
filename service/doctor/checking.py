"""Runs one check with a time-out, so that one system that hangs or refuses becomes a row and holds up nobody."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from incidents.value import Value
from service.doctor.finding import Finding, State
from tools.errors import ForbiddenError, ToolError

CHECK_SECONDS = 20.0
"""How long one system may take for all of its questions; the table is there when the slowest is done."""

SeenT = TypeVar("SeenT", bound=Value)


class Trouble(Value):
    """A system that is configured and did not answer as it should."""

    message: str
    forbidden: bool = False


async def attempt(question: Awaitable[SeenT]) -> SeenT | Trouble:
    """The answer, or why there is none."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await question
    except TimeoutError:
        return Trouble(message=f"did not answer all questions within {CHECK_SECONDS:.0f} s")
    except ToolError as error:
        return Trouble(message=str(error), forbidden=isinstance(error, ForbiddenError))


def troubled(trouble: Trouble, *, cluster: str, what: str, means: str, setting: str) -> Finding:
    """The row of a system that does not work. `setting` is where its address and credentials stand."""
    advice = (
        f"correct its credentials in clusters[{cluster}].{setting}, or grant them what the message names"
        if trouble.forbidden
        else f"see that it runs and that clusters[{cluster}].{setting} names its address as this machine reaches it"
    )
    return Finding(
        cluster=cluster, what=what, state=State.FAILED, found=trouble.message, means=means, do=advice, blind=(means,)
    )


def unconfigured(*, cluster: str, what: str, means: str, setting: str) -> Finding:
    """The row of a system that nobody configured."""
    return Finding(
        cluster=cluster,
        what=what,
        state=State.MISSING,
        found="not configured",
        means=means,
        do=f"set clusters[{cluster}].{setting} (docs/connecting.md)",
        blind=(means,),
    )
