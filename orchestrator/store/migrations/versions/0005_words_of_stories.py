"""An index of the words that were told of incidents, for searching them."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_timeline_event_words ON timeline_event USING gin (to_tsvector('simple', text))")


def downgrade() -> None:
    op.drop_index("ix_timeline_event_words", table_name="timeline_event")
