"""Approval before an operation on an order: which changes a policy asks for, and that none is done without it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter

from activities.knowledge import Knowledge
from activities.requests import OrderChange
from activities.store.record_entry import RecordEntry
from activities.store.waiting_changes import WaitingChange
from activities.store.work import Work
from domain.approval.plan import Submission
from domain.approval.preview import preview_plan
from domain.approval.state import RoundState
from domain.order.book import OrderBook
from domain.order.change_request import change_document, is_same_change
from domain.order.event import Change
from domain.order.order import Order
from domain.order.wanted import Wanted
from domain.pricing import price
from domain.quote import read_quote
from domain.refusal import Refusal

FACTS: Final = frozenset({"acknowledge", "deliver", "accept_item", "reach", "progress", "usage", "invoice"})
"""What came about: it is told, and nobody can forbid it."""
NEEDS_APPROVAL: Final = "needs_approval"
GIVING_UP: Final = frozenset({"cancel", "supplement", "close_short"})
"""Verbs that say what becomes of what they take away."""
ON_ITS_DAY: Final = frozenset({"supplement", "return"})
"""Verbs that, without a date, take effect on the day on which they are carried out."""
LONGEST_NAME: Final = 90
CHANGE_NAME: Final = re.compile(r"\.change-\d+$", re.ASCII)
FIELDS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class ChangeApprovals:
    """The policy before operations on orders, by its name; without one every change is done at once."""

    def __init__(self, knowledge: Knowledge, policy: str | None) -> None:
        self._knowledge = knowledge
        self.policy = policy

    def concern(self, verb: str) -> bool:
        """Whether changes by that verb may have to wait."""
        return self.policy is not None and verb not in FACTS

    async def asked(
        self, work: Work, by: str, wanted: Wanted, at: datetime
    ) -> tuple[Mapping[str, Any], RoundState] | None:
        """The document (its id is still to be given) and the round that a change needs; nothing where nobody has to
        approve it.

        Codes: ``unknown_policy``, those of ``make_plan`` (``unknown_user``: only a user may ask for approval).
        """
        if not self.concern(wanted.operation):
            return None
        assert self.policy is not None
        content = await work.quotes.content(wanted.order.quote_id)
        document = change_document(change_name(wanted.order.order_id, 0), content.quote, wanted)
        policy, directory = await self._knowledge.policy(work, self.policy), await self._knowledge.directory(work)
        submission = Submission(price(read_quote(document)), policy, directory, by, at)
        day = at.astimezone(directory.calendar_of(by).zone).date()
        if not policy.evaluate(submission.priced, day, status=submission.status).fired:
            return None
        plan = preview_plan(submission)
        return None if plan.outcome is not None else (document, plan)

    async def approve(
        self, work: Work, change: OrderChange, order: Order, book: OrderBook | None, made: Change, at: datetime
    ) -> None:
        """Refuse a change that must wait and was not approved; note that an approved one is carried out.

        Codes: ``needs_approval``, ``change_outdated`` (it would no longer do what was approved), ``not_approved``.
        """
        if change.verb in FACTS:
            return
        waiting = await work.waiting_changes.find(order.order_id, change.key, for_update=True)
        if waiting is None and not (made.orders and self.concern(change.verb)):
            return
        wanted = wanted_by(change, order, book or await work.orders.book(order.quote_id), made)
        if waiting is not None:
            await self._settle(work, waiting, change, wanted, at)
        elif await self.asked(work, change.by, wanted, at) is not None:
            raise Refusal(NEEDS_APPROVAL, f"{change.verb} of {order.order_id} needs approval; ask for it first")

    async def refuse_whole(self, work: Work, by: str, book: OrderBook, made: Change, at: datetime) -> None:
        """Refuse (``needs_approval``) to change a whole fulfilment where somebody would have to approve that."""
        order = book.orders[0]
        wanted = Wanted("cancel_all", order, book.orders, made, balances=book.balances)
        if await self.asked(work, by, wanted, at) is not None:
            message = f"to cancel all orders of {book.quote_id} needs approval; cancel them one by one, and each waits"
            raise Refusal(NEEDS_APPROVAL, message)

    async def _settle(
        self, work: Work, waiting: WaitingChange, change: OrderChange, wanted: Wanted, at: datetime
    ) -> None:
        approved = await work.quotes.content(waiting.change_id)
        quote = (await work.quotes.content(waiting.quote_id)).quote
        now = change_document(waiting.change_id, quote, wanted)
        same = is_same_change(approved.content, now, on_its_day=wanted.on_its_day)
        # The words are compared too: the key alone does not say what was asked for.
        if change.words != change_again(waiting).words or not wanted.made.orders or not same:
            message = f"{waiting.change_id} would no longer do what was approved; look at the order and ask again"
            raise Refusal("change_outdated", message)
        # Accepted is what was carried out: nobody recalls it then. What nobody approved is refused here.
        await work.quotes.accept(waiting.change_id, at)
        if not await work.waiting_changes.finish(waiting.change_id, "done", at):
            raise Refusal("wrong_state", f"{waiting.change_id} was {waiting.state} already")
        await work.record.append([entry_of(waiting, "change_carried_out", at)])


def wanted_by(change: OrderChange, order: Order, book: OrderBook, made: Change) -> Wanted:
    """What ``change`` wants, as it is shown to those who approve it."""
    said = {"reason": change.reason, "comment": change.comment, "merged": ", ".join(change.orders) or None}
    if change.verb in GIVING_UP:
        said["disposition"] = change.disposition
    if change.into is not None:
        target = book.order(change.into)
        said |= {"into": target.order_id, "into_date": target.order_date.isoformat()}
    return Wanted(
        change.verb,
        order,
        book.orders,
        made,
        change.to or change.order_date,
        said,
        book.balances,
        on_its_day=change.verb in ON_ITS_DAY and change.order_date is None,
    )


def change_name(order_id: str, number: int) -> str:
    """The id of the document of an order's change; of an order whose id is too long for that, a short one."""
    name = f"{order_id}.change-{number}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{hashlib.sha256(order_id.encode()).hexdigest()[:24]}.change-{number}"


def is_change_name(quote_id: str) -> bool:
    """Whether an id looks like that of a change, so that no quote may have it."""
    return CHANGE_NAME.search(quote_id) is not None


def change_again(waiting: WaitingChange) -> OrderChange:
    """The change as it was asked for, without a token; the version that the asker had seen was looked at then."""
    return OrderChange.model_validate({**waiting.wanted, "token": "", "expected_version": None})


def fields_to_keep(change: OrderChange) -> dict[str, JsonValue]:
    """The fields of a change, to make it again once it is approved; its token is not kept."""
    return FIELDS.validate_python(change.model_dump(mode="json", exclude={"token", "at"}, exclude_unset=True))


def entry_of(waiting: WaitingChange, kind: str, at: datetime, **told: str | None) -> RecordEntry:
    """What the record says of a change that waits, was carried out or dropped."""
    return RecordEntry(
        kind=kind,
        at=at,
        key=f"change/{waiting.change_id}/{kind}",
        quote_id=waiting.quote_id,
        order_id=waiting.order_id,
        by=waiting.by,
        body={"change": waiting.change_id, "operation": waiting.verb, **{k: v for k, v in told.items() if v}},
    )
