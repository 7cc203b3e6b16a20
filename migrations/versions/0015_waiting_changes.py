"""Changes of orders that wait for their approval, and the documents by which they are approved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "quotes",
        sa.Column(
            "kind", sa.Text(), nullable=False, server_default="quote", comment="change: what a change of an order asks"
        ),
    )
    op.create_check_constraint(op.f("ck_quotes_kind"), "quotes", "kind IN ('quote', 'change')")
    op.create_table(
        "waiting_changes",
        sa.Column("change_id", sa.Text(), nullable=False, comment="the document to approve"),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False, comment="whose order it is"),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="of the change"),
        sa.Column("policy", sa.Text(), nullable=False, comment="by which it is approved"),
        sa.Column("wanted", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True, comment="why it was dropped"),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint("state IN ('waiting', 'done', 'dropped')", name=op.f("ck_waiting_changes_state")),
        sa.ForeignKeyConstraint(["change_id"], ["quotes.quote_id"], name=op.f("fk_waiting_changes_change_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_waiting_changes_order_id")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_waiting_changes")),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_waiting_changes_order_id_key")),
    )
    op.create_index(op.f("ix_waiting_changes_quote_id"), "waiting_changes", ["quote_id"], unique=False)
    op.create_index(
        "ix_waiting_changes_waiting",
        "waiting_changes",
        ["asked_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_table("waiting_changes")
    op.drop_constraint("ck_quotes_kind", "quotes")
    op.drop_column("quotes", "kind")
