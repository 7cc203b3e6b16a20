"""A ledger in test, written row by row: what operations on orders leave behind, without the orders."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from domain.ledger.closing import ClosedPeriod, close_period
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.revenue import ItemSchedule, revenue
from domain.quote import Kind, Revenue
from tests.domain.order.story import day, noon

OVER_TIME = frozenset({Revenue.DAILY, Revenue.MONTHLY, Revenue.MID_MONTH})
ZONE = "America/Chicago"


class Ledger:
    """Rows of one customer in the order they are added. ``at`` is the moment at which the next ones are recorded."""

    def __init__(self, at: str = "2026-12-01") -> None:
        self.at: datetime = noon(at)
        self.entries: list[LedgerEntry] = []
        self.plans: dict[str, LedgerEntry] = {}
        self.closed: list[ClosedPeriod] = []

    def on(self, text: str) -> Ledger:
        self.at = noon(text)
        return self

    def plan(self, item_id: str, revenue: str, amount: str, quantity: str = "1", **more: Any) -> LedgerEntry:
        """Orders an item, activated at once unless ``activated`` says when (none: not yet)."""
        activated = more.pop("activated", str(self.at.date()))
        start, end = more.pop("start", None), more.pop("end", None)
        by_kind = Kind.SUBSCRIPTION if Revenue(revenue) in OVER_TIME else Kind.ONE_TIME
        row = LedgerEntry(
            **{
                "kind": EntryKind.SCHEDULED,
                "quote_id": "Q-1",
                "order_id": "Q-1-1",
                "item_id": item_id,
                "line_id": item_id.partition("/")[0],
                "line_number": len(self.plans) + 1,
                "version": 1,
                "position": 1,
                "event_id": "e",
                "customer_id": "c-1",
                "currency": "USD",
                "product": f"P-{item_id}",
                "family": "F",
                "item_kind": by_kind,
                "order_date": self.at.date(),
                "quantity": Decimal(quantity),
                "amount": Decimal(amount),
                "start": day(start) if start else None,
                "end": day(end) if end else None,
                "revenue": revenue,
                "root_item": item_id,
                "effective": self.at.date(),
                **self._stamp(),
                **more,
            }
        )
        self.plans[item_id] = row
        self.entries.append(row)
        if activated is not None:
            self.activate(item_id, activated)
        return row

    def delta(self, item_id: str, revises: str, amount: str, quantity: str, **more: Any) -> LedgerEntry:
        """Orders a change of ``revises``: same schedule and dates unless ``more`` says otherwise."""
        old = self.plans[revises]
        dates = {"start": str(old.start) if old.start else None, "end": str(old.end) if old.end else None}
        lineage = {"revises": revises, "root_item": old.root_item, "line_id": old.line_id, "order_id": "Q-1-2"}
        return self.plan(item_id, more.pop("revenue", old.revenue), amount, quantity, **{**dates, **lineage, **more})

    def replan(self, item_id: str, **changes: Any) -> None:
        """The old plan taken back, and a new one."""
        self.cancel(item_id)
        row = self.plans[item_id].model_copy(update={**changes, **self._stamp()})
        self.plans[item_id] = row
        self.entries.append(row)

    def cancel(self, item_id: str) -> None:
        old = self.plans[item_id]
        turned = {"quantity": -old.quantity, "amount": -old.amount, "counter": True}
        self.entries.append(old.model_copy(update={**turned, **self._stamp()}))

    def activate(self, item_id: str, on: str) -> None:
        self._tell(EntryKind.ACTIVATED, item_id, on, quantity=self.plans[item_id].quantity)

    def deliver(self, item_id: str, quantity: str, on: str) -> None:
        self._tell(EntryKind.DELIVERED, item_id, on, quantity=Decimal(quantity))

    def reach(self, item_id: str, on: str, milestone: str | None = None) -> None:
        self._tell(EntryKind.REACHED, item_id, on, milestone=milestone)

    def progress(self, item_id: str, percent: str, on: str) -> None:
        self._tell(EntryKind.PROGRESS, item_id, on, percent=Decimal(percent))

    def use(self, item_id: str, amount: str, on: str) -> None:
        self._tell(EntryKind.USAGE, item_id, on, amount=Decimal(amount))

    def invoice(self, item_id: str, amount: str, on: str) -> None:
        self._tell(EntryKind.INVOICED, item_id, on, amount=Decimal(amount))

    def close(self, month: str) -> None:
        last = len(self.entries)
        self.closed.append(close_period(self.closed, month, self.at, "fin", time_zone=ZONE, ledger_seq=last))

    def schedules(self) -> tuple[ItemSchedule, ...]:
        return revenue(self.entries, closed=self.closed)

    def schedule(self, item_id: str) -> ItemSchedule:
        return next(each for each in self.schedules() if each.plan.item_id == item_id)

    def months(self, item_id: str) -> dict[str, str]:
        """What an item recognises by month; a correction stands under ``month<original``."""
        rows = self.schedule(item_id).months
        return {row.month + (f"<{row.original}" if row.original else ""): str(row.amount) for row in rows}

    def _stamp(self) -> dict[str, Any]:
        return {"entry_id": f"{len(self.entries)}", "recorded_at": self.at, "seq": len(self.entries) + 1}

    def _tell(self, kind: EntryKind, item_id: str, on: str, **facts: Any) -> None:
        nothing = {"quantity": Decimal(0), "amount": Decimal("0.00")}
        told = {"kind": kind, "effective": date.fromisoformat(on), **nothing, **self._stamp(), **facts}
        self.entries.append(self.plans[item_id].model_copy(update=told))
