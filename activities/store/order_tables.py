"""The tables of the order side: books, orders, items, balances, the ledger, and what the ERP is told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from activities.store.metadata import Amount, Document, Moment, metadata, one_of
from domain.ledger.entries import EntryKind
from domain.order.item import ItemState
from domain.order.order import OrderState

CHANGE_STATES = ("waiting", "done", "dropped")
ERP_STATES = ("waiting", "sent", "accepted", "rejected", "work_list", "done_by_hand")

order_books = Table(
    "order_books",
    metadata,
    Column("quote_id", Text, ForeignKey("quotes.quote_id"), primary_key=True),
    Column("version", Integer, nullable=False, comment="grows when a balance changes or an order is added"),
    Column("currency", Text, nullable=False),
    Column("quote_total", Amount, nullable=False),
    Column("facts", Document, nullable=False, comment="the book without its orders and balances"),
)

order_balances = Table(
    "order_balances",
    metadata,
    Column("quote_id", Text, ForeignKey("order_books.quote_id"), primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("quoted_quantity", Amount, nullable=False),
    Column("quoted_amount", Amount, nullable=False),
    Column("unordered_quantity", Amount, nullable=False),
    Column("unordered_amount", Amount, nullable=False),
    Column("cancelled_quantity", Amount, nullable=False),
    Column("cancelled_amount", Amount, nullable=False),
    Column("returned_quantity", Amount, nullable=False),
    Column("returned_amount", Amount, nullable=False),
    Column("variance", Amount, nullable=False),
    Column("body", Document, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("quote_id", Text, ForeignKey("order_books.quote_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("order_date", Date, nullable=False),
    Column("due_at", Moment, nullable=False, comment="when the order date begins where the customer is"),
    Column("ship_to", Text),
    Column("currency", Text, nullable=False),
    Column("total", Amount, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("activated_at", Moment),
    Column("body", Document, nullable=False),
    one_of("state", OrderState),
    CheckConstraint("version > 0", name="version"),
    UniqueConstraint("quote_id", "number"),
    UniqueConstraint("quote_id", "key"),
    Index(None, "customer_id", "order_date", "order_id"),
    Index("ix_orders_due_at", "due_at", "order_id", postgresql_where=text("state IN ('draft', 'scheduled')")),
    Index(None, "state", "order_id"),
)

order_items = Table(
    "order_items",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("quote_id", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("root_item", Text, nullable=False),
    Column("parent_item", Text),
    Column("revises", Text),
    Column("quantity", Amount, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("quote_amount", Amount, nullable=False),
    Column("ship_to", Text),
    Column("start_date", Date),
    Column("end_date", Date),
    one_of("state", ItemState),
    # Checked at commit: a change that renames items may pass through a state in which two share a name.
    UniqueConstraint("quote_id", "line_id", "key", "version", deferrable=True, initially="DEFERRED"),
    Index(None, "order_id", "position"),
    Index(None, "product", "state"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("quote_id", Text, nullable=False),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("item_id", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("ship_to", Text),
    Column("quantity", Amount, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("start_date", Date),
    Column("end_date", Date),
    Column("effective", Date, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("body", Document, nullable=False),
    one_of("kind", EntryKind),
    Index(None, "customer_id", "seq"),
    Index(None, "customer_id", "product", "effective"),
    Index(None, "quote_id", "seq"),
    Index(None, "order_id", "seq"),
    Index(None, "effective"),
    Index(None, "recorded_at"),
    Index("ix_ledger_evergreen", "customer_id", postgresql_where=text("(body ->> 'item_kind') = 'evergreen'")),
)

closed_periods = Table(
    "closed_periods",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("month", Text, nullable=False, comment="2027-01; all months before it are closed with it"),
    Column("customer_id", Text, comment="none: of every customer"),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("ledger_seq", BigInteger, comment="the last row of the ledger then; none: closed by an earlier release"),
    UniqueConstraint("customer_id", "month", postgresql_nulls_not_distinct=True),
)

order_looks = Table(
    "order_looks",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("version", Integer, nullable=False, comment="of the order that its run must look at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Moment, nullable=False, server_default=text("now()")),
    Index(None, "not_before"),
)

waiting_changes = Table(
    "waiting_changes",
    metadata,
    Column("change_id", Text, ForeignKey("quotes.quote_id"), primary_key=True, comment="the document to approve"),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("quote_id", Text, nullable=False, comment="whose order it is"),
    Column("verb", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("key", Text, nullable=False, comment="of the change"),
    Column("policy", Text, nullable=False, comment="by which it is approved"),
    Column("wanted", Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text, comment="why it was dropped"),
    Column("message", Text),
    Column("asked_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Moment, nullable=False, server_default=text("now()")),
    one_of("state", CHANGE_STATES),
    UniqueConstraint("order_id", "key"),
    Index(None, "quote_id"),
    Index("ix_waiting_changes_waiting", "asked_at", postgresql_where=text("state = 'waiting'")),
)

erp_messages = Table(
    "erp_messages",
    metadata,
    Column("key", Text, primary_key=True, comment="order:version:kind"),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("sent_at", Moment),
    Column("document", Text, comment="the number that the ERP gave it"),
    Column("answer", Document),
    Column("answered_at", Moment),
    one_of("state", ERP_STATES),
    UniqueConstraint("order_id", "version", "kind"),
    Index("ix_erp_messages_state", "state", "created_at", "key", postgresql_where=text("state <> 'accepted'")),
)
