"""Changes of orders that must be approved first: to ask for one, and to carry it out or drop it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from activities.change_approvals import ChangeApprovals, change_again, change_name, entry_of, fields_to_keep, wanted_by
from activities.requests import OrderChange
from activities.store.record_entry import RecordEntry
from activities.store.waiting_changes import WaitingChange
from activities.store.work import Work
from activities.tokens import Identity
from domain.approval.state import Notice, RoundState
from domain.order.book import OrderBook
from domain.order.event import Change
from domain.order.order import Order
from domain.refusal import Refusal
from starter.desk import Desk
from starter.quote_desk import QuoteDesk


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be approved of a change: the document, and the round that would be opened for it."""

    document: Mapping[str, Any]
    round: RoundState


class ChangeDesk:
    """What stands between a change of an order and its approval."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._approvals = ChangeApprovals(desk.knowledge, desk.change_policy)

    async def need(self, work: Work, change: OrderChange, order: Order, made: Change) -> Need | None:
        """What has to be approved before ``change`` is made, if anything.

        Codes: ``unknown_policy``, those of ``make_plan``.
        """
        if not self._approvals.concern(change.verb):
            return None
        wanted = wanted_by(change, order, await work.orders.book(order.quote_id), made)
        found = await self._approvals.asked(work, change.by, wanted, self._desk.clock.now())
        return Need(*found) if found is not None else None

    async def refuse_whole(self, work: Work, who: Identity, book: OrderBook, made: Change) -> None:
        """Refuse (``needs_approval``) to change a whole fulfilment where somebody would have to approve that."""
        await self._approvals.refuse_whole(work, who.user, book, made, self._desk.clock.now())

    async def ask(self, who: Identity, order: Order, change: OrderChange, need: Need) -> WaitingChange:
        """Have ``change`` wait, and submit it for approval; the same key twice is one request."""
        async with self._desk.database.work() as work:
            await work.orders.get(order.order_id, for_update=True)
            waiting = await work.waiting_changes.find(order.order_id, change.key)
            if waiting is None:
                waiting = await self._put(work, who, order, change, need)
        await self.submit(waiting)
        return waiting

    async def _put(self, work: Work, who: Identity, order: Order, change: OrderChange, need: Need) -> WaitingChange:
        at = self._desk.clock.now()
        name = change_name(order.order_id, await work.waiting_changes.count(order.order_id) + 1)
        stored = await work.quotes.put({**need.document, "quote_id": name}, who.user, at, kind="change")
        wanted = fields_to_keep(change)
        assert self._approvals.policy is not None
        await work.waiting_changes.put(
            name,
            order.order_id,
            order.quote_id,
            change.verb,
            who.user,
            change.key,
            policy=self._approvals.policy,
            wanted=wanted,
            at=at,
        )
        waiting = await work.waiting_changes.find(order.order_id, change.key)
        assert waiting is not None
        created = RecordEntry(
            kind="created",
            at=at,
            key=f"quote/{name}/version/1",
            quote_id=name,
            by=who.user,
            content_hash=stored.content_hash,
            body={"version": 1},
        )
        await work.record.append([created, entry_of(waiting, "change_asked", at)])
        return waiting

    async def submit(self, waiting: WaitingChange) -> None:
        """Hand in what a change asks for, in the name of whoever wants it, unless that was done before."""
        async with self._desk.reading() as work:
            state = (await work.quotes.get(waiting.change_id)).state
        if state == "draft":
            comment = waiting.wanted.get("comment")
            # By the policy that it was asked under, whatever is set by now.
            await QuoteDesk(replace(self._desk, policy=waiting.policy)).submit(
                Identity(waiting.by), waiting.change_id, comment, key=waiting.key
            )

    async def drop(self, waiting: WaitingChange, code: str, message: str | None) -> None:
        """Note that the change will not happen, and why; once."""
        at = self._desk.clock.now()
        async with self._desk.database.work() as work:
            if await work.waiting_changes.finish(waiting.change_id, "dropped", at, code=code, message=message):
                entry = entry_of(waiting, "change_dropped", at, code=code, why=message)
                await work.record.append([entry])
                if message is not None:
                    await work.outgoing.put([dropped(waiting, message, at)])

    def again(self, waiting: WaitingChange, at: datetime | None) -> OrderChange:
        """The change as it was asked for, with an act of whoever asked."""
        change = change_again(waiting).model_copy(update={"at": at})
        token = self._desk.act(Identity(waiting.by), waiting.order_id, waiting.verb, waiting.key, change.words)
        return change.model_copy(update={"token": token})


def dropped(waiting: WaitingChange, message: str, at: datetime) -> Notice:
    """What whoever asked is told when a change was approved and is not carried out all the same."""
    key, detail = f"{waiting.change_id}/dropped", {"comment": message}
    return Notice(
        key=key, kind="change_dropped", to=waiting.by, quote_id=waiting.change_id, round=1, at=at, detail=detail
    )


def refuse_changes(is_change: bool, what: str) -> None:
    """Refuse (``wrong_state``) to do with what a change of an order asks what is only done with quotes."""
    if is_change:
        raise Refusal("wrong_state", f"this is a change of an order, no quote: {what}")
