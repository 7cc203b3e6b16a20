"""Order books, orders, the ledger, and what the ERP is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

APPEND_ONLY = ("ledger",)


def upgrade() -> None:
    op.create_table(
        "order_books",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="grows when a balance changes or an order is added"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quote_total", sa.Numeric(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False, comment="the book without its orders and balances"),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.quote_id"], name=op.f("fk_order_books_quote_id")),
        sa.PrimaryKeyConstraint("quote_id", name=op.f("pk_order_books")),
    )
    op.create_table(
        "order_balances",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quoted_quantity", sa.Numeric(), nullable=False),
        sa.Column("quoted_amount", sa.Numeric(), nullable=False),
        sa.Column("unordered_quantity", sa.Numeric(), nullable=False),
        sa.Column("unordered_amount", sa.Numeric(), nullable=False),
        sa.Column("cancelled_quantity", sa.Numeric(), nullable=False),
        sa.Column("cancelled_amount", sa.Numeric(), nullable=False),
        sa.Column("returned_quantity", sa.Numeric(), nullable=False),
        sa.Column("returned_amount", sa.Numeric(), nullable=False),
        sa.Column("variance", sa.Numeric(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["quote_id"], ["order_books.quote_id"], name=op.f("fk_order_balances_quote_id")),
        sa.PrimaryKeyConstraint("quote_id", "line_id", name=op.f("pk_order_balances")),
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the order date begins where the customer is",
        ),
        sa.Column("ship_to", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", JSONB(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'activated', 'in_fulfilment', 'partially_fulfilled', 'fulfilled', "
            "'closed', 'on_hold', 'blocked', 'rejected', 'superseded', 'cancelled')",
            name=op.f("ck_orders_state"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_orders_version")),
        sa.ForeignKeyConstraint(["quote_id"], ["order_books.quote_id"], name=op.f("fk_orders_quote_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("quote_id", "key", name=op.f("uq_orders_quote_id_key")),
        sa.UniqueConstraint("quote_id", "number", name=op.f("uq_orders_quote_id_number")),
    )
    op.create_index(
        op.f("ix_orders_customer_id_order_date_order_id"),
        "orders",
        ["customer_id", "order_date", "order_id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_due_at",
        "orders",
        ["due_at", "order_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('draft', 'scheduled')"),
    )
    op.create_index(op.f("ix_orders_state_order_id"), "orders", ["state", "order_id"], unique=False)
    op.create_table(
        "order_items",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("root_item", sa.Text(), nullable=False),
        sa.Column("parent_item", sa.Text(), nullable=True),
        sa.Column("revises", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("quote_amount", sa.Numeric(), nullable=False),
        sa.Column("ship_to", sa.Text(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('scheduled', 'activated', 'partially_fulfilled', 'fulfilled', "
            "'rejected', 'superseded', 'cancelled')",
            name=op.f("ck_order_items_state"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_items_order_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_order_items")),
        sa.UniqueConstraint(
            "quote_id",
            "line_id",
            "key",
            "version",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_order_items_quote_id_line_id_key_version"),
        ),
    )
    op.create_index(op.f("ix_order_items_order_id_position"), "order_items", ["order_id", "position"], unique=False)
    op.create_index(op.f("ix_order_items_product_state"), "order_items", ["product", "state"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("ship_to", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("effective", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('scheduled', 'activated', 'delivered', 'accepted', 'reached', 'rejected')",
            name=op.f("ck_ledger_kind"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_ledger_order_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("seq", name=op.f("uq_ledger_seq")),
    )
    op.create_index(
        op.f("ix_ledger_customer_id_product_effective"), "ledger", ["customer_id", "product", "effective"], unique=False
    )
    op.create_index(op.f("ix_ledger_customer_id_seq"), "ledger", ["customer_id", "seq"], unique=False)
    op.create_index(op.f("ix_ledger_effective"), "ledger", ["effective"], unique=False)
    op.create_index(op.f("ix_ledger_order_id_seq"), "ledger", ["order_id", "seq"], unique=False)
    op.create_index(op.f("ix_ledger_quote_id_seq"), "ledger", ["quote_id", "seq"], unique=False)
    op.create_index(op.f("ix_ledger_recorded_at"), "ledger", ["recorded_at"], unique=False)
    op.create_table(
        "erp_messages",
        sa.Column("key", sa.Text(), nullable=False, comment="order:version:kind"),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document", sa.Text(), nullable=True, comment="the number that the ERP gave it"),
        sa.Column("answer", JSONB(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'accepted', 'rejected', 'work_list', 'done_by_hand')",
            name=op.f("ck_erp_messages_state"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_erp_messages_order_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_erp_messages")),
        sa.UniqueConstraint("order_id", "version", "kind", name=op.f("uq_erp_messages_order_id_version_kind")),
    )
    op.create_index(
        "ix_erp_messages_state",
        "erp_messages",
        ["state", "created_at", "key"],
        unique=False,
        postgresql_where=sa.text("state <> 'accepted'"),
    )
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
    for table in ("erp_messages", "ledger", "order_items", "orders", "order_balances", "order_books"):
        op.drop_table(table)
