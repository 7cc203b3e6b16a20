"""Verbs in a running round beside deciding: ask, answer, add, reassign, override, withdraw, recompute; and comments."""

from __future__ import annotations

import uuid

from activities.approvals import subject_of
from activities.store.record_entry import RecordEntry
from activities.tokens import Identity
from domain.approval.channels import check_channel
from domain.approval.deeds import check_act_id, deed_of, words_of
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, RoundAct, RoundState
from domain.refusal import Refusal
from starter.desk import Desk
from starter.round_calls import resume_round, update_round
from workflows.messages import Act
from workflows.quote_approval import QuoteApproval


class ApprovalDesk:
    """What people do in a round beside deciding and recalling."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def act(self, who: Identity, act: RoundAct) -> RoundState:
        """Do ``act``, which names an approval by its id; the same ``act_id`` twice is one act.

        Codes: ``unknown_approval``, those of ``ApprovalRound.act``, ``unavailable``.
        """
        async with self._desk.reading() as work:
            state = await work.rounds.of_approval(act.approval)
        return await self._do(who, state, act)

    async def act_on_quote(self, who: Identity, quote_id: str, act: RoundAct) -> RoundState:
        """Do ``act`` in the latest round of the quote, where it need not name an approval: answer and recompute.

        Codes: ``unknown_quote``, ``round_closed`` (never submitted), and those of :meth:`act`.
        """
        async with self._desk.reading() as work:
            quote = await work.quotes.get(quote_id)
            state = await work.rounds.latest(quote_id, quote.round)
        return await self._do(who, state, act)

    async def _do(self, who: Identity, state: RoundState, act: RoundAct) -> RoundState:
        check_channel(act.channel)
        check_act_id(state, act)
        if state.has_seen(act.act_id):
            return state
        async with self._desk.reading() as work:
            directory = await self._desk.knowledge.directory(work)
        # Refuse here what would be refused, on who is who now: the run may not have heard of it yet.
        trial = ApprovalRound(state, directory)
        trial.act(act, self._desk.clock.now(), is_admin=who.is_admin, may_override=who.may_override)
        message = Act(
            act=act,
            token=self._desk.act(
                who,
                subject_of(state, act.approval, act.by),
                deed_of(act),
                act.act_id,
                words_of(act),
                act.channel,
            ),
            at=self._desk.clock.told(),
        )
        answer = await update_round(
            self._desk, state.quote_id, state.round, QuoteApproval.act, message, f"act-{act.act_id}"
        )
        return answer.state.model_copy(update={"not_fired": state.not_fired})

    async def resume(self, quote_id: str) -> RoundState:
        """See to it that the quote's open round has a run: an operator may have ended it.

        Every verb on such a round does so by itself; this is for its reminders, which would wait for one.
        Codes: ``unknown_quote``, ``round_closed``.
        """
        async with self._desk.reading() as work:
            quote = await work.quotes.get(quote_id)
            state = await work.rounds.latest(quote_id, quote.round)
        if not await resume_round(self._desk, quote_id, state.round):
            raise Refusal("round_closed", f"round {state.round} of {quote_id} was {state.outcome}")
        return state

    async def comment(self, who: Identity, quote_id: str, text: str, *, key: str | None = None) -> None:
        """Put a comment on the record of a quote; it changes nothing. Codes: ``unknown_user``, ``unknown_quote``."""
        async with self._desk.database.work() as work:
            await self._desk.check_user(work, who)
            quote = await work.quotes.get(quote_id, for_update=True)
            entry = RecordEntry(
                kind="commented",
                at=self._desk.clock.now(),
                key=f"comment/{quote_id}/{key}" if key is not None else None,
                quote_id=quote_id,
                round=quote.round or None,
                by=who.user,
                channel="api",
                content_hash=quote.content_hash,
                body={"comment": text},
            )
            await work.record.append([entry])


def new_act(who: Identity, verb: ActVerb, key: str | None = None, **fields: object) -> RoundAct:
    """An act of ``who`` under ``key``, or under an id of its own."""
    given = {name: value for name, value in fields.items() if value is not None}
    return RoundAct.model_validate({"act_id": key or uuid.uuid4().hex, "verb": verb, "by": who.user, **given})
