"""Which incident changes which entity, so that two never do at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entity_lock",
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_entity_lock_incident_id")),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_entity_lock_digest")),
        sa.PrimaryKeyConstraint("entity", name=op.f("pk_entity_lock")),
    )
    op.create_index(op.f("ix_entity_lock_incident_id"), "entity_lock", ["incident_id"], unique=False)


def downgrade() -> None:
    op.drop_table("entity_lock")
