"""``ApproverReplacement``: puts a successor in somebody's place, in the directory and in every open round.

Life: the order is checked and written down; it waits for its start, if it has one; the directory is changed and the
rounds to look at are listed, in one transaction; then one batch after the other until none is left. Deadlines: its
start. Messages: update ``begun`` (the operation once it is written down, or why it was refused), update ``cancel``
(before it begins); query ``progress``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

from activities.replacement_requests import (
    BEGIN_REPLACEMENT,
    CANCEL_REPLACEMENT,
    FINISH_REPLACEMENT,
    OPEN_REPLACEMENT,
    REPLACE_IN_ROUNDS,
    CancelReplacement,
    OpenReplacement,
    OperationState,
    ReplacementMoved,
    ReplacementStanding,
    StepReplacement,
)
from activities.requests import Message, RefusalNote
from workflows.names import DUE_AT, LONGEST_NAME
from workflows.refusing import refused
from workflows.replacement_messages import CancelOperation, ReplacementAnswer, ReplacementStart
from workflows.run_clock import RunClock
from workflows.terms import LEDGER
from workflows.waiting import history_is_long, until


@workflow.defn(name="ApproverReplacement")
class ApproverReplacement:
    """One replacement, everywhere."""

    @workflow.init
    def __init__(self, start: ReplacementStart) -> None:
        offset = timedelta(microseconds=start.clock_offset_us) if start.clock_offset_us is not None else None
        self._start = start
        self._clock = RunClock(start.at, offset)
        self._standing: ReplacementStanding | None = None
        self._refused: RefusalNote | None = None
        self._lock = asyncio.Lock()

    @workflow.run
    async def run(self, start: ReplacementStart) -> ReplacementAnswer:
        await self._open()
        if self._refused is not None:
            await workflow.wait_condition(workflow.all_handlers_finished)
            # Failed, not completed: nothing was stored, and the same id may be used once the reason is gone.
            raise refused(self._refused)
        while not self._now.state.is_over:
            await self._wait_for_start()
            await self._next()
            if history_is_long() and not self._now.state.is_over:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._resumed())
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ReplacementAnswer(standing=self._now)

    # -- messages

    @workflow.update(name="begun", description="The operation once it is written down")
    async def begun(self) -> ReplacementAnswer:
        await self._ready()
        return ReplacementAnswer(standing=self._now)

    @workflow.update(name="cancel", description="Call it off before it begins")
    async def cancel(self, message: CancelOperation) -> ReplacementAnswer:
        await self._ready()
        request = CancelReplacement(
            operation=self._start.order.operation,
            by=message.by,
            token=message.token,
            at=self._clock.moment(message.at),
        )
        async with self._lock:
            moved = await self._move(CANCEL_REPLACEMENT, request, f"{message.by} calls it off")
        if moved.refused is not None:
            raise refused(moved.refused)
        return ReplacementAnswer(standing=self._now)

    @workflow.query(name="progress", description="How far it is, as this run last saw it")
    def progress(self) -> ReplacementStanding | None:
        return self._standing

    # -- steps

    @property
    def _now(self) -> ReplacementStanding:
        assert self._standing is not None
        return self._standing

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self._standing is not None or self._refused is not None)
        if self._refused is not None:
            raise refused(self._refused)

    async def _open(self) -> None:
        request = OpenReplacement(
            order=self._start.order, at=self._start.at or self._clock.now(), story=self._clock.is_shifted
        )
        moved = await self._move(OPEN_REPLACEMENT, request, "check and write down")
        self._refused = moved.refused

    async def _wait_for_start(self) -> None:
        left = self._now.starts_at - self._clock.now()
        if self._now.state is OperationState.SCHEDULED and left > timedelta():
            workflow.upsert_search_attributes([DUE_AT.value_set(self._now.starts_at)])
            await until(lambda: self._now.state.is_over or history_is_long(), left, "start of the replacement")

    async def _next(self) -> None:
        """The next part: wait on, change the directory, look at some rounds, or finish."""
        async with self._lock:
            if self._now.state.is_over:
                return
            if self._now.state is OperationState.SCHEDULED:
                if self._now.starts_at <= self._clock.now():
                    await self._step(BEGIN_REPLACEMENT, "change the directory, list the rounds")
            elif self._now.done < self._now.total:
                await self._step(REPLACE_IN_ROUNDS, f"rounds {self._now.done + 1} and on of {self._now.total}")
            else:
                await self._step(FINISH_REPLACEMENT, "look once more")

    async def _step(self, name: str, what: str) -> None:
        # In a story everything happens at the start; nothing of it takes time.
        at = self._clock.due(self._now.starts_at)
        request = StepReplacement(operation=self._start.order.operation, at=at)
        moved = await self._move(name, request, what)
        if moved.refused is not None:  # only somebody who took the row away can bring this about
            raise refused(moved.refused)

    async def _move(self, name: str, request: Message, what: str) -> ReplacementMoved:
        moved: ReplacementMoved = await workflow.execute_activity(
            name, request, result_type=ReplacementMoved, **LEDGER.options(), summary=what[:LONGEST_NAME]
        )
        if moved.standing is not None:
            self._standing = moved.standing
            workflow.set_current_details(picture(moved.standing))
        return moved

    def _resumed(self) -> ReplacementStart:
        offset = self._clock.offset // timedelta(microseconds=1)
        return self._start.model_copy(update={"resumed": True, "clock_offset_us": offset})


def picture(standing: ReplacementStanding) -> str:
    """Where a replacement stands, for the Temporal UI."""
    head = f"**{standing.old}** ({standing.kind}) is replaced by **{standing.new}**, asked for by {standing.by}"
    lines = {
        OperationState.SCHEDULED: f"Begins {standing.starts_at:%Y-%m-%d %H:%M} UTC; it can be called off until then.",
        OperationState.RUNNING: f"Looked at {standing.done} of {standing.total} rounds.",
        OperationState.DONE: f"Done: looked at {standing.total} rounds.",
        OperationState.CANCELLED: "Called off before it began.",
        OperationState.REFUSED: f"Refused at its start: {standing.refusal.code if standing.refusal else ''}.",
    }
    return f"{head}\n\n{lines[standing.state]}"
