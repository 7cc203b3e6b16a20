"""What all tables share: names of constraints, column types, and which tables are only ever added to.

Money and quantities are NUMERIC without a fixed scale: PostgreSQL then gives back the very digits it was given.
Moments are ``timestamptz``; they come back aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, MetaData, Numeric
from sqlalchemy.dialects.postgresql import JSON, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Moment = DateTime(timezone=True)
Amount = Numeric(asdecimal=True)
Document = JSONB(none_as_null=True)
"""A model of ours: how its keys are ordered says nothing."""
Handed = JSON(none_as_null=True)
"""A document that somebody handed in: kept to the letter, for the order of its keys may say something (lanes)."""

APPEND_ONLY = (
    "quote_versions",
    "policies",
    "decisions",
    "withdrawals",
    "record",
    "ledger",
    "signed_heads",
    "closed_periods",
    "credit_holds",
)
"""Tables whose rows never change nor go; triggers see to it, whoever writes."""


def one_of(column: str, values: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """The check that ``column`` holds one of ``values``."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
