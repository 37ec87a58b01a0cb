"""Which errors mean that the database cannot be reached or cannot keep up now: they are answered with "try again"."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

OUTAGES: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    ConnectionError,
)
"""A lost or refused connection, a statement that ran into its timeout, a pool without a free connection."""


def is_outage(error: BaseException) -> bool:
    """Whether waiting and trying again may help; a connection that broke in the middle of anything counts."""
    return isinstance(error, OUTAGES) or (isinstance(error, DBAPIError) and error.connection_invalidated)
