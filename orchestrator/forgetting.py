"""Keeps the database from growing for ever: what ended long ago is reduced to what people decided and what was done.

Any number of processes may do it at the same time; every step is small, and what one has taken out the other does not
find.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from orchestrator.settings import Keep
from orchestrator.store.database import Store
from orchestrator.store.forgetting import (
    Forgotten,
    forget_bodies,
    forget_deliveries,
    forget_looks,
    forget_threads,
)

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
"""How often it is looked for, in wall-clock time: days are counted, so hours do not matter."""
REASONING_DAYS = 1.0
"""Checkpoints of an incident that ended are of no use; a day lets people look why it ended so."""
DELIVERY_DAYS = 30.0
"""Alertmanager repeats after hours; a month is far beyond any `repeat_interval`."""


async def forget(store: Store, *, now: datetime, keep: Keep) -> Forgotten:
    """One small step of everything."""
    async with store.transaction() as tx:
        threads = await forget_threads(tx, before=now - timedelta(days=REASONING_DAYS))
        deliveries = await forget_deliveries(tx, before=now - timedelta(days=DELIVERY_DAYS))
    if not keep.evidence_days:
        return Forgotten(threads=threads, deliveries=deliveries)
    before = now - timedelta(days=keep.evidence_days)
    why = f"not kept longer than {keep.evidence_days:g} days (MIDWATCH_KEEP__EVIDENCE_DAYS)"
    async with store.transaction() as tx:
        bodies = await forget_bodies(tx, before=before, why=why)
        looks = await forget_looks(tx, before=before)
    return Forgotten(threads=threads, deliveries=deliveries, bodies=bodies, looks=looks)


async def forget_forever(store: Store, *, keep: Keep, every: float = EVERY_SECONDS) -> None:
    """Step after step while there is something, then every hour, until cancelled."""
    while True:
        try:
            while (done := await forget(store, now=store.clock.now(), keep=keep)).anything:
                logger.info("Old rows were taken out", extra={"action": "forgotten", **done.model_dump()})
        except (DBAPIError, OSError):
            logger.exception("Old rows could not be taken out", extra={"action": "forgetting_failed"})
        await asyncio.sleep(every)
