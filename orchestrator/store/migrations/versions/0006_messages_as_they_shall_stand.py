"""Messages to the outside hold what they shall say and what was delivered; what people told of an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WORDS = ("thread", "wanted", "shown", "held_by")
MOMENTS = ("held_until", "not_before")


def upgrade() -> None:
    op.drop_index("ix_outbox_unsent", table_name="outbox")
    op.add_column("outbox", sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"))
    for name in WORDS:
        op.add_column("outbox", sa.Column(name, sa.Text(), nullable=False, server_default=""))
        op.alter_column("outbox", name, server_default=None)
    for name in MOMENTS:
        op.add_column("outbox", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_outbox_unsent", "outbox", ["id"], unique=False, postgresql_where=sa.text("shown <> wanted"))
    op.create_index(op.f("ix_outbox_thread"), "outbox", ["thread"], unique=False)
    op.create_table(
        "instruction",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_instruction_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruction")),
        sa.UniqueConstraint("key", name=op.f("uq_instruction_key")),
    )
    op.create_index(op.f("ix_instruction_incident_id"), "instruction", ["incident_id"], unique=False)


def downgrade() -> None:
    op.drop_table("instruction")
    op.drop_index(op.f("ix_outbox_thread"), table_name="outbox")
    op.drop_index("ix_outbox_unsent", table_name="outbox")
    for name in ("version", *WORDS, *MOMENTS):
        op.drop_column("outbox", name)
    op.create_index("ix_outbox_unsent", "outbox", ["id"], unique=False, postgresql_where=sa.text("sent_at IS NULL"))
