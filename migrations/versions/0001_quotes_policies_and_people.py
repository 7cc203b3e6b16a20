"""What approvals are about: quotes and their versions, policies, the directory."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0001"
down_revision = None

APPEND_ONLY = ("quote_versions", "policies")

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "quotes",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the content: 1, 2, 3 …"),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, comment="the latest round; 0 before the first"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net_total", sa.Numeric(), nullable=False),
        sa.Column("etag", sa.Integer(), nullable=False, comment="grows with every change of this row"),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("accepted_at IS NULL OR state = 'approved'", name=op.f("ck_quotes_accepted_is_approved")),
        sa.CheckConstraint(
            "state IN ('draft', 'pending', 'approved', 'rejected', 'recalled')", name=op.f("ck_quotes_state")
        ),
        sa.PrimaryKeyConstraint("quote_id", name=op.f("pk_quotes")),
    )
    op.create_index(op.f("ix_quotes_customer_id_quote_id"), "quotes", ["customer_id", "quote_id"], unique=False)
    op.create_index(op.f("ix_quotes_owner_quote_id"), "quotes", ["owner", "quote_id"], unique=False)
    op.create_index(op.f("ix_quotes_state_quote_id"), "quotes", ["state", "quote_id"], unique=False)
    op.create_table(
        "quote_versions",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("content", JSON(), nullable=False, comment="as handed in; numbers are texts in it"),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_quote_versions_version")),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.quote_id"], name=op.f("fk_quote_versions_quote_id")),
        sa.PrimaryKeyConstraint("quote_id", "version", name=op.f("pk_quote_versions")),
    )
    op.create_index(
        op.f("ix_quote_versions_quote_id_content_hash_version"),
        "quote_versions",
        ["quote_id", "content_hash", "version"],
        unique=False,
    )
    op.create_table(
        "policies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="the file as it was published"),
        sa.Column("document", JSON(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_policies_version")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_policies")),
    )
    op.create_table(
        "directory_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_directory_counter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_counter")),
    )
    op.create_table(
        "directory_entries",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("body", JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the directory, when this entry last changed"),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('calendar', 'user', 'group', 'approver', 'setting')", name=op.f("ck_directory_entries_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_directory_entries")),
    )
    op.create_table(
        "delegations",
        sa.Column("delegation_id", sa.Text(), nullable=False),
        sa.Column("of", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column(
            "starts_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="where the caller knows the moment; the document has it as entered",
        ),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", JSON(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="taken back before its end"),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("delegation_id", name=op.f("pk_delegations")),
    )
    op.create_index(
        op.f("ix_delegations_of"), "delegations", ["of"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        op.f("ix_delegations_to"), "delegations", ["to"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.execute("INSERT INTO directory_counter (id, version) VALUES (1, 0)")
    op.execute(REFUSE)
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
    for table in ("delegations", "directory_entries", "directory_counter", "policies", "quote_versions", "quotes"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")
