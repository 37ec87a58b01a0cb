"""What time it is by the database, which all processes share: for what must not hang on one machine's clock."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from orchestrator.store.transaction import Tx
from tools.clock import Clock, ScaledClock, SystemClock


async def database_time(tx: Tx, clock: Clock) -> datetime | None:
    """What `clock` would show on the database's machine: virtual time is a formula over its wall clock.

    None for a clock that is moved by hand, which has nothing to compare with.
    """
    match clock:
        case SystemClock():
            return await _wall(tx)
        case ScaledClock():
            passed = (await _wall(tx)).timestamp() - clock.wall
            return clock.epoch + timedelta(seconds=clock.rate * passed)
        case _:
            return None


async def _wall(tx: Tx) -> datetime:
    wall: datetime = (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return wall.astimezone(UTC)
