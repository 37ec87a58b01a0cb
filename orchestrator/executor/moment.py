"""What time it is where time decides whether something may run: never earlier than the database says.

A machine whose clock is late would run what has expired. All processes share the database's clock, and virtual time is
a formula over it; a clock that is moved by hand has nothing to compare with.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from orchestrator.store.transaction import Tx
from tools.clock import Clock, ScaledClock, SystemClock


async def latest(tx: Tx, clock: Clock) -> datetime:
    """The later of the process's own clock and the database's."""
    wall: datetime = (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one().astimezone(UTC)
    match clock:
        case SystemClock():
            return max(clock.now(), wall)
        case ScaledClock():
            return max(clock.now(), clock.epoch + timedelta(seconds=clock.rate * (wall.timestamp() - clock.wall)))
        case _:
            return clock.now()
