"""What stories say of contracts: amendments, renewals and closings, as both stages carry them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.calendar import clock_duration
from domain.ledger.contract import contracts
from domain.ledger.entries import LedgerEntry
from domain.ledger.later_period import due_periods
from domain.order.order import start_of_day
from domain.refusal import Refusal


def wish_of(given: Any) -> dict[str, Any]:
    """What an ``amend`` or ``renew`` step says of the quote to prepare; what it leaves out is left out."""
    left = {"contract_of", "by", "comment", "lead"}
    found: dict[str, Any] = given.model_dump(mode="json", exclude=left, exclude_none=True, exclude_unset=True)
    return found


def due_at(entries: Sequence[LedgerEntry], quote_id: str, lead: str, zone: str) -> datetime:
    """When the renewal of a contract is to be prepared: 00:00 of the day that lies ``lead`` before its last end.

    Codes: ``unknown_contract``, ``not_running`` (it has no end).
    """
    found = [each for each in contracts(entries, "by_end_date") if each.quote_id == quote_id]
    if not found:
        raise Refusal("unknown_contract", f"there is no contract of {quote_id}", "contract_of")
    ends = [each.end for each in found if each.end is not None]
    if not ends:
        raise Refusal("not_running", f"nothing of {quote_id} runs to an end", "contract_of")
    return start_of_day(max(ends) - timedelta(days=clock_duration(lead) // timedelta(days=1)), zone)


def passed_periods(entries: Sequence[LedgerEntry], before: datetime, now: datetime, zone: str) -> list[LedgerEntry]:
    """The later periods that began until ``now``, each recorded at its beginning (``before``, when that is earlier)."""
    day = now.astimezone(ZoneInfo(zone)).date()
    rows = due_periods(entries, day, now)
    told = [row.model_copy(update={"recorded_at": max(before, _begin(row.effective, zone))}) for row in rows]
    return sorted(told, key=lambda row: row.recorded_at)


def _begin(day: date, zone: str) -> datetime:
    return start_of_day(day, zone).astimezone(UTC)
