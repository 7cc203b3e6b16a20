"""The table of signed heads: the end of the record's chain as it was, with a signature."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text

from activities.store.metadata import Moment, metadata

signed_heads = Table(
    "signed_heads",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("chain", Text, nullable=False),
    Column("seq", BigInteger, nullable=False, comment="how many entries there were"),
    Column("hash", Text, nullable=False, comment="of the last of them"),
    Column("at", Moment, nullable=False),
    Column("key", Text, nullable=False, comment="which key signed it"),
    Column("signature", Text, nullable=False),
    CheckConstraint("number > 0", name="number"),
)
