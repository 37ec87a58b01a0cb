"""Signed heads of the ledger, and what people rejected."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEAL_HEADS = (
    """
    CREATE TRIGGER midwatch_heads_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION midwatch_ledger_is_append_only()
    """,
    "ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER midwatch_heads_are_append_only",
)


def upgrade() -> None:
    op.create_table(
        "ledger_head",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "key", name=op.f("pk_ledger_head")),
    )
    for statement in SEAL_HEADS:
        op.execute(statement)
    op.create_table(
        "rejection",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_rejection_digest")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_rejection_incident_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_rejection")),
    )
    op.create_index(op.f("ix_rejection_incident_id"), "rejection", ["incident_id"], unique=False)
    op.create_index(op.f("ix_rejection_entity"), "rejection", ["entity"], unique=False)


def downgrade() -> None:
    op.drop_table("rejection")
    op.drop_table("ledger_head")
