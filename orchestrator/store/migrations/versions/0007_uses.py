"""Uses of pre-approvals, and what may be used once on all replicas together."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preapproval_use",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_preapproval_use_digest")),
        sa.PrimaryKeyConstraint("name", "digest", name=op.f("pk_preapproval_use")),
    )
    op.create_table(
        "used_once",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_used_once")),
    )
    op.create_index(op.f("ix_used_once_until"), "used_once", ["until"], unique=False)


def downgrade() -> None:
    op.drop_table("used_once")
    op.drop_table("preapproval_use")
