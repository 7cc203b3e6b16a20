"""Verbs on messages: see what became of them, and send one again."""

from __future__ import annotations

from activities.composition import refuse_superseded
from activities.partners.mail import Undeliverable
from activities.store.message_views import MessageLine
from activities.store.record_entry import RecordEntry
from activities.tokens import Identity
from domain.approval.state import Notice
from domain.refusal import Refusal
from starter.desk import Desk


class MessageDesk:
    """For admins; the doors see to that."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def resend(self, who: Identity, key: str) -> MessageLine:
        """Let a message leave again, given up or sent, and record who wanted it.

        Codes: ``unknown_message``, ``superseded`` (it asks for what is settled, or asked of somebody else by now).
        """
        async with self._desk.database.work() as work:
            message = await work.outgoing.get(key, for_update=True)
            notice = Notice.model_validate(message.body)
            try:
                refuse_superseded(notice, await work.rounds.get(notice.quote_id, notice.round))
            except Undeliverable as why:
                raise Refusal("superseded", str(why), "key") from None
            await work.outgoing.send_again(key)
            entry = RecordEntry(
                kind="message_resent",
                at=self._desk.clock.now(),
                quote_id=notice.quote_id,
                round=notice.round,
                by=who.user,
                body={"message": key, "kind": notice.kind, "to": notice.to},
            )
            await work.record.append([entry])
            return await work.message_views.line(key)
