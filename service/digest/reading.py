"""Reads what a digest is told from: the incidents of a period, and of the same time before it."""

from datetime import datetime, timedelta

from incidents.course import statistics
from orchestrator.store.courses import courses
from orchestrator.store.transaction import Tx
from service.digest.telling import Digest, digest


async def digest_of(tx: Tx, *, until: datetime, days: int) -> Digest:
    """The digest of the `days` before `until`."""
    length = timedelta(days=days)
    since = until - length
    found = await courses(tx, since=since - length, until=until)
    return digest(statistics(found, since=since, until=until), statistics(found, since=since - length, until=since))
