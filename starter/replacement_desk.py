"""Verbs on replacements: show what one would touch, order it, look how far it is, call it off."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.replacement_requests import CANCEL, REPLACE, ReplacementOrder
from activities.replacements import KIND, in_round, standing
from activities.store.jsonable import fingerprint
from activities.store.operations import OperationRound, StoredOperation
from activities.tokens import Identity
from domain.approval.round import ApprovalRound
from domain.people import Directory
from domain.refusal import Refusal
from domain.replacement import Replaced, Replacement, find_replacement, succeed
from starter.desk import Desk
from starter.replacement_calls import resume_replacement, update_replacement
from starter.temporal_calls import answered
from workflows.approver_replacement import ApproverReplacement
from workflows.names import replacement_id
from workflows.replacement_messages import CancelOperation, ReplacementAnswer, ReplacementStart

BATCH = 50
DRY = "dry-run"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as doors show it: how far it is, and how many rounds and approvals came to what."""

    stored: StoredOperation
    rounds: Mapping[str, int]
    approvals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a replacement would touch at this moment; nothing of it is written."""

    replacement: Replacement
    directory: tuple[dict[str, Any], ...]
    rounds: tuple[OperationRound, ...]


class ReplacementDesk:
    """Verbs on replacements. Whoever calls has made sure that ``who`` is an admin; the run checks it again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def preview(
        self, who: Identity, old: str, new: str, *, kind: Replaced | None = None, comment: str | None = None
    ) -> DryRun:
        """Exactly what :meth:`replace` would touch now. Codes: those of ``find_replacement``."""
        at = self._desk.clock.now()
        async with self._desk.reading() as work:
            directory = await self._desk.knowledge.directory(work)
            found = succeed(directory, find_replacement(directory, old, new, kind), at)
            wanted = found.replacement
            names = await work.operations.rounds_of(wanted.persons, wanted.approvers)
            order = _dry_order(who, wanted, at, comment)
            rounds: list[OperationRound] = []
            for position, name in enumerate(names, start=1):
                moving = ApprovalRound(await work.rounds.get(*name), found.directory)
                told, outcome = in_round(moving, wanted, order, at)
                rounds.append(
                    OperationRound(
                        quote_id=name.quote_id, round=name.round, position=position, state=outcome, found=told
                    )
                )
                if position % BATCH == 0:
                    await asyncio.sleep(0)  # others want to be answered, too
        return DryRun(wanted, tuple(asdict(touch) for touch in found.touches), tuple(rounds))

    async def replace(
        self,
        who: Identity,
        old: str,
        new: str,
        *,
        kind: Replaced | None = None,
        start: datetime | None = None,
        comment: str | None = None,
        key: str | None = None,
    ) -> StoredOperation:
        """Put ``new`` in the place of ``old`` everywhere, from ``start`` or now on; the same ``key`` twice is once.

        Without a zone ``start`` is in that of whoever is replaced; one in the past means now.
        Codes: ``admin_only``, those of ``find_replacement``, ``idempotency_key_reused``, ``unavailable``.
        """
        operation = fingerprint([KIND, who.user, key])[:20] if key is not None else uuid.uuid4().hex[:20]
        async with self._desk.reading() as work:
            known = await work.operations.find(operation)
            directory = await self._desk.knowledge.directory(work)
        if known is None:
            # What is refused now is refused before anything is started.
            start = _moment(start, directory, find_replacement(directory, old, new, kind))
        order = ReplacementOrder(
            operation=operation,
            old=old,
            new=new,
            by=who.user,
            kind=kind,
            start=start,
            comment=comment,
        )
        order = order.model_copy(update={"token": self._desk.tokens.act(who, order.said(), REPLACE, operation)})
        if known is not None:
            _refuse_another(known, order)
            await resume_replacement(self._desk, operation)
            return await self._stored(operation)
        await self._begin(order)
        return await self._stored(operation)

    async def _begin(self, order: ReplacementOrder) -> None:
        start = ReplacementStart(order=order, at=self._desk.clock.told())

        async def call() -> ReplacementAnswer:
            operation = WithStartWorkflowOperation(
                ApproverReplacement.run,
                start,
                id=replacement_id(order.operation),
                task_queue=self._desk.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{order.old} is replaced by {order.new}",
            )
            answer: ReplacementAnswer = await self._desk.client.execute_update_with_start_workflow(
                "begun", start_workflow_operation=operation, id="begun", result_type=ReplacementAnswer
            )
            return answer

        try:
            await answered(call, Refusal("wrong_state", "the operation is over; look at its report"))
        except (WorkflowAlreadyStartedError, Refusal) as error:
            # It came to its end between the two: what it did is there to be read.
            if isinstance(error, Refusal) and error.code not in ("wrong_state", "round_closed"):
                raise
            await self._stored(order.operation)

    async def finished(self, operation: str) -> StoredOperation:
        """Wait until it is over. Code: ``unknown_operation``."""
        await self._stored(operation)
        await self._run(operation).result()
        return await self._stored(operation)

    async def cancel(self, who: Identity, operation: str) -> StoredOperation:
        """Call an operation off before it begins; once more changes nothing.

        Codes: ``unknown_operation``, ``admin_only``, ``wrong_state`` (it has begun, or is over).
        """
        stored = await self._stored(operation)
        if stored.state == "cancelled":
            return stored
        token = self._desk.tokens.act(who, operation, CANCEL, operation)
        message = CancelOperation(by=who.user, token=token, at=self._desk.clock.told())

        call_id = f"cancel-{uuid.uuid4().hex}"
        await update_replacement(self._desk, operation, ApproverReplacement.cancel, message, call_id)
        return await self._stored(operation)

    async def resume(self, operation: str) -> StoredOperation:
        """See to it that an operation has a run: an operator may have ended it.

        A repeat under the same key and a cancel do so by themselves, and the worker does once it is due.
        Codes: ``unknown_operation``, ``wrong_state`` (it is over), ``unavailable``.
        """
        if not await resume_replacement(self._desk, operation):
            raise Refusal("wrong_state", f"operation {operation} is over")
        return await self._stored(operation)

    async def operation(self, name: str) -> Operation:
        """That operation and its counts. Code: ``unknown_operation``."""
        async with self._desk.reading() as work:
            stored = await work.operations.get(name)
            rounds = await work.operations.counts(name)
            # What came of each approval is added up when all is done: until then the counts of rounds say enough.
            approvals = await work.operations.approvals_of(name) if stored.state == "done" else {}
        return Operation(stored, rounds, approvals)

    async def rounds(self, name: str, *, after: int = 0, limit: int = 100) -> tuple[OperationRound, ...]:
        """What became of each round, in the order of quotes. Code: ``unknown_operation``."""
        async with self._desk.reading() as work:
            await work.operations.get(name)
            return await work.operations.page(name, after=after, limit=limit)

    async def _stored(self, operation: str) -> StoredOperation:
        async with self._desk.reading() as work:
            return await work.operations.get(operation)

    def _run(self, operation: str) -> Any:
        return self._desk.client.get_workflow_handle(replacement_id(operation), result_type=ReplacementAnswer)


