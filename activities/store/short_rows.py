"""A customer's ledger in short: a fact names its item and what is new, for all else stands in the item's plan.

What a fact tells stands in the columns of its row, which PostgreSQL reads far sooner than the document besides them;
the audit holds both against each other. Of a fact nothing else is asked than what :data:`FIELDS` names (a test asks
everything of facts that know nothing else): all other fields are those of the plan that was in force when it was
recorded, and ``event_id`` and ``left`` are not told at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from domain.ledger.entries import EntryKind, LedgerEntry

FIELDS = (
    "item_id",
    "kind",
    "entry_id",
    "version",
    "position",
    "ship_to",
    "quantity",
    "amount",
    "start",
    "end",
    "effective",
    "recorded_at",
    "counter",
    "milestone",
    "milestone_percent",
    "percent",
)
"""What a fact has of its own, in the order in which :data:`SHORT_ROWS` tells it."""
TOLD = """item_id, kind, entry_id, version, position, ship_to, quantity::text, amount::text, start_date, end_date,
    effective, recorded_at, body -> 'counter',
    CASE kind WHEN 'reached' THEN body -> 'milestone' END, CASE kind WHEN 'reached' THEN body -> 'milestone_percent' END,
    CASE kind WHEN 'progress' THEN body -> 'percent' END"""
TEXT = f"""'[' || string_agg(
        CASE kind WHEN 'scheduled' THEN body::text ELSE json_build_array({TOLD})::text END,
        ',' ORDER BY seq) || ']'"""
SHORT_ROWS = f"(SELECT {TEXT} FROM ledger WHERE customer_id = :customer)"
"""The rows of a customer as one text, for a statement with the parameter ``customer``; null: there are none."""
PLANS: TypeAdapter[list[LedgerEntry]] = TypeAdapter(list[LedgerEntry])
KINDS = {str(kind): kind for kind in EntryKind}
DATES = ("effective", "start", "end")
DECIMALS = ("quantity", "amount", "milestone_percent", "percent")
FIELDS_SET = frozenset(LedgerEntry.model_fields)


def read_short(text: str | None) -> tuple[LedgerEntry, ...]:
    """The entries in the order they were added. A fact about nothing that was planned is a ``KeyError``."""
    rows: list[Any] = from_json(text or "[]", cache_strings="all")
    plans = iter(PLANS.validate_python([row for row in rows if type(row) is dict]))
    in_force: dict[str, Mapping[str, Any]] = {}
    found: list[LedgerEntry] = []
    for row in rows:
        if type(row) is dict:
            plan = next(plans)
            if not plan.counter:
                in_force[plan.item_id] = plan.__dict__
            found.append(plan)
        else:
            found.append(_fact(in_force[row[0]], row))
    return tuple(found)


def _fact(plan: Mapping[str, Any], told: Sequence[Any]) -> LedgerEntry:
    """A fact about a plan. It was checked when it was stored: a thousand checks more are left out here."""
    own = dict(zip(FIELDS, told, strict=True))
    own["kind"] = KINDS[own["kind"]]
    own["recorded_at"] = datetime.fromisoformat(own["recorded_at"])
    for name in DATES:
        own[name] = None if own[name] is None else date.fromisoformat(own[name])
    for name in DECIMALS:
        own[name] = None if own[name] is None else Decimal(own[name])
    entry = LedgerEntry.__new__(LedgerEntry)
    put = object.__setattr__
    put(entry, "__dict__", {**plan, **own, "event_id": "", "left": None})
    put(entry, "__pydantic_fields_set__", FIELDS_SET)
    put(entry, "__pydantic_extra__", None)
    put(entry, "__pydantic_private__", None)
    return entry
