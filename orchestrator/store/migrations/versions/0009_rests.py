"""Whether the graph of an incident has come to its end: an incident that settled before that is gone on with."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SETTLED = ("verified", "resolved", "undone", "escalated", "rejected", "expired", "inconclusive")
"""As they were called when this was written."""


def upgrade() -> None:
    op.add_column("incident", sa.Column("rests", sa.Boolean(), server_default=sa.false(), nullable=False))
    incident = sa.table("incident", sa.column("phase"), sa.column("rests"))
    op.execute(incident.update().where(incident.c.phase.in_(SETTLED)).values(rests=True))
    op.create_index("ix_incident_restless", "incident", ["opened_at"], postgresql_where=sa.text("NOT rests"))


def downgrade() -> None:
    op.drop_index("ix_incident_restless", table_name="incident")
    op.drop_column("incident", "rests")
