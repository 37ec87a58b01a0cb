"""Runs one check with a time-out, so that one system that hangs or refuses becomes a row and holds up nobody."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from incidents.value import Value
from service.doctor.finding import Finding, State
from tools.errors import ForbiddenError, PermanentError, ToolError

CHECK_SECONDS = 20.0
"""How long one system may take for all of its questions; the table is there when the slowest is done."""

SeenT = TypeVar("SeenT", bound=Value)


class Trouble(Value):
    """A system that is configured and did not answer as it should."""

    message: str
    forbidden: bool = False
    lasting: bool = False
    """Asked again in the same way it would say the same."""


async def attempt(question: Awaitable[SeenT]) -> SeenT | Trouble:
    """The answer, or why there is none."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await question
    except TimeoutError:
        return Trouble(message=f"did not answer all questions within {CHECK_SECONDS:.0f} s")
    except ToolError as error:
        forbidden, lasting = isinstance(error, ForbiddenError), isinstance(error, PermanentError)
        return Trouble(message=str(error), forbidden=forbidden, lasting=lasting)


def troubled(trouble: Trouble, *, cluster: str, what: str, means: str, setting: str) -> Finding:
    """The row of a system that does not work. `setting` is where its address and credentials stand."""
    where = f"clusters[{cluster}].{setting}"
    if trouble.forbidden:
        advice = f"correct its credentials in {where}, or grant them what the message names"
    elif trouble.lasting:
        advice = f"correct {where} as the message says: it may name another system, or a path that is not its base"
    else:
        advice = f"see that it runs and that {where} names its address as this machine reaches it"
    return Finding(
        cluster=cluster,
        what=what,
        state=State.FAILED,
        found=trouble.message,
        means=f"not seen: {means}",
        do=advice,
        blind=(means,),
    )


def unconfigured(*, cluster: str, what: str, means: str, setting: str) -> Finding:
    """The row of a system that nobody configured."""
    return Finding(
        cluster=cluster,
        what=what,
        state=State.MISSING,
        found="not configured",
        means=f"not seen: {means}",
        do=f"set clusters[{cluster}].{setting} (docs/connecting.md)",
        blind=(means,),
    )
