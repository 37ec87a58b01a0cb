"""What time it is where time decides whether something may run: never earlier than the database says.

A machine whose clock is late would run what has expired. All processes share the database's clock, and virtual time is
a formula over it; a clock that is moved by hand has nothing to compare with.
"""

from datetime import datetime

from orchestrator.store.moment import database_time
from orchestrator.store.transaction import Tx
from tools.clock import Clock


async def latest(tx: Tx, clock: Clock) -> datetime:
    """The later of the process's own clock and the database's."""
    known = await database_time(tx, clock)
    return max(clock.now(), known) if known else clock.now()
