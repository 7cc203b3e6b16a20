"""The tables of operations: long work that is asked for once and done in parts, and the rounds it must look at."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from activities.store.metadata import Document, Moment, metadata, one_of

OPERATION_STATES = ("scheduled", "running", "done", "cancelled", "refused")
ROUND_STATES = ("waiting", "replaced", "unchanged", "left", "round_closed")

operations = Table(
    "operations",
    metadata,
    Column("operation_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="whom it is about: the name that is replaced"),
    Column("by", Text, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("began_at", Moment),
    Column("finished_at", Moment),
    Column("total", Integer, nullable=False, server_default="0", comment="rounds to look at"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("wanted", Document, nullable=False, comment="what was asked for"),
    Column("directory", Document, nullable=False, comment="entries that were touched or left alone"),
    Column("refusal", Document),
    one_of("state", OPERATION_STATES),
    Index(None, "asked_at", "operation_id"),
    Index(None, "subject", "asked_at"),
)

operation_rounds = Table(
    "operation_rounds",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.operation_id"), primary_key=True),
    Column("quote_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("to_refresh", Boolean, nullable=False, server_default=text("false"), comment="its run has not heard of it"),
    Column("found", Document, nullable=False, comment="what became of each of its approvals"),
    one_of("state", ROUND_STATES),
    Index(None, "operation_id", "position"),
    Index(
        "ix_operation_rounds_waiting",
        "operation_id",
        "attempts",
        "position",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("ix_operation_rounds_refresh", "operation_id", postgresql_where=text("to_refresh")),
)
