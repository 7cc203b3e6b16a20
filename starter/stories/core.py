"""The core stage: a story played on the pure state machines alone, in virtual time, without any server."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from domain.approval.preview import explain_plan
from domain.ledger.closing import close_period
from domain.ledger.entries import in_place
from domain.order.activation import next_moment
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.renewal import Renewal, renew
from domain.reading import read_model
from starter.stories.contract_verbs import Amending, ClosingPeriod, Renewing
from starter.stories.contracting import due_at, passed_periods, wish_of
from starter.stories.core_orders import CoreOrders
from starter.stories.stage import Facts


class CoreStage(CoreOrders):
    """One case on the pure core. Everything it knows is in this object."""

    # -- contracts

    def _prepare(self, given: Any, kind: str) -> tuple[Agreement, dict[str, Any]]:
        agreement = self._agreement(given.contract_of)
        first = agreement.quote.quote_id
        number = next(n for n in count(1) if f"{first}-{kind}{n}" not in self.came)
        by = given.by or agreement.quote.owner
        self._check_user(by)
        return agreement, {"owner": by, "quote_id": f"{first}-{kind}{number}", **wish_of(given), "contract_of": first}

    async def amend(self, arguments: Amending) -> None:
        agreement, fields = self._prepare(arguments, "A")
        self._hand_in(amend(agreement, read_model(Amendment, fields)))

    async def renew(self, arguments: Renewing) -> None:
        if arguments.lead is not None:
            quote = self._agreement(arguments.contract_of).quote
            due = due_at(self.entries, quote.quote_id, arguments.lead, quote.customer.time_zone)
            if due > self.clock:
                self.renewals.append((due, arguments))
                return
        agreement, fields = self._prepare(arguments, "R")
        today = self.clock.astimezone(ZoneInfo(agreement.quote.customer.time_zone)).date()
        self._hand_in(renew(agreement, read_model(Renewal, fields), today))

    async def turn_back(self) -> None:
        self._turn_to(self.came[0])

    async def close_period(self, arguments: ClosingPeriod) -> None:
        customer, by = self.priced.quote.customer, arguments.by or self.priced.quote.owner
        self._check_user(by)
        zone, last = customer.time_zone, len(self.entries)
        self.closed.append(close_period(self.closed, arguments.month, self.clock, by, time_zone=zone, ledger_seq=last))

    # -- time

    async def advance_to(self, moment: datetime) -> None:
        while (due := self._first_moment()) is not None and due <= moment:
            self._move_clock(max(self._clock, due))
            for quote_id in tuple(self.came):
                with self._at(quote_id):
                    self._time_round(self._clock)
                    self._time_orders(self._clock)
            self._settle_changes()
            for each in [each for each in self.renewals if each[0] <= self._clock]:
                self.renewals.remove(each)
                await self.renew(each[1])
        self._move_clock(moment)

    def _move_clock(self, moment: datetime) -> None:
        before, self._clock = self._clock, moment
        self.entries.extend(passed_periods(self.entries, before, moment, self.priced.quote.customer.time_zone))

    def _first_moment(self) -> datetime | None:
        moments: list[datetime | None] = [due for due, _ in self.renewals]
        for quote_id in tuple(self.came):
            with self._at(quote_id):
                moments.append(self._next_moment())
        return min((each for each in moments if each is not None), default=None)

    def _next_moment(self) -> datetime | None:
        moments: list[datetime | None] = [self.rounds[-1].next_moment] if self.rounds else []
        if self.book is not None:
            moments.extend(next_moment(order) for order in self.book.orders)
        return min((each for each in moments if each is not None), default=None)

    def _time_round(self, at: datetime) -> None:
        if self.rounds and (due := self.rounds[-1].next_moment) is not None and due <= at:
            self._moved(self._current(), lambda moving: moving.advance(at, exact=True))

    # -- facts

    async def facts(self) -> Facts:
        quote = self.priced.quote
        return Facts(
            now=self.clock,
            state=self.state,
            round=self.rounds[-1] if self.rounds else None,
            plan=self.plan,
            happenings=tuple(self.happenings),
            messages=tuple(self.messages),
            book=self.book,
            books=self._books(),
            closed=tuple(self.closed),
            owner=quote.owner,
            entries=in_place(self.entries),
            promises=tuple(self._promises()),
            time_zone=quote.customer.time_zone,
            quote_total=self.priced.net_total,
            names=self.names,
            explained=lambda: explain_plan(self.asked) if self.asked is not None else (),
        )
