"""A customer's ledger in short: a fact names its item and what is new, for all else stands in the item's plan."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field, TypeAdapter

from domain.ledger.entries import EntryKind, LedgerEntry

Fact = tuple[
    str,
    EntryKind,
    str,
    date,
    Decimal,
    Decimal,
    str | None,
    Decimal | None,
    Decimal | None,
    bool,
    AwareDatetime,
    int,
    int,
    str,
]
FIELDS = (
    "item_id",
    "kind",
    "entry_id",
    "effective",
    "quantity",
    "amount",
    "milestone",
    "milestone_percent",
    "percent",
    "counter",
    "recorded_at",
    "version",
    "position",
    "event_id",
)
"""What a fact has of its own, in the order in which :data:`SHORT_ROWS` tells it."""
TOLD = ", ".join(f"body -> '{field}'" for field in FIELDS)
SHORT_ROWS = f"""(
    SELECT '[' || string_agg(
        CASE WHEN kind IN ('scheduled', 'period') THEN body::text ELSE json_build_array({TOLD})::text END,
        ',' ORDER BY seq) || ']'
    FROM ledger WHERE customer_id = :customer)"""
"""The rows of a customer as one text, for a statement with the parameter ``customer``; null: there are none."""
Row = Annotated[LedgerEntry | Fact, Field(union_mode="left_to_right")]
ROWS: TypeAdapter[list[LedgerEntry | Fact]] = TypeAdapter(list[Row])


def read_short(text: str | None) -> tuple[LedgerEntry, ...]:
    """The entries in the order they were added. A fact about nothing that was planned is a ``KeyError``."""
    plans: dict[str, LedgerEntry] = {}
    found: list[LedgerEntry] = []
    for row in ROWS.validate_json(text or "[]"):
        if isinstance(row, LedgerEntry):
            entry = row
            if row.kind is EntryKind.SCHEDULED and not row.counter:
                plans[row.item_id] = row
        else:
            entry = plans[row[0]].model_copy(update=dict(zip(FIELDS, row, strict=True)))
        found.append(entry)
    return tuple(found)
