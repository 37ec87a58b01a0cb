"""All tables of Midwatch in one place, for migrations: importing this module declares every one of them."""

from sqlalchemy import MetaData

from orchestrator.store import (
    alerts,
    casefiles,
    control,
    decisions,
    diagnoses,
    executions,
    heads,
    incidents,
    instructions,
    ledger,
    locks,
    narrowings,
    once,
    outbox,
    postmortems,
    proposals,
    recordings,
    rehearsals,
    rejections,
    spending,
    standing,
    timeline,
    verifications,
)
from orchestrator.store.columns import Row

AGGREGATES = (
    *(alerts, casefiles, control, decisions, diagnoses, executions, heads, incidents, instructions, ledger, locks),
    *(narrowings, once, outbox, postmortems, proposals, recordings, rehearsals, rejections, spending, standing),
    *(timeline, verifications),
)
"""One module per aggregate."""


def metadata() -> MetaData:
    """Every table."""
    return Row.metadata
