"""The tables of the approval side: quotes, policies, people, rounds, the record, and what waits to be sent.

Documents (JSONB) hold a model whole; the columns beside them are what is searched, sorted or guarded by a constraint.
Orders and the ledger are in ``order_tables``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from activities.store.metadata import Amount, Document, Handed, Moment, metadata, one_of
from domain.approval.state import ApprovalState, Outcome, Verdict

QUOTE_STATES = ("draft", "pending", "approved", "rejected", "recalled")
QUOTE_KINDS = ("quote", "change")
ENTRY_KINDS = ("calendar", "user", "group", "approver", "setting")

quotes = Table(
    "quotes",
    metadata,
    Column("quote_id", Text, primary_key=True),
    Column("version", Integer, nullable=False, comment="of the content: 1, 2, 3 …"),
    Column("content_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("round", Integer, nullable=False, comment="the latest round; 0 before the first"),
    Column("title", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("net_total", Amount, nullable=False),
    Column("etag", Integer, nullable=False, comment="grows with every change of this row"),
    Column("accepted_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("kind", Text, nullable=False, server_default="quote", comment="change: what a change of an order asks"),
    one_of("state", QUOTE_STATES),
    one_of("kind", QUOTE_KINDS),
    CheckConstraint("accepted_at IS NULL OR state = 'approved'", name="accepted_is_approved"),
    Index(None, "customer_id", "quote_id"),
    Index(None, "owner", "quote_id"),
    Index(None, "state", "quote_id"),
)

quote_versions = Table(
    "quote_versions",
    metadata,
    Column("quote_id", Text, ForeignKey("quotes.quote_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content_hash", Text, nullable=False),
    Column("content", Handed, nullable=False, comment="as handed in; numbers are texts in it"),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("version > 0", name="version"),
    Index(None, "quote_id", "content_hash", "version"),
)

policies = Table(
    "policies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False, comment="the file as it was published"),
    Column("document", Handed, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("version > 0", name="version"),
)

directory_counter = Table(
    "directory_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

directory_entries = Table(
    "directory_entries",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", Handed, nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the directory, when this entry last changed"),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Moment, nullable=False, server_default=text("now()")),
    one_of("kind", ENTRY_KINDS),
)

delegations = Table(
    "delegations",
    metadata,
    Column("delegation_id", Text, primary_key=True),
    Column("of", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("starts_at", Moment, comment="where the caller knows the moment; the document has it as entered"),
    Column("ends_at", Moment),
    Column("body", Handed, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", Moment, nullable=False, server_default=text("now()")),
    Column("ended_at", Moment, comment="taken back before its end"),
    Column("ended_by", Text),
    Column("place", BigInteger, comment="in the order of entering, which decides between several that fit"),
    Index(None, "of", postgresql_where=text("ended_at IS NULL")),
    Index(None, "to", postgresql_where=text("ended_at IS NULL")),
)

rounds = Table(
    "rounds",
    metadata,
    Column("quote_id", Text, ForeignKey("quotes.quote_id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("revision", Integer, nullable=False, comment="of the state; an older one never replaces a newer one"),
    Column("quote_version", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("submitter", Text, nullable=False),
    Column("outcome", Text),
    Column("next_moment", Moment),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("state", Document, nullable=False),
    ForeignKeyConstraint(["quote_id", "quote_version"], ["quote_versions.quote_id", "quote_versions.version"]),
    ForeignKeyConstraint(["policy", "policy_version"], ["policies.name", "policies.version"]),
    one_of("outcome", Outcome),
    CheckConstraint("round > 0", name="round"),
    CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed"),
    Index("uq_rounds_open", "quote_id", unique=True, postgresql_where=text("outcome IS NULL")),
    Index("ix_rounds_next_moment", "next_moment", "quote_id", postgresql_where=text("outcome IS NULL")),
    Index("ix_rounds_policy", "policy", "policy_version", "quote_id"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", Text, primary_key=True),
    Column("quote_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("chain", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("approver", Text, nullable=False),
    Column("reason", Text),
    Column("state", Text, nullable=False),
    Column("waiting_for", Document, nullable=False, comment="who is asked and has not answered, in order"),
    Column("requested_at", Moment),
    Column("due_at", Moment),
    Column("settled_at", Moment),
    ForeignKeyConstraint(["quote_id", "round"], ["rounds.quote_id", "rounds.round"]),
    one_of("state", ApprovalState),
    Index(None, "quote_id", "round", "position"),
    Index(None, "state", "approval_id"),
    Index("ix_approvals_open_approver", "approver", postgresql_where=text("state IN ('assigned', 'requested')")),
    Index("ix_approvals_due_at", "due_at", "approval_id", postgresql_where=text("state = 'requested'")),
)

approval_people = Table(
    "approval_people",
    metadata,
    Column("approval_id", Text, ForeignKey("approvals.approval_id"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("quote_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("asked", Boolean, nullable=False, comment="listed: asked and silent, or asked until it was settled"),
    Column("acting", Boolean, nullable=False, comment="may decide"),
    Column("state", Text, nullable=False, comment="of the approval"),
    Column("sort_at", Moment, nullable=False, comment="when it is due; far in the future when it never is"),
    one_of("state", ApprovalState),
    Index("ix_approval_people_inbox", "person", "state", "sort_at", "approval_id", postgresql_where=text("asked")),
    Index(
        "ix_approval_people_open",
        "person",
        "quote_id",
        "round",
        postgresql_where=text("state IN ('assigned', 'requested')"),
    ),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("approval_id", Text, ForeignKey("approvals.approval_id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("turn", Integer, nullable=False, server_default="1", comment="2 once the first one was taken back"),
    Column("seat_of", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("channel", Text, nullable=False),
    Column("comment", Text),
    Column("reason", Text),
    Column("content_hash", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_version", Integer, nullable=False),
    one_of("verdict", Verdict),
    # A person decides once; the clock decides for every silent seat.
    Index(
        "uq_decisions_person",
        "approval_id",
        "by",
        "turn",
        unique=True,
        postgresql_where=text("channel <> 'timeout'"),
    ),
    Index(None, "by", "at"),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.decision_id"), primary_key=True),
    Column("approval_id", Text, ForeignKey("approvals.approval_id"), nullable=False),
    Column("recorded_at", Moment, nullable=False, server_default=text("now()")),
    Index(None, "approval_id"),
)

record = Table(
    "record",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, unique=True, comment="of what happened, so that telling it twice adds it once"),
    Column("at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("quote_id", Text),
    Column("order_id", Text),
    Column("approval_id", Text),
    Column("round", Integer),
    Column("rule", Text),
    Column("by", Text),
    Column("on_behalf_of", Text),
    Column("channel", Text),
    Column("body", Document, nullable=False),
    Column("content_hash", Text),
    Column("policy", Text),
    Column("policy_version", Integer),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
    Index(None, "quote_id", "seq", postgresql_where=text("quote_id IS NOT NULL")),
    Index(None, "order_id", "seq", postgresql_where=text("order_id IS NOT NULL")),
    Index(None, "approval_id", "seq", postgresql_where=text("approval_id IS NOT NULL")),
    Index(None, "hash"),
)

record_heads = Table(
    "record_heads",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False, comment="how many entries there are"),
    Column("hash", Text, nullable=False, comment="of the last entry"),
    Column("recorded_at", Moment),
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("body", Document, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("position", BigInteger, Identity(always=True), nullable=False, comment="order of writing"),
    Column("not_before", Moment, nullable=False, server_default=text("now()")),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("sent_at", Moment),
    Column("given_up_at", Moment),
    Column("reason", Text, comment="why it was given up, as a code"),
    Index("ix_outgoing_position", "position"),
    Index(
        "ix_outgoing_unsent",
        "position",
        postgresql_where=text("sent_at IS NULL"),
    ),
    Index(
        "ix_outgoing_waiting",
        "not_before",
        "position",
        postgresql_where=text("sent_at IS NULL AND given_up_at IS NULL"),
    ),
    Index(None, "recipient", "created_at"),
)

round_refreshes = Table(
    "round_refreshes",
    metadata,
    Column("quote_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False, comment="of the directory that the round must look at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Moment, nullable=False, server_default=text("now()")),
    Index(None, "not_before"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("request_hash", Text, nullable=False),
    Column("status", Integer, comment="of the answer; none while it is being worked on"),
    Column("response", Document),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Index(None, "created_at"),
)
