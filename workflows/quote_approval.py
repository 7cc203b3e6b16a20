"""``QuoteApproval``: one round of a quote, from its submit to its outcome.

Life: plan and open (one activity), then one loop: wait until somebody decided or the next moment of the round has
come, and let an activity carry it out. It ends approved, rejected or recalled; what cannot be carried out now is
tried again later and ends nothing. Deadlines: those of the round's state, worked out in activities; here moments are
only compared. Messages: update ``opened`` (the state once it is open),
update ``decide`` and signal ``decision`` (the same thing), update ``act`` and signal ``action`` (ask, answer, add,
reassign, override, withdraw, recompute), update ``recall``, update ``refresh`` after a change of the directory; query
``standing``.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.requests import (
    ACT_ON_ROUND,
    ADVANCE_ROUND,
    NOTE_IGNORED,
    OPEN_ROUND,
    RECALL_ROUND,
    RECORD_DECISION,
    REFRESH_ROUND,
    ActOnRound,
    AdvanceRound,
    NoteIgnored,
    OpenRound,
    RecallRound,
    RecordDecision,
    RefusalNote,
    RoundMoved,
)
from activities.texts import refuse_unstorable_texts
from domain.approval.channels import check_channel
from domain.approval.refusals import check_decision, check_open
from domain.approval.state import RoundState
from domain.refusal import Refusal
from workflows.alarm import Alarm
from workflows.messages import Act, Decide, Recall, Refresh, RoundAnswer, RoundResult, RoundStart
from workflows.names import LONGEST_NAME
from workflows.pictures import held_up, round_table, timer_name
from workflows.refusing import refused
from workflows.run_clock import RunClock
from workflows.searched import Searched
from workflows.terms import LEDGER, REFUSED_AGAIN
from workflows.waiting import history_is_long, later, until

WHOSE_TURN = frozenset({"not_yours", "not_your_turn", "already_decided"})
"""Refusals that another state of the round, one that this run has not heard of yet, may take back."""
RoundRequest = RecordDecision | ActOnRound | RecallRound | AdvanceRound


@workflow.defn(name="QuoteApproval")
class QuoteApproval:
    """One round of approval."""

    @workflow.init
    def __init__(self, start: RoundStart) -> None:
        offset = timedelta(microseconds=start.clock_offset_us) if start.clock_offset_us is not None else None
        self._start = start
        self._clock = RunClock(start.at, offset)
        self._state: RoundState | None = None
        self._refused: RefusalNote | None = None
        self._lock = asyncio.Lock()
        self._shown: Searched | None = None
        self._alarm = Alarm()
        self._few_actions = False
        self._not_before: datetime | None = None

    @workflow.run
    async def run(self, start: RoundStart) -> RoundResult:
        # One timer is kept where it will do, and what the start has shown is not shown again.
        self._few_actions = _takes_few_actions(start)
        await self._open()
        if self._refused is not None:
            await workflow.wait_condition(workflow.all_handlers_finished)
            # Failed, not completed: nothing was stored, and the same id may be used once the reason is gone.
            raise refused(self._refused)
        while self._now.outcome is None:
            await self._wait()
            if history_is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._now.outcome is None:
                    workflow.continue_as_new(self._resumed())
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = self._now
        return RoundResult(
            quote_id=state.quote_id, round=state.round, outcome=str(state.outcome), reason=state.outcome_reason
        )

    # -- messages

    @workflow.update(name="opened", description="The round once it is open")
    async def opened(self) -> RoundAnswer:
        await self._ready()
        return RoundAnswer(state=self._now)

    @workflow.update(name="decide", description="Approve or reject an approval of this round")
    async def decide(self, message: Decide) -> RoundAnswer:
        await self._ready()
        return await self._decide(message)

    @decide.validator
    def check_decide(self, message: Decide) -> None:
        """Refuse without leaving history what is certain to be refused.

        Not whose turn it is: a change of people may have moved the round on since this run last looked, and the
        activity knows of now.
        """
        _refuse_channel(message.channel)
        state = self._state
        if state is None or state.has_seen(message.decision_id):
            return
        try:
            refuse_unstorable_texts(message)
            check_decision(state, message.decision())
        except Refusal as refusal:
            if refusal.code in WHOSE_TURN:
                return
            raise refused(refusal) from None

    @workflow.signal(name="decision", description="The same as decide, without an answer")
    async def decision(self, message: Decide) -> None:
        try:
            await self._ready()
            await self._decide(message.by_signal())
        except ApplicationError as error:
            claimed = {"by": message.by, "approval": message.approval, "verdict": message.verdict}
            await self._note_ignored("decision", error, message.at, claimed | {"id": message.decision_id})

    @workflow.update(name="act", description="Ask, answer, add, reassign, override, withdraw or recompute")
    async def act(self, message: Act) -> RoundAnswer:
        await self._ready()
        return await self._act(message)

    @act.validator
    def check_act(self, message: Act) -> None:
        """Refuse without leaving history what is certain to be refused."""
        _refuse_channel(message.act.channel)
        state = self._state
        if state is None or state.has_seen(message.act.act_id):
            return
        try:
            refuse_unstorable_texts(message)
            check_open(state)
        except Refusal as refusal:
            raise refused(refusal) from None

    @workflow.signal(name="action", description="The same as act, without an answer")
    async def action(self, message: Act) -> None:
        try:
            await self._ready()
            await self._act(message.by_signal())
        except ApplicationError as error:
            claimed = {"by": message.act.by, "approval": message.act.approval, "verb": message.act.verb}
            await self._note_ignored("action", error, message.at, claimed | {"id": message.act.act_id})

    @workflow.update(name="recall", description="Take the quote back")
    async def recall(self, message: Recall) -> RoundAnswer:
        await self._ready()
        at = self._clock.moment(message.at)
        request = RecallRound(
            quote_id=self._start.quote_id,
            round=self._start.round,
            by=message.by,
            at=at,
            comment=message.comment,
            token=message.token,
            key=message.key,
        )
        return await self._carry_out(RECALL_ROUND, request, f"{message.by} recalls")

    @workflow.update(name="refresh", description="Look again who may act, after the directory changed")
    async def refresh(self, message: Refresh) -> RoundAnswer:
        await self._ready()
        if self._now.outcome is not None:
            return RoundAnswer(state=self._now)
        return await self._carry_out(REFRESH_ROUND, self._advance(self._clock.moment(message.at)), "people changed")

    @workflow.query(name="standing", description="The round as this run last saw it")
    def standing(self) -> RoundState | None:
        return self._state

    # -- steps

    @property
    def _now(self) -> RoundState:
        assert self._state is not None
        return self._state

    async def _open(self) -> None:
        request = OpenRound(
            quote_id=self._start.quote_id,
            round=self._start.round,
            by=self._start.by,
            at=self._start.at or self._clock.now(),
            comment=self._start.comment,
            policy=self._start.policy,
            token=self._start.token,
            story=self._clock.is_shifted,
        )
        async with self._lock:
            moved = await workflow.execute_activity(
                OPEN_ROUND, request, result_type=RoundMoved, **LEDGER.options(), summary="plan and open"
            )
            self._refused = moved.refused
            if moved.state is not None:
                self._take(moved.state)

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._state is not None or self._refused is not None)
        if self._refused is not None:
            raise refused(self._refused)

    async def _wait(self) -> None:
        """Until the round is another or its next moment has come; then do what time has brought."""
        seen, moment = self._now, later(self._now.next_moment, self._not_before)
        left = moment - self._clock.now() if moment is not None else None
        if self._few_actions:
            changed = await self._alarm.until(lambda: self._has_moved(seen), moment, left, timer_name(seen))
        else:
            changed = await until(lambda: self._has_moved(seen), left, timer_name(seen))
        if changed or moment is None:
            return
        async with self._lock:
            if self._now.outcome is None and self._is_due(self._clock.now()):
                await self._advance_to(self._clock.due(moment))

    def _has_moved(self, seen: RoundState) -> bool:
        return self._state is not seen or history_is_long()

    async def _advance_to(self, moment: datetime) -> None:
        try:
            await self._move(ADVANCE_ROUND, self._advance(moment), "remind or escalate")
        except ApplicationError as error:
            # People may still decide; and what stands in the way may be mended by then.
            self._not_before = self._clock.now() + REFUSED_AGAIN
            workflow.set_current_details(held_up(round_table(self._now), error))
            workflow.logger.error("advance_refused", extra={"code": error.type})

    def _is_due(self, at: datetime) -> bool:
        moment = self._now.next_moment
        return moment is not None and moment <= at

    def _advance(self, at: datetime) -> AdvanceRound:
        return AdvanceRound(quote_id=self._start.quote_id, round=self._start.round, at=at, exact=self._clock.is_story)

    async def _decide(self, message: Decide) -> RoundAnswer:
        request = RecordDecision(
            quote_id=self._start.quote_id,
            round=self._start.round,
            decision=message.decision(),
            token=message.token,
            at=self._clock.moment(message.at),
        )
        return await self._carry_out(RECORD_DECISION, request, f"{message.by}: {message.verdict}")

    async def _act(self, message: Act) -> RoundAnswer:
        request = ActOnRound(
            quote_id=self._start.quote_id,
            round=self._start.round,
            act=message.act,
            token=message.token,
            at=self._clock.moment(message.at),
        )
        return await self._carry_out(ACT_ON_ROUND, request, f"{message.act.by}: {message.act.verb}")

    async def _note_ignored(
        self, signal: str, error: ApplicationError, at: datetime | None, claimed: dict[str, str]
    ) -> None:
        note = NoteIgnored(
            quote_id=self._start.quote_id,
            round=self._start.round,
            signal=signal,
            code=error.type or "refused",
            why=error.message,
            at=self._clock.moment(at),
            key=str(workflow.uuid4()),
            claimed=claimed,
        )
        await workflow.execute_activity(NOTE_IGNORED, note, **LEDGER.options(), summary=f"ignored {signal}")

    async def _carry_out(self, name: str, request: RoundRequest, what: str) -> RoundAnswer:
        async with self._lock:
            return RoundAnswer(state=await self._move(name, request, what))

    async def _move(self, name: str, request: RoundRequest, what: str) -> RoundState:
        moved: RoundMoved = await workflow.execute_activity(
            name, request, result_type=RoundMoved, **LEDGER.options(), summary=what[:LONGEST_NAME]
        )
        if moved.refused is not None:
            raise refused(moved.refused)
        assert moved.state is not None
        self._take(moved.state)
        return moved.state

    def _take(self, state: RoundState) -> None:
        """Remember the round, and show operators where it stands."""
        self._state = state
        self._not_before = None
        workflow.set_current_details(round_table(state))
        found = Searched.of(state)
        if self._few_actions:
            is_shown = found.is_like(Searched.shown(workflow.info().typed_search_attributes))
        else:
            is_shown = found == self._shown
        if is_shown:
            return
        self._shown = found
        workflow.upsert_search_attributes(found.updates())

    def _resumed(self) -> RoundStart:
        offset = self._clock.offset // timedelta(microseconds=1)
        return self._start.model_copy(update={"resumed": True, "clock_offset_us": offset})


def _takes_few_actions(start: RoundStart) -> bool:
    """Whether this run keeps to few actions: a start may say so, and spares the marker and what is indexed with it.

    A worker of an earlier release, which does not know what the start says, may have left the marker: on replay it is
    asked for, and where there is none, asking leaves nothing.
    """
    if not start.few_actions:
        return workflow.patched("few-actions")
    if workflow.unsafe.is_replaying():
        workflow.patched("few-actions")
    return True


def _refuse_channel(name: str) -> None:
    """Refuse an update that says it came by a channel that is not its to name."""
    try:
        check_channel(name)
    except Refusal as refusal:
        raise refused(refusal) from None
