"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


NOTIFY_TIMELINE = (
    """
    CREATE FUNCTION midwatch_timeline_told() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('midwatch_timeline', NEW.incident_id || ' ' || NEW.seq);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER midwatch_timeline_told AFTER INSERT ON timeline_event
    FOR EACH ROW EXECUTE FUNCTION midwatch_timeline_told()
    """,
)
"""Whoever listens to `midwatch_timeline` hears of every line when its transaction commits."""

SEAL_LEDGER = (
    """
    CREATE FUNCTION midwatch_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END
    $$
    """,
    """
    CREATE TRIGGER midwatch_ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION midwatch_ledger_is_append_only()
    """,
    "ALTER TABLE ledger ENABLE ALWAYS TRIGGER midwatch_ledger_is_append_only",
)
"""Also for the owner of the table; what a superuser does around it, the chain of hashes shows."""


def upgrade() -> None:
    op.create_table(
        "control",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_control")),
    )
    op.create_table(
        "decision_refusal",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person", postgresql.JSONB(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_refusal")),
    )
    op.create_index(op.f("ix_decision_refusal_digest"), "decision_refusal", ["digest"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("group_labels", postgresql.JSONB(), nullable=False),
        sa.Column("external_url", sa.Text(), nullable=False),
        sa.Column("truncated", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.BigInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("digest", name=op.f("uq_delivery_digest")),
    )
    op.create_index(op.f("ix_delivery_at"), "delivery", ["at"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "cluster", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("entities", postgresql.JSONB(), nullable=False),
        sa.Column("groups", postgresql.JSONB(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_alert_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("graph_version", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("event_seq", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_open", "incident", ["last_alert_at"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(op.f("ix_incident_opened_at"), "incident", ["opened_at"], unique=False)
    op.create_index(op.f("ix_incident_phase"), "incident", ["phase"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
    )
    op.create_index(op.f("ix_ledger_incident_id"), "ledger", ["incident_id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("annotations", postgresql.JSONB(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generator_url", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.JSONB(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=True),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("join_reason", sa.Text(), nullable=True),
        sa.Column("join_text", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_alert_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("fingerprint", "starts_at", name=op.f("uq_alert_fingerprint_starts_at")),
    )
    op.create_index(op.f("ix_alert_entity"), "alert", ["entity"], unique=False)
    op.create_index(
        "ix_alert_firing", "alert", ["incident_id"], unique=False, postgresql_where=sa.text("status = 'firing'")
    )
    op.create_index(op.f("ix_alert_incident_id"), "alert", ["incident_id"], unique=False)
    op.create_table(
        "diagnosis",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_diagnosis_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "round", name=op.f("pk_diagnosis")),
    )
    op.create_table(
        "evidence",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_evidence_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_evidence")),
    )
    op.create_table(
        "fact",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_fact_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_fact")),
    )
    op.create_index(op.f("ix_fact_entity"), "fact", ["entity"], unique=False)
    op.create_index(op.f("ix_fact_kind"), "fact", ["kind"], unique=False)
    op.create_table(
        "finding",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_finding_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_finding")),
    )
    op.create_table(
        "gap",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_gap_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_gap")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_outbox_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_incident_id"), "outbox", ["incident_id"], unique=False)
    op.create_index("ix_outbox_unsent", "outbox", ["id"], unique=False, postgresql_where=sa.text("sent_at IS NULL"))
    op.create_table(
        "postmortem",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_postmortem_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "version", name=op.f("pk_postmortem")),
    )
    op.create_table(
        "proposal",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_proposal_incident_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_expires_at"), "proposal", ["expires_at"], unique=False)
    op.create_index(op.f("ix_proposal_incident_id"), "proposal", ["incident_id"], unique=False)
    op.create_index(op.f("ix_proposal_status"), "proposal", ["status"], unique=False)
    op.create_table(
        "question",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_question_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_question")),
    )
    op.create_table(
        "rehearsal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_rehearsal_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsal")),
    )
    op.create_index(op.f("ix_rehearsal_incident_id"), "rehearsal", ["incident_id"], unique=False)
    op.create_index(op.f("ix_rehearsal_status"), "rehearsal", ["status"], unique=False)
    op.create_table(
        "rejected_alert",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_rejected_alert_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_alert")),
        sa.UniqueConstraint("delivery_id", "position", name=op.f("uq_rejected_alert_delivery_id_position")),
    )
    op.create_table(
        "spending",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("usd", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0.0", nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_spending_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "model", name=op.f("pk_spending")),
    )
    op.create_table(
        "survey",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topology", postgresql.JSONB(), nullable=False),
        sa.Column("inventory", postgresql.JSONB(), nullable=False),
        sa.Column("covered", postgresql.JSONB(), nullable=False),
        sa.Column("probes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_survey_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "agent", "round", "key", name=op.f("pk_survey")),
    )
    op.create_table(
        "timeline_event",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("refs", postgresql.JSONB(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_timeline_event_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_timeline_event")),
    )
    op.create_index(
        "uq_timeline_event_incident_id_key",
        "timeline_event",
        ["incident_id", "key"],
        unique=True,
        postgresql_where=sa.text("key <> ''"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_decision_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("digest", "person_id", name=op.f("uq_decision_digest_person_id")),
    )
    op.create_index(op.f("ix_decision_person_id"), "decision", ["person_id"], unique=False)
    op.create_table(
        "execution",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("undo", sa.Boolean(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_execution_digest")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_execution_incident_id")),
        sa.PrimaryKeyConstraint("digest", "position", "undo", name=op.f("pk_execution")),
        sa.UniqueConstraint("key", name=op.f("uq_execution_key")),
    )
    op.create_index(op.f("ix_execution_incident_id"), "execution", ["incident_id"], unique=False)
    op.create_index(op.f("ix_execution_status"), "execution", ["status"], unique=False)
    op.create_table(
        "measurement",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_measurement_digest")),
        sa.PrimaryKeyConstraint("digest", "position", "at", name=op.f("pk_measurement")),
    )
    op.create_table(
        "verification",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["proposal.digest"], name=op.f("fk_verification_digest")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_verification_incident_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_verification")),
    )
    op.create_index(op.f("ix_verification_incident_id"), "verification", ["incident_id"], unique=False)

    op.create_table(
        "queue_migration",
        sa.Column("name", sa.Text(), primary_key=True),
    )
    for statement in (*NOTIFY_TIMELINE, *SEAL_LEDGER):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the first migration is taken back by dropping the database")
