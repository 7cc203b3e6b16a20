"""A customer's ledger in short: a fact names its item and what is new, for all else stands in the item's plan.

What a fact tells stands in the columns of its row, which PostgreSQL reads far sooner than the document besides them;
the audit holds both against each other. Of a fact nothing else is asked than what :data:`FIELDS` names (a test asks
everything of facts that know nothing else): all other fields are those of the plan that was in force when it was
recorded, and ``event_id``, ``left`` and ``left_places`` are not told at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import Told


@lru_cache(maxsize=10_000)
def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@lru_cache(maxsize=10_000)
def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@lru_cache(maxsize=10_000)
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


KINDS = {str(kind): kind for kind in EntryKind}
FIELDS: Mapping[str, Callable[[Any], Any] | None] = {
    "seq": None,
    "item_id": None,
    "kind": KINDS.__getitem__,
    "entry_id": None,
    "version": None,
    "position": None,
    "ship_to": None,
    "quantity": _decimal,
    "amount": _decimal,
    "start": _date,
    "end": _date,
    "effective": _date,
    "recorded_at": _moment,
    "counter": None,
    "milestone": None,
    "milestone_percent": _decimal,
    "percent": _decimal,
}
"""What a fact has of its own, in the order in which :data:`SHORT_ROWS` tells it, and how that is read (none: as is)."""
READ = tuple((at, name, read) for at, (name, read) in enumerate(FIELDS.items()) if read is not None)
TOLD = """seq, item_id, kind, entry_id, version, position, ship_to, quantity::text, amount::text, start_date, end_date,
    effective, recorded_at, body -> 'counter', CASE kind WHEN 'reached' THEN body -> 'milestone' END,
    CASE kind WHEN 'reached' THEN body -> 'milestone_percent' END,
    CASE kind WHEN 'progress' THEN body -> 'percent' END"""
TEXT = f"""'[' || string_agg(
        CASE kind
            WHEN 'scheduled' THEN (body || jsonb_build_object('seq', seq))::text
            ELSE json_build_array({TOLD})::text END,
        ',' ORDER BY seq) || ']'"""
MARK = """(SELECT count(*) || '/' || coalesce(max(seq), 0) || '/' || coalesce((
        SELECT recorded_at::text FROM ledger WHERE customer_id = :customer ORDER BY seq DESC LIMIT 1), '')
    FROM ledger WHERE customer_id = :customer)"""
"""What tells whether anything was added to the ledger of a customer, for a statement with that parameter."""
SHORT_ROWS = f"""(CASE WHEN {MARK} <> :mark THEN (SELECT {TEXT} FROM ledger WHERE customer_id = :customer) END)"""
"""The rows of a customer as one text, unless the ledger is at ``:mark``; null: there are none, or they are known."""
PLANS: TypeAdapter[list[LedgerEntry]] = TypeAdapter(list[LedgerEntry])
ITEM = [*FIELDS].index("item_id")
FIELDS_SET = frozenset(LedgerEntry.model_fields)
NOT_TOLD = {"event_id": "", "left": None, "left_places": None}
PUT = object.__setattr__


def read_short(text: str | None) -> Told:
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
            found.append(_fact(in_force[row[ITEM]], row))
    return Told(found)


def _fact(plan: Mapping[str, Any], told: Sequence[Any]) -> LedgerEntry:
    """A fact about a plan. It was checked when it was stored: a thousand checks more are left out here."""
    entry = LedgerEntry.__new__(LedgerEntry)
    own = dict(zip(FIELDS, told, strict=True))
    for at, name, read in READ:
        own[name] = read(told[at])
    PUT(entry, "__dict__", {**plan, **own, "event_id": "", "left": None, "left_places": None})
    PUT(entry, "__pydantic_fields_set__", FIELDS_SET)
    PUT(entry, "__pydantic_extra__", None)
    PUT(entry, "__pydantic_private__", None)
    return entry
