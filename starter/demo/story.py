"""The demo's story: the hospital quote from its first preview to its last year, on the real system."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.partners.erp import Acknowledgement
from activities.partners.file_erp import FileErp
from activities.tokens import Identity
from domain.ledger.contract import contracts
from domain.pricing import price
from domain.quote import read_quote
from domain.standing import QuoteState
from starter.demo.figures import Figures
from starter.demo.telling import Teller
from starter.stories.approval_verbs import Deciding
from starter.stories.document import Case
from starter.stories.live import LiveStage
from starter.stories.order_verbs import Delivering, MovingDate, Ordering, Reaching

BY_DATE_AND_PLACE = ("order_date", "ship_to")
LATE = {"2027-03-22/RC": "2027-04-19", "2027-04-01/RC": "2027-05-01"}


class DemoStage(LiveStage):
    """The live stage, with an ERP that answers as a real one does: by a document in a folder, in its own time."""

    def __init__(self, erp: FileErp, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._erp = erp

    async def _acknowledge_at_once(self) -> None:
        for order in [order for book in await self._books() for order in book.orders]:
            if order.activated_at is not None and order.acknowledgement is None:
                await self._until(lambda order_id=order.order_id: self._is_sent(order_id), "the ERP has no document")  # type: ignore[misc]
                await self._answer(order.order_id)
        await self._until(self._all_acknowledged, "an answer of the ERP was not taken")

    async def _is_sent(self, order_id: str) -> bool:
        async with self.desk.reading() as work:
            return any(message.sent_at is not None for message in await work.erp.of_order(order_id))

    async def _answer(self, order_id: str) -> None:
        async with self.desk.reading() as work:
            (message,) = await work.erp.of_order(order_id)
        document = f"SO-{order_id}"
        answer = Acknowledgement(key=message.key, outcome="accepted", at=self.clock, document=document)
        await self._erp.acknowledge(answer)

    async def _all_acknowledged(self) -> bool:
        orders = [order for book in await self._books() for order in book.orders]
        return all(order.acknowledgement is not None for order in orders if order.activated_at is not None)


@dataclass
class Story:
    """The chapters, one after the other; ``figures`` checks what each comes to."""

    stage: DemoStage
    case: Case
    figures: Figures
    teller: Teller
    told: int = 0

    async def tell(self) -> Mapping[str, str]:
        """Tell it all; the figures for the closing lines."""
        await self.stage.begin(self.case)
        await self._know_the_path()
        await self._approve()
        total, number = await self._order()
        after = await self._live_through_it()
        await self._look_back()
        return {"orders": str(number), "total": total, "after change": after}

    async def _know_the_path(self) -> None:
        self.teller.chapter("1. Whom will we need? (preview, nothing is written)")
        priced = price(read_quote(self.case.quote))
        self.figures.check_quote(priced)
        plan = await self.stage.quotes.preview(Identity(priced.quote.owner), priced.quote.quote_id)
        self.figures.check_path(plan)
        self.teller.path(plan)

    async def _approve(self) -> None:
        self.teller.chapter("2. Approvals, in parallel and in sequence")
        await self.stage.submit("rosa", "please, before the building opens")
        await self._happened()
        self.teller.say("Legal, service and the manager answer at the same time:")
        await asyncio.gather(
            self._decide("nora", "terms-legal"),
            self._decide("sam", "service-capacity"),
            self._decide("grace", "service-capacity"),
            self._decide("mei", "discount-manager"),
        )
        await self._happened()
        due = await self._due("discount-director")
        self.teller.say(f"David is silent. His two working days end on {self.teller.moment(due)}; the clock moves on …")
        await self.stage.advance_to(due)
        await self._happened()
        self.teller.say("Sam, his deputy, was asked in his place, and approves; then finance does.")
        await self._decide("sam", "discount-director")
        await self._decide("farid", "big-deal-finance")
        await self._happened()
        facts = await self.stage.facts()
        self.figures.same("state of the quote", QuoteState.APPROVED, facts.state)

    async def _decide(self, by: str, rule: str) -> None:
        await self.stage.decide("approve", Deciding(by=by, rule=rule))

    async def _due(self, rule: str) -> datetime:
        facts = await self.stage.facts()
        approval = facts.round.approval(rule) if facts.round else None
        assert approval is not None
        assert approval.due_at is not None
        return approval.due_at

    async def _order(self) -> tuple[str, int]:
        self.teller.chapter("3. One quote, seven orders")
        await self.stage.accept("rosa", "signed by the customer")
        await self.stage.order(Ordering(split_by=BY_DATE_AND_PLACE, by="rosa"))
        facts = await self.stage.facts()
        assert facts.book is not None
        self.figures.check_orders(facts.book)
        self.told = len(facts.happenings)
        self.teller.orders(facts.book, "as ordered")
        return f"{facts.book.totals.ordered:,}", len(facts.book.orders)

    async def _live_through_it(self) -> str:
        self.teller.chapter("4. Dates come: activation, delivery, a building that is late")
        await self._deliver("2027-01-11", "2027-01-11/MC")
        await self._until("2027-01-20")
        await self.stage.accept_item(Delivering(order="2027-01-11/MC", line="L1", by="rosa"))
        await self._until("2027-01-29")
        await self.stage.reach(Reaching(order="2027-01-11/MC", line="L1b", by="rosa"))
        await self._until("2027-02-05")
        await self._happened()
        after = await self._move_dates()
        await self._deliver("2027-02-15", "2027-02-15/MC", "2027-02-15/NC")
        await self._until("2027-03-01")
        await self._deliver("2027-04-19", "2027-03-22/RC")
        await self._until("2027-05-01")
        await self._happened()
        facts = await self.stage.facts()
        assert facts.book is not None
        self.teller.orders(facts.book, f"on {self.teller.moment(self.stage.clock)}")
        for order in facts.book.orders:
            self.figures.same(f"order {order.key} state", "fulfilled", order.state.value)
        return after

    async def _move_dates(self) -> str:
        self.teller.say("The rehab centre is late: its equipment and its services move.")
        before = (await self.stage.orders.book(self.case.quote["quote_id"])).totals.ordered
        for order, to in LATE.items():
            await self.stage.move_date(MovingDate(order=order, to=to, by="rosa"))
        await self._happened()
        facts = await self.stage.facts()
        assert facts.book is not None
        self.figures.check_change(facts.book, "2027-04-01/RC", "L4c")
        totals = facts.book.totals
        self.teller.say(f"All orders: {before:,} → {totals.ordered:,}, reschedule variance {totals.variance:,}")
        return f"{totals.ordered:,}"

    async def _deliver(self, day: str, *orders: str) -> None:
        await self._until(day)
        for order in orders:
            await self.stage.deliver(Delivering(order=order, by="rosa", evidence=f"delivery note of {day}"))
        await self._happened()

    async def _until(self, day: str) -> None:
        await self.stage.advance_to(datetime.fromisoformat(f"{day}T16:00:00+00:00"))

    async def _look_back(self) -> None:
        self.teller.chapter("5. What the customer has, and what it earns")
        facts = await self.stage.facts()
        self.figures.check_contracts(facts.entries)
        self.teller.contracts(contracts(facts.entries))
        rows = self.figures.check_entitlements(facts.entries, facts.now)
        self.teller.entitlements(self.figures.expected["entitlements_contracted"][0], rows)
        self.figures.check_committed(facts.entries, facts.time_zone)
        self.teller.revenue(self.figures.check_revenue(facts.entries))

    async def _happened(self) -> None:
        facts = await self.stage.facts()
        self.teller.happened(facts.happenings[self.told :])
        self.told = len(facts.happenings)
