"""Rounds with their approvals and decisions, the record, and what waits to be sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("decisions", "record")

# The relay listens on this channel; PostgreSQL tells it at the commit, and only then.
TELL = """
CREATE FUNCTION tell_outgoing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('countersign_outgoing', '');
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "rounds",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="of the state; an older one never replaces a newer one"
        ),
        sa.Column("quote_version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("submitter", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("next_moment", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", JSONB(), nullable=False),
        sa.CheckConstraint("outcome IN ('approved', 'rejected', 'recalled')", name=op.f("ck_rounds_outcome")),
        sa.CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name=op.f("ck_rounds_closed")),
        sa.CheckConstraint("round > 0", name=op.f("ck_rounds_round")),
        sa.ForeignKeyConstraint(
            ["policy", "policy_version"],
            ["policies.name", "policies.version"],
            name=op.f("fk_rounds_policy_policy_version"),
        ),
        sa.ForeignKeyConstraint(
            ["quote_id", "quote_version"],
            ["quote_versions.quote_id", "quote_versions.version"],
            name=op.f("fk_rounds_quote_id_quote_version"),
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.quote_id"], name=op.f("fk_rounds_quote_id")),
        sa.PrimaryKeyConstraint("quote_id", "round", name=op.f("pk_rounds")),
    )
    op.create_index(
        "ix_rounds_next_moment",
        "rounds",
        ["next_moment", "quote_id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index("ix_rounds_policy", "rounds", ["policy", "policy_version", "quote_id"], unique=False)
    op.create_index("uq_rounds_open", "rounds", ["quote_id"], unique=True, postgresql_where=sa.text("outcome IS NULL"))
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waiting_for", JSONB(), nullable=False, comment="who is asked and has not answered, in order"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('assigned', 'requested', 'approved', 'rejected', 'revoked', 'skipped')",
            name=op.f("ck_approvals_state"),
        ),
        sa.ForeignKeyConstraint(
            ["quote_id", "round"], ["rounds.quote_id", "rounds.round"], name=op.f("fk_approvals_quote_id_round")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
    )
    op.create_index(
        "ix_approvals_due_at",
        "approvals",
        ["due_at", "approval_id"],
        unique=False,
        postgresql_where=sa.text("state = 'requested'"),
    )
    op.create_index(
        "ix_approvals_open_approver",
        "approvals",
        ["approver"],
        unique=False,
        postgresql_where=sa.text("state IN ('assigned', 'requested')"),
    )
    op.create_index(
        op.f("ix_approvals_quote_id_round_position"), "approvals", ["quote_id", "round", "position"], unique=False
    )
    op.create_table(
        "approval_people",
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "asked", sa.Boolean(), nullable=False, comment="listed: asked and silent, or asked until it was settled"
        ),
        sa.Column("acting", sa.Boolean(), nullable=False, comment="may decide"),
        sa.Column("state", sa.Text(), nullable=False, comment="of the approval"),
        sa.Column(
            "sort_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it is due; far in the future when it never is",
        ),
        sa.CheckConstraint(
            "state IN ('assigned', 'requested', 'approved', 'rejected', 'revoked', 'skipped')",
            name=op.f("ck_approval_people_state"),
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.approval_id"], name=op.f("fk_approval_people_approval_id")
        ),
        sa.PrimaryKeyConstraint("approval_id", "person", name=op.f("pk_approval_people")),
    )
    op.create_index(
        "ix_approval_people_inbox",
        "approval_people",
        ["person", "state", "sort_at", "approval_id"],
        unique=False,
        postgresql_where=sa.text("asked"),
    )
    op.create_index(
        "ix_approval_people_open",
        "approval_people",
        ["person", "quote_id", "round"],
        unique=False,
        postgresql_where=sa.text("state IN ('assigned', 'requested')"),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "turn", sa.Integer(), server_default="1", nullable=False, comment="2 once the first one was taken back"
        ),
        sa.Column("seat_of", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("verdict IN ('approve', 'reject')", name=op.f("ck_decisions_verdict")),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name=op.f("fk_decisions_approval_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_by_at"), "decisions", ["by", "at"], unique=False)
    op.create_index(
        "uq_decisions_person",
        "decisions",
        ["approval_id", "by", "turn"],
        unique=True,
        postgresql_where=sa.text("channel <> 'timeout'"),
    )
    # ### end Alembic commands ###
    op.create_table(
        "record",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=True, comment="of what happened, so that telling it twice adds it once"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("approval_id", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("on_behalf_of", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_record_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_record")),
        sa.UniqueConstraint("key", name=op.f("uq_record_key")),
    )
    op.create_index(
        op.f("ix_record_approval_id_seq"),
        "record",
        ["approval_id", "seq"],
        unique=False,
        postgresql_where=sa.text("approval_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_record_hash"), "record", ["hash"], unique=False)
    op.create_index(
        op.f("ix_record_order_id_seq"),
        "record",
        ["order_id", "seq"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_record_quote_id_seq"),
        "record",
        ["quote_id", "seq"],
        unique=False,
        postgresql_where=sa.text("quote_id IS NOT NULL"),
    )
    op.create_table(
        "record_heads",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="how many entries there are"),
        sa.Column("hash", sa.Text(), nullable=False, comment="of the last entry"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_record_heads")),
    )
    op.create_table(
        "outgoing",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="order of writing"),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outgoing")),
    )
    op.create_index(op.f("ix_outgoing_recipient_created_at"), "outgoing", ["recipient", "created_at"], unique=False)
    op.create_index(
        "ix_outgoing_waiting",
        "outgoing",
        ["not_before", "position"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True, comment="of the answer; none while it is being worked on"),
        sa.Column("response", JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.execute("INSERT INTO record_heads (chain, seq, hash) VALUES ('main', 0, repeat('0', 64))")
    op.execute(TELL)
    op.execute("CREATE TRIGGER tell AFTER INSERT ON outgoing FOR EACH STATEMENT EXECUTE FUNCTION tell_outgoing()")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in (
        "idempotency_keys",
        "outgoing",
        "record_heads",
        "record",
        "decisions",
        "approval_people",
        "approvals",
        "rounds",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION tell_outgoing()")
