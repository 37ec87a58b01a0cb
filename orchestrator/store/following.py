"""Follows the timeline of all incidents for as long as it is asked to, across lost connections."""

import asyncio
import logging
from collections.abc import AsyncIterator

from incidents.ids import IncidentId
from orchestrator.store.database import Store
from orchestrator.store.outages import OUTAGES
from orchestrator.store.timeline import KEEP_ALIVE_SECONDS, follow

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
"""Seconds before a lost connection is opened again."""


async def follow_for_ever(
    store: Store, *, keep_alive: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[tuple[IncidentId, int] | None]:
    """(incident, seq) of every line as it is committed. None after a lost connection: what is shown may be old then."""
    pause = FIRST_PAUSE
    while True:
        try:
            async for note in follow(store, keep_alive=keep_alive):
                pause = FIRST_PAUSE
                if note is not None:
                    yield note
        except OUTAGES as error:
            logger.warning("Lost the timeline's notifications: %s", error, extra={"action": "follow_lost"})
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)
        yield None
