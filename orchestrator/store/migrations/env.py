"""What Alembic runs.

Our tables only, over the connection that `orchestrator.store.migrate` (or the command line) gives it.
"""

from typing import Any, Literal

from alembic import context

from orchestrator.store.columns import Document, Moment, Word
from orchestrator.store.tables import metadata

OTHERS = ("checkpoint", "procrastinate", "store", "queue_migration")
"""Prefixes of tables that belong to the checkpointer and the job queue, which bring their own migrations."""


def ours(name: str | None, kind: str, _parent: Any) -> bool:
    """Whether a name in the database is Alembic's business."""
    return not (kind == "table" and name is not None and name.startswith(OTHERS))


def plainly(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types into migrations as the plain types below them.

    A migration must not change with the code.
    """
    match item:
        case Moment():
            return "sa.DateTime(timezone=True)"
        case Word():
            return "sa.Text()"
        case Document():
            return "sa.JSON()" if item.sealed else "postgresql.JSONB()"
        case _:
            return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    include_name=ours,
    render_item=plainly,
    version_table="midwatch_version",
)
with context.begin_transaction():
    context.run_migrations()
