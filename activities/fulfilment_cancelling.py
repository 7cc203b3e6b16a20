"""Cancelling a whole fulfilment: one transaction over all orders of a quote, whose runs are told afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AwareDatetime

from activities.change_approvals import ChangeApprovals
from activities.knowledge import Knowledge
from activities.requests import Message
from activities.store.record_entry import RecordEntry
from activities.store.work import Database, Work
from activities.texts import refuse_unstorable_texts
from activities.tokens import Tokens
from domain.order.event import Cause
from domain.order.withdrawal import Withdrawal, withdraw_all

VERB: Final = "cancel_orders"
DONE: Final = 200


class CancelFulfilment(Message):
    """Cancel what can be cancelled of the orders of a quote for ``by``, as ``token`` proves, once for its ``key``."""

    quote_id: str
    by: str
    at: AwareDatetime
    key: str
    token: str
    disposition: Literal["unordered", "cancelled"] = "unordered"
    comment: str | None = None

    @property
    def claim(self) -> str:
        """The key under which the store remembers that it was done, and what came of it."""
        return f"cancel-orders/{self.quote_id}/{self.key}"

    @property
    def cause(self) -> Cause:
        return Cause(at=self.at, by=self.by, why=self.comment)


class FulfilmentCancelled(Message):
    """The orders by what became of them: not sent and so cancelled; withdrawn at the ERP; left as they are."""

    cancelled: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> FulfilmentCancelled:
        return cls(cancelled=withdrawal.cancelled, withdrawn=withdrawal.withdrawn, kept=withdrawal.kept)


class FulfilmentCancelling:
    """Cancels fulfilments. The same request twice is one cancellation, with the first answer."""

    def __init__(
        self, database: Database, tokens: Tokens, knowledge: Knowledge, *, change_policy: str | None = None
    ) -> None:
        self._database = database
        self._approvals = ChangeApprovals(knowledge, change_policy)
        self._tokens = tokens
        self._knowledge = knowledge

    async def cancel(self, request: CancelFulfilment) -> FulfilmentCancelled:
        """All orders of the quote at once. Codes: ``invalid_token``, ``unknown_user``, ``not_ordered``,
        ``nothing_open``, ``needs_approval``, ``stale`` (an order was changed in the same moment: try again).
        """
        refuse_unstorable_texts(request)
        async with self._database.work() as work:
            moment = datetime.now(UTC)
            words = (request.comment, request.disposition)
            who = self._tokens.check_act(
                request.token, request.by, request.quote_id, VERB, request.key, moment, words=words
            )
            book = await work.orders.book(request.quote_id, for_update=True)
            if not await work.idempotency.claim(request.claim):
                kept = await work.idempotency.kept(request.claim)
                return FulfilmentCancelled.model_validate(kept)
            await self._knowledge.check_user(work, who, services=True)
            withdrawal = withdraw_all(book, request.cause, disposition=request.disposition)
            await self._approvals.refuse_whole(work, request.by, book, withdrawal.change, request.at)
            return await _carry_out(work, withdrawal, request)


async def _carry_out(work: Work, withdrawal: Withdrawal, request: CancelFulfilment) -> FulfilmentCancelled:
    done = FulfilmentCancelled.of(withdrawal)
    body = done.model_dump(mode="json")
    await work.save_change(withdrawal.change)
    await work.order_looks.put(withdrawal.change.orders)
    await work.idempotency.keep(request.claim, body)
    entry = RecordEntry(
        kind="fulfilment_cancelled",
        at=request.at,
        key=request.claim,
        quote_id=request.quote_id,
        by=request.by,
        body={**body, "disposition": request.disposition, "comment": request.comment},
    )
    await work.record.append([entry])
    return done
