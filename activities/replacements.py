"""Replacements: an order is written down, changes the directory at its start, then goes through the rounds it touches.

Every part may be repeated. The directory is changed in one transaction with the list of the rounds to look at: rounds
that open later are asked of the successor by themselves. Each round has a transaction of its own, so that whoever
decides waits for one and never for fifty; what was done is known by its row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.approvals import refuse_story
from activities.knowledge import Knowledge
from activities.replacement_requests import (
    BEGIN_REPLACEMENT,
    CANCEL,
    CANCEL_REPLACEMENT,
    FINISH_REPLACEMENT,
    OPEN_REPLACEMENT,
    REPLACE,
    REPLACE_IN_ROUNDS,
    CancelReplacement,
    OpenReplacement,
    OperationState,
    ReplacementMoved,
    ReplacementOrder,
    ReplacementStanding,
    StepReplacement,
)
from activities.requests import RefusalNote
from activities.store.operations import StoredOperation
from activities.store.record_entry import RecordEntry
from activities.store.rounds import RoundName
from activities.store.work import Database, Work
from activities.texts import refuse_unstorable_texts
from activities.tokens import Identity, Tokens
from domain.approval.replacing import Reseated
from domain.approval.round import ApprovalRound
from domain.refusal import Refusal
from domain.replacement import Replacement, Succession, find_replacement, succeed
from domain.standing import state_after

KIND = "approver_replacement"
BATCH = 50
LONGEST = 4.0
"""Seconds after which a batch is left to the next activity; its time-out is ten."""
LOOK = 0.02


class ReplacementActivities:
    """The activities of ``ApproverReplacement``."""

    def __init__(
        self, database: Database, tokens: Tokens, knowledge: Knowledge | None = None, *, stories: bool = False
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._knowledge = knowledge or Knowledge()
        self._stories = stories

    @activity.defn(name=OPEN_REPLACEMENT)
    async def open_replacement(self, request: OpenReplacement) -> ReplacementMoved:
        """Check an order and write it down.

        Codes: ``invalid_token``, ``admin_only``, ``stories_only``, those of ``find_replacement``,
        ``idempotency_key_reused``.
        """
        order = request.order

        async def write(work: Work) -> StoredOperation:
            refuse_unstorable_texts(order)
            refuse_story(request.story, allowed=self._stories)
            known = await work.operations.find(order.operation)
            if known is not None:
                # Proved when it was written down; a run that takes it up again has nothing to prove it by.
                return _same(known, order)
            self._check_admin(order.token, order.by, order.said(), REPLACE, order.operation)
            directory = await self._knowledge.directory(work)
            found = find_replacement(directory, order.old, order.new, order.kind)
            starts = max(request.at, order.start or request.at)
            wanted = order.model_dump(mode="json", exclude={"token"}) | {"kind": found.kind}
            row: dict[str, Any] = {"operation_id": order.operation, "kind": KIND, "subject": order.old, "by": order.by}
            row |= {"state": OperationState.SCHEDULED, "asked_at": request.at, "starts_at": starts, "wanted": wanted}
            await work.operations.add(row)
            if starts > request.at:
                await work.record.append([_entry("approver_replacement_planned", request.at, order, starts=starts)])
            return await work.operations.get(order.operation)

        return await self._moved(write)

    @activity.defn(name=BEGIN_REPLACEMENT)
    async def begin_replacement(self, request: StepReplacement) -> ReplacementMoved:
        """Change the directory, and list the rounds to look at. Refused then, the operation is over."""

        async def begin(work: Work) -> StoredOperation:
            stored = await work.operations.get(request.operation, for_update=True)
            if stored.state != OperationState.SCHEDULED:
                return stored
            order = ReplacementOrder.model_validate(stored.wanted)
            # From here on nobody else changes the directory, and no round opens on the one before.
            await work.directory.lock()
            directory = await self._knowledge.directory(work)
            replacement = find_replacement(directory, order.old, order.new, order.kind)
            succession = succeed(directory, replacement, request.at)
            await write_succession(work, succession, order, request.at)
            names = succession.replacement
            await work.operations.change(
                order.operation,
                state=OperationState.RUNNING,
                began_at=request.at,
                directory=[asdict(touch) for touch in succession.touches],
                wanted=stored.wanted | {"approvers": names.approvers, "persons": names.persons},
            )
            await work.operations.note_rounds(order.operation, names.persons, names.approvers)
            await work.record.append([_entry("approver_replaced", request.at, order, succession)])
            return await work.operations.get(order.operation)

        return await self._refusable(request, begin)

    @activity.defn(name=REPLACE_IN_ROUNDS)
    async def replace_in_rounds(self, request: StepReplacement) -> ReplacementMoved:
        """Look at the next rounds, up to fifty, for a few seconds at most; then let their runs hear of it."""
        async with self._database.reading() as work:
            stored = await work.operations.get(request.operation)
            names = await work.operations.waiting(request.operation, BATCH) if stored.state == "running" else ()
        until = time.monotonic() + LONGEST
        errors: list[Exception] = []
        for name in names:
            try:
                await self._replace_in_round(stored, name, request.at)
            except Exception as error:  # whatever is wrong with one round must not hold up the others
                errors.append(error)
                activity.logger.warning("replacement_failed", extra={"quote_id": name.quote_id, "error": repr(error)})
                async with self._database.work() as work:
                    await work.operations.failed(request.operation, name)
            if time.monotonic() > until:
                break
        async with self._database.work() as work:
            await work.operations.hand_to_refreshes(request.operation)
        if errors and len(errors) == len(names):
            raise errors[0]  # nothing but what cannot be done is left: that is for people to see
        return await self._moved(lambda work: work.operations.get(request.operation))

    @activity.defn(name=FINISH_REPLACEMENT)
    async def finish_replacement(self, request: StepReplacement) -> ReplacementMoved:
        """Look once more for rounds that were on their way to the replaced at the start; without any, it is done.

        Whoever holds a round now may have read the directory of before and not be seen yet: they are waited for.
        """
        await self._settled()

        async def finish(work: Work) -> StoredOperation:
            stored = await work.operations.get(request.operation, for_update=True)
            if stored.state != OperationState.RUNNING:
                return stored
            replacement, order = _replacement(stored), ReplacementOrder.model_validate(stored.wanted)
            more = await work.operations.note_rounds(stored.operation_id, replacement.persons, replacement.approvers)
            if not more and stored.done == stored.total:
                await work.operations.change(stored.operation_id, state=OperationState.DONE, finished_at=request.at)
                counts = await work.operations.counts(stored.operation_id)
                await work.record.append([_entry("approver_replacement_done", request.at, order, rounds=counts)])
            return await work.operations.get(stored.operation_id)

        return await self._moved(finish)

    @activity.defn(name=CANCEL_REPLACEMENT)
    async def cancel_replacement(self, request: CancelReplacement) -> ReplacementMoved:
        """Call off what has not begun; once more changes nothing. Codes: ``invalid_token``, ``wrong_state``."""

        async def cancel(work: Work) -> StoredOperation:
            self._check_admin(request.token, request.by, request.operation, CANCEL, request.operation)
            stored = await work.operations.get(request.operation, for_update=True)
            if stored.state == OperationState.CANCELLED:
                return stored
            if stored.state != OperationState.SCHEDULED:
                raise Refusal("wrong_state", f"operation {request.operation} is {stored.state}: it has begun")
            order = ReplacementOrder.model_validate(stored.wanted).model_copy(update={"by": request.by})
            await work.operations.change(request.operation, state=OperationState.CANCELLED, finished_at=request.at)
            await work.record.append([_entry("approver_replacement_cancelled", request.at, order)])
            return await work.operations.get(request.operation)

        return await self._moved(cancel)

    # -- steps

    def _check_admin(self, token: str, by: str, subject: str, verb: str, operation: str) -> Identity:
        who = self._tokens.check_act(token, by, subject, verb, operation, datetime.now(UTC))
        if not who.is_admin:
            raise Refusal("admin_only", "only an admin replaces an approver; make a token with --role admin")
        return who

    async def _moved(self, verb: Callable[[Work], Awaitable[StoredOperation]]) -> ReplacementMoved:
        try:
            async with self._database.work() as work:
                return ReplacementMoved(standing=standing(await verb(work)))
        except Refusal as refusal:
            return ReplacementMoved(refused=RefusalNote.of(refusal))

    async def _refusable(
        self, request: StepReplacement, verb: Callable[[Work], Awaitable[StoredOperation]]
    ) -> ReplacementMoved:
        """As :meth:`_moved`; a refusal is the end of the operation and is kept with it."""
        moved = await self._moved(verb)
        if moved.refused is None:
            return moved
        note = moved.refused.model_dump(mode="json")

        async def end(work: Work) -> StoredOperation:
            await work.operations.change(
                request.operation, state=OperationState.REFUSED, finished_at=request.at, refusal=note
            )
            return await work.operations.get(request.operation)

        return await self._moved(end)

    async def _settled(self) -> None:
        """Wait until every transaction that holds a round at this moment is over; what takes long is tried again."""
        until = time.monotonic() + LONGEST
        async with self._database.single() as work:
            waiting = await work.operations.on_their_way()
            while waiting:
                if time.monotonic() > until:
                    raise TimeoutError("a transaction holds a round for long; the replacement is finished after it")
                await asyncio.sleep(LOOK)
                waiting &= await work.operations.on_their_way()

    async def _replace_in_round(self, stored: StoredOperation, name: RoundName, at: datetime) -> None:
        """Look at one round in one transaction: rows, record, messages, and what became of it."""
        async with self._database.work() as work:
            await work.quotes.get(name.quote_id, for_update=True)
            state = await work.rounds.get(name.quote_id, name.round, for_update=True)
            if not await work.operations.is_waiting(stored.operation_id, name):
                return
            moving = ApprovalRound(state, await self._knowledge.directory(work))
            found, outcome = in_round(moving, _replacement(stored), stored, state.not_before(at))
            if outcome != "round_closed":
                await _write(work, moving)
            await work.operations.settle(stored.operation_id, name, outcome, found)


def in_round(
    moving: ApprovalRound, replacement: Replacement, stored: StoredOperation, at: datetime
) -> tuple[list[dict[str, Any]], str]:
    """Replace in one round: what became of each approval, and of the round as a whole."""
    wanted = stored.wanted
    try:
        told = moving.replace(
            replacement, at, operation=stored.operation_id, by=stored.by, comment=wanted.get("comment")
        )
    except Refusal as refusal:
        return [], refusal.code
    return [asdict(each) for each in told], outcome_of(told)


def outcome_of(told: tuple[Reseated, ...]) -> str:
    """``replaced`` where anything was moved, ``left`` where nothing could be, ``unchanged`` where nothing was to be."""
    if any(each.outcome != "left" for each in told):
        return "replaced"
    return "left" if told else "unchanged"


def standing(stored: StoredOperation) -> ReplacementStanding:
    """What a workflow or a door must know of an operation."""
    order = ReplacementOrder.model_validate(stored.wanted)
    assert order.kind is not None
    return ReplacementStanding(
        operation=stored.operation_id,
        state=OperationState(stored.state),
        kind=order.kind,
        old=order.old,
        new=order.new,
        by=stored.by,
        starts_at=stored.starts_at,
        total=stored.total,
        done=stored.done,
        refusal=RefusalNote.model_validate(stored.refusal) if stored.refusal else None,
    )


def _replacement(stored: StoredOperation) -> Replacement:
    order, wanted = ReplacementOrder.model_validate(stored.wanted), stored.wanted
    assert order.kind is not None
    return Replacement(
        order.kind, order.old, order.new, tuple(wanted.get("approvers", ())), tuple(wanted.get("persons", ()))
    )


def _same(known: StoredOperation, order: ReplacementOrder) -> StoredOperation:
    before = ReplacementOrder.model_validate(known.wanted)
    told = [(each.old, each.new, each.by, each.comment) for each in (before, order)]
    if told[0] != told[1]:
        raise Refusal("idempotency_key_reused", f"{order.operation} is another replacement; take a new key")
    return known


async def write_succession(work: Work, succession: Succession, order: ReplacementOrder, at: datetime) -> None:
    """Write the entries that a replacement touched, and nothing else."""
    kinds = {"users": "user", "groups": "group", "approvers": "approver"}
    touched = {(each.section, each.entry) for each in succession.touches if not each.is_left}
    for section, name in sorted(touched):
        if section in kinds:
            entry = getattr(succession.directory, section)[name]
            body = entry.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
            await work.directory.put(kinds[section], name, body, order.by)
    for delegation in succession.ended:
        if delegation.id is not None:
            await work.directory.end_delegation(delegation.id, order.by, at)
    for name, delegation in succession.entered.items():
        start, end = succession.directory.window(delegation)
        body = delegation.model_dump(mode="json", by_alias=True, exclude_none=True)
        await work.directory.end_delegation(name, order.by, at)
        key = f"{order.operation}/{name}"
        fresh = await work.directory.add_delegation(body, order.by, at, starts_at=start, ends_at=end, key=key)
        await work.operations.keep_place(name, fresh)


async def _write(work: Work, moving: ApprovalRound) -> None:
    """Store what became of a round: state, record and messages in this one transaction."""
    state = moving.state
    await work.rounds.save(state)
    if moving.events:
        latest = state_after(state)
        await work.quotes.set_state(state.quote_id, latest.value, moving.events[-1].at, round=state.round)
    await work.record.append([RecordEntry.of_round(event, state) for event in moving.events])
    await work.outgoing.put(moving.notices)


def _entry(
    kind: str, at: datetime, order: ReplacementOrder, succession: Succession | None = None, **more: Any
) -> RecordEntry:
    body: dict[str, Any] = {"operation": order.operation, "kind": order.kind, "from": order.old, "to": order.new}
    body |= {"comment": order.comment} if order.comment else {}
    body |= {name: value.isoformat() if isinstance(value, datetime) else value for name, value in more.items()}
    if succession is not None:
        touched = [each for each in succession.touches if not each.is_left]
        body["entries"] = [f"{each.section}.{each.entry}.{each.field}" for each in touched]
    return RecordEntry(kind=kind, at=at, key=f"{order.operation}/{kind}", by=order.by, body=body)
