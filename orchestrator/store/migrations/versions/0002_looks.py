"""What specialists asked and what came back, for replays."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "look",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_look_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "key", name=op.f("pk_look")),
    )


def downgrade() -> None:
    op.drop_table("look")
