"""What people narrowed of proposals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "narrowing",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("person", postgresql.JSONB(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("narrower", sa.JSON(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_narrowing_digest")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_narrowing_incident_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_narrowing")),
    )
    op.create_index(op.f("ix_narrowing_incident_id"), "narrowing", ["incident_id"], unique=False)


def downgrade() -> None:
    op.drop_table("narrowing")