def _moment(start: datetime | None, directory: Directory, found: Replacement) -> datetime | None:
    """When a replacement begins; a moment without a zone is in that of whoever is replaced."""
    if start is None:
        return None
    entry = directory.approvers.get(found.old) if found.kind is Replaced.APPROVER else None
    person = entry.user if entry is not None and entry.user else found.old
    zone = directory.calendar_of(person if person in directory.users else found.new).zone
    return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(UTC)


def _refuse_another(known: StoredOperation, order: ReplacementOrder) -> None:
    before = standing(known)
    if (before.old, before.new) != (order.old, order.new):
        raise Refusal("idempotency_key_reused", "that key is another replacement's; take a new one")


def _dry_order(who: Identity, wanted: Replacement, at: datetime, comment: str | None) -> StoredOperation:
    """An operation that exists only while somebody looks."""
    order = ReplacementOrder(
        operation=DRY, old=wanted.old, new=wanted.new, by=who.user, kind=wanted.kind, comment=comment
    )
    return StoredOperation(
        operation_id=DRY,
        kind=KIND,
        state="running",
        subject=wanted.old,
        by=who.user,
        asked_at=at,
        starts_at=at,
        began_at=at,
        finished_at=None,
        total=0,
        done=0,
        wanted=order.model_dump(mode="json"),
        directory=[],
        refusal=None,
    )
