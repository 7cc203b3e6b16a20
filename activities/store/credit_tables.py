"""The table of credit holds: facts that are only ever added, of which a customer's last one counts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Table, Text

from activities.store.metadata import Moment, metadata

credit_holds = Table(
    "credit_holds",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("held", Boolean, nullable=False, comment="false: it was lifted"),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "customer_id", "seq"),
)
