"""The journal of one change to one order: it numbers the events and ledger entries that the change leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from domain.ledger.entries import EntryKind, LedgerEntry
from domain.money import decimal_text
from domain.order.event import Cause, Change, LineBalance, OrderEvent, OrderEventKind
from domain.order.item import Item, Reached
from domain.order.order import Order
from domain.order.standalone import standalone_amount

Facts = Mapping[str, object]


@dataclass(slots=True)
class Journal:
    """Collects what a change of ``order`` tells. ``version`` is the order's version once the change is made."""

    order: Order
    cause: Cause
    version: int
    events: list[OrderEvent] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)

    @classmethod
    def of_change(cls, order: Order, cause: Cause) -> Journal:
        """The journal of the next change of ``order``."""
        return cls(order, cause, order.version + 1)

    @classmethod
    def of_creation(cls, order: Order, cause: Cause) -> Journal:
        """The journal of a new order, whose version is already that of the change."""
        return cls(order, cause, order.version)

    def event(
        self,
        kind: OrderEventKind,
        item: Item | None = None,
        *,
        on: date | None = None,
        before: Facts | None = None,
        after: Facts | None = None,
    ) -> None:
        """Add an event about the order, or about ``item`` of it."""
        position = len(self.events) + 1
        self.events.append(
            OrderEvent(
                event_id=f"{self.order.order_id}:{self.version}:{position}",
                kind=kind,
                quote_id=self.order.quote_id,
                order_id=self.order.order_id,
                key=self.order.key,
                version=self.version,
                position=position,
                item_id=item.item_id if item else None,
                line_id=item.line_id if item else None,
                at=self.cause.at,
                by=self.cause.by,
                on_behalf=self.cause.on_behalf,
                why=self.cause.why,
                on=on,
                before=as_texts(before),
                after=as_texts(after),
            )
        )

    def planned(self, item: Item, order: Order) -> None:
        """A row for ``item`` as planned in ``order``."""
        self._entry(EntryKind.SCHEDULED, item, order, item.quantity, item.amount, order.order_date)

    def taken_back(self, item: Item, order: Order) -> None:
        """The counter-row of an earlier plan of ``item`` in ``order``."""
        row = self._entry(EntryKind.SCHEDULED, item, order, -item.quantity, -item.amount, order.order_date)
        self.entries[-1] = row.model_copy(update={"counter": True})

    def standing(self, kind: EntryKind, item: Item) -> None:
        """A row that tells of the whole item, such as its activation, on the local date of the change."""
        self._entry(kind, item, self.order, item.quantity, item.amount, self.order.local_date(self.cause.at))

    def marked(self, kind: EntryKind, item: Item, on: date, *, counter: bool = False) -> None:
        """A row that tells of the whole item on ``on``; ``counter``: it takes such a row back."""
        row = self._entry(kind, item, self.order, item.quantity, item.amount, on)
        if counter:
            signed = {"counter": True, "quantity": -row.quantity, "amount": -row.amount}
            self.entries[-1] = row.model_copy(update=signed)

    def received(self, kind: EntryKind, item: Item, quantity: Decimal, on: date) -> None:
        """A row for ``quantity`` more of ``item`` delivered or accepted on ``on``."""
        self._entry(kind, item, self.order, quantity, 0 * item.amount, on)

    def reached(self, item: Item, reached: Reached) -> None:
        """A row for a milestone of ``item``."""
        row = self._entry(EntryKind.REACHED, item, self.order, Decimal(0), 0 * item.amount, reached.on)
        percent = next((stone.percent for stone in item.milestones if stone.name == reached.milestone), Decimal(100))
        self.entries[-1] = row.model_copy(update={"milestone": reached.milestone, "milestone_percent": percent})

    def progressed(self, item: Item, percent: Decimal, on: date) -> None:
        """A row for work of ``item`` that was ``percent`` complete on ``on``."""
        row = self._entry(EntryKind.PROGRESS, item, self.order, Decimal(0), 0 * item.amount, on)
        self.entries[-1] = row.model_copy(update={"percent": percent})

    def counted(self, kind: EntryKind, item: Item, quantity: Decimal, amount: Decimal, on: date) -> None:
        """A row for usage or an invoice of ``item``, or for a hold of it, on ``on``."""
        self._entry(kind, item, self.order, quantity, amount, on)

    def change(self, after: Order, balances: Iterable[LineBalance] = ()) -> Change:
        """The change that leaves ``order`` as ``after``, at the journal's version."""
        versioned = after.model_copy(update={"version": self.version, "last_change": None})
        return Change(
            orders=(versioned,), balances=tuple(balances), events=tuple(self.events), entries=tuple(self.entries)
        )

    def _entry(
        self, kind: EntryKind, item: Item, order: Order, quantity: Decimal, amount: Decimal, effective: date
    ) -> LedgerEntry:
        position = len(self.entries) + 1
        entry = LedgerEntry(
            entry_id=f"{order.order_id}:{self.version}:{position}",
            kind=kind,
            quote_id=order.quote_id,
            order_id=order.order_id,
            item_id=item.item_id,
            line_id=item.line_id,
            line_number=item.line_number,
            version=self.version,
            position=position,
            event_id=self.events[-1].event_id,
            customer_id=order.customer_id,
            currency=order.currency,
            product=item.product,
            family=item.family,
            item_kind=item.kind,
            group=item.group,
            unit=item.unit,
            ship_to=item.ship_to,
            order_date=order.order_date,
            quantity=quantity,
            amount=amount,
            start=item.start,
            end=item.end,
            price_per=item.price.price_per,
            revenue=item.revenue,
            milestones=item.milestones,
            acceptance=item.acceptance,
            asset=item.asset,
            covers=item.covers,
            base=item.base,
            parent_item=item.parent_item,
            revises=item.revises,
            root_item=item.root_item,
            standalone_amount=standalone_amount(item),
            contracting_method=order.contracting_method,
            contracting_setting=order.contracting_setting if item.contracting == "inherit" else item.contracting,
            contract_of=order.contract_of,
            comes_back=item.comes_back,
            effective=effective,
            recorded_at=self.cause.at,
        )
        self.entries.append(entry)
        return entry


def as_texts(facts: Facts | None) -> dict[str, str | None]:
    """Facts as they are kept in an event: decimals as plain digits, dates in ISO form, nothing as none."""
    return {name: _text(value) for name, value in (facts or {}).items()}


def _text(value: object) -> str | None:
    if value is None:
        return None
    return decimal_text(value) if isinstance(value, Decimal) else str(value)
