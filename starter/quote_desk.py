"""Verbs on quotes: store, preview, submit, recall, accept, decide, and what can be read of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.change_approvals import is_change_name
from activities.requests import OpenRound, RecallRound
from activities.store.quotes import StoredQuote
from activities.store.record_entry import RecordEntry
from activities.store.submissions import SubmissionFacts, read_submission
from activities.store.work import Work
from activities.tokens import Identity
from domain.approval.channels import check_channel
from domain.approval.deeds import check_decision_id, words_of
from domain.approval.plan import Submission, make_plan
from domain.approval.preview import preview_plan
from domain.approval.room import check_opening
from domain.approval.round import ApprovalRound
from domain.approval.state import Decision, Outcome, RoundState, Verdict
from domain.people import Directory
from domain.pricing import price
from domain.quote import read_quote
from domain.refusal import Refusal
from domain.standing import check_accept, check_change, check_recall, check_submit, status_before
from starter.desk import Desk
from starter.round_calls import update_round
from starter.temporal_calls import answered
from workflows.messages import Decide, Recall, RoundAnswer, RoundStart
from workflows.names import CUSTOMER_ID, QUOTE_ID, quote_approval_id
from workflows.quote_approval import QuoteApproval
from workflows.searched import Searched


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a prepared quote comes from: what the record says of it, and who prepared it where that is not the owner.

    ``sole``: claimed with the quote; where one of these was claimed before, there is such a quote already.
    """

    facts: Mapping[str, str]
    by: str | None = None
    sole: Sequence[str] = ()


class QuoteDesk:
    """Verbs on quotes and their approvals."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # -- content

    async def put(
        self,
        who: Identity,
        document: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        comment: str | None = None,
        claims: Sequence[str] = (),
        origin: Origin | None = None,
    ) -> StoredQuote:
        """Store a quote, or edit one where that is allowed; whoever does is barred from deciding it.

        ``expected_version`` is the etag that the caller has seen. ``claims`` are claimed with it; once the first of
        them was claimed before, nothing is stored. Codes: those of ``read_quote``, ``unknown_user``,
        ``not_editable``, ``stale``, ``already_prepared``.
        """
        quote = read_quote(document)
        async with self._desk.database.work() as work:
            await self._desk.check_user(work, who)
            claimed = [await work.idempotency.claim(each) for each in claims]
            if claimed and not claimed[0]:
                return await work.quotes.get(quote.quote_id)
            for each in origin.sole if origin else ():
                if not await work.idempotency.claim(each):
                    raise Refusal("already_prepared", f"somebody has prepared what {quote.quote_id} would be", "id")
            before = await work.quotes.find(quote.quote_id, for_update=True)
            if before is None and is_change_name(quote.quote_id):
                message = f"{quote.quote_id} would be the name of a change of an order; take another one"
                raise Refusal("reserved_name", message, "quote_id")
            at = self._desk.clock.now()  # not before what was waited for
            stored = await work.quotes.put(document, who.user, at, expected_version)
            if before is None or before.version != stored.version:
                told = {"version": stored.version, **({"comment": comment} if comment else {})}
                entry = RecordEntry(
                    kind="created" if before is None else "edited",
                    at=at,
                    key=f"quote/{stored.quote_id}/version/{stored.version}",
                    quote_id=stored.quote_id,
                    by=origin.by if origin and origin.by else who.user,
                    on_behalf_of=who.user if origin and origin.by else None,
                    content_hash=stored.content_hash,
                    body={**told, **(origin.facts if origin else {})},
                )
                await work.record.append([entry])
            return stored

    async def preview(self, who: Identity, quote_id: str) -> RoundState:
        """The round that a submit by ``who`` would open now. Codes: those of ``make_plan``."""
        return preview_plan(await self.submission(who, quote_id))

    async def submission(self, who: Identity, quote_id: str) -> Submission:
        """The stored quote as ``who`` would submit it now, to preview and explain. Nothing is written."""
        async with self._desk.reading() as work:
            is_change = (await work.quotes.get(quote_id)).is_change
            policy = (await work.waiting_changes.get(quote_id)).policy if is_change else self._desk.policy
            return await self._desk.knowledge.submission(
                work, quote_id, who.user, self._desk.clock.now(), policy=policy
            )

    async def _policy_of(self, change_id: str) -> str:
        """By which policy a change of an order is approved."""
        async with self._desk.reading() as work:
            return (await work.waiting_changes.get(change_id)).policy

    async def _submission_of(self, facts: SubmissionFacts, who: Identity, comment: str | None) -> Submission:
        at, policy, knowledge = self._desk.clock.now(), self._desk.policy, self._desk.knowledge
        known = knowledge.known_submission(facts, who.user, at, policy=policy, comment=comment)
        if known is not None:
            return known
        async with self._desk.reading() as work:
            quote_id = facts.stored.quote_id
            return await knowledge.submission(work, quote_id, who.user, at, policy=policy, comment=comment)

    async def submission_of_document(self, who: Identity, document: Mapping[str, Any]) -> Submission:
        """The same for a quote that is not stored."""
        quote = read_quote(document)
        async with self._desk.reading() as work:
            known = await work.quotes.find(quote.quote_id)
            earlier = await work.rounds.all(quote.quote_id)
            return Submission(
                price(quote),
                await self._desk.knowledge.policy(work, self._desk.policy),
                await self._desk.knowledge.directory(work),
                who.user,
                self._desk.clock.now(),
                await work.quotes.editors(quote.quote_id),
                earlier,
                status=status_before(known.state, earlier) if known else "draft",
            )

    # -- the round

    async def submit(
        self, who: Identity, quote_id: str, comment: str | None = None, *, key: str | None = None
    ) -> RoundState:
        """Hand a quote in for approval: the round as it is once it is open.

        Codes: ``unknown_quote``, ``wrong_state``, ``unknown_policy``, those of ``make_plan``, ``too_many_approvals``,
        ``unavailable``. The same ``key`` twice is one submission: the second call finds the round that the first one
        opened.
        """
        async with self._desk.database.single() as work:
            facts = await read_submission(work.connection, quote_id, self._desk.policy)
            stored = facts.stored
            opened = await self._begun(work, "submit", key, stored)
        if opened is not None and opened.submitter == who.user:
            return opened
        check_submit(stored.state, stored.accepted_at is not None)
        if stored.is_change:
            check_change(stored.round, is_askers=await self._policy_of(quote_id) == self._desk.policy)
        submission = await self._submission_of(facts, who, comment)
        # What is refused now is refused before anything is started.
        foreseen = ApprovalRound(make_plan(submission), submission.directory)
        foreseen.open(submission.at)
        check_opening(foreseen.state)
        await self._begin("submit", key, quote_id, submission.number)
        answer = await self._open(who, stored, submission.number, comment, foreseen.state)
        if answer.state.submitter != who.user:
            raise Refusal("wrong_state", f"{answer.state.submitter} submitted the quote a moment earlier")
        return await self._whole(answer.state, foreseen.state)

    async def _open(
        self, who: Identity, stored: StoredQuote, number: int, comment: str | None, foreseen: RoundState | None = None
    ) -> RoundAnswer:
        """``foreseen``: the round as it will most likely be opened, for what the run shows from its start on."""
        name = OpenRound.subject(stored.quote_id, number)
        shown = Searched("pending", (), None) if foreseen is None else Searched.of(foreseen)._replace(state="pending")
        start = RoundStart(
            quote_id=stored.quote_id,
            token=self._desk.act(who, name, "submit", self._desk.policy, (comment,)),
            round=number,
            by=who.user,
            comment=comment,
            policy=self._desk.policy,
            at=self._desk.clock.told(),
            few_actions=True,
        )

        # One id for this call and its repeats: the server answers a known id with its first answer, also where that was
        # the refusal by a run that has failed since.
        call_id = f"opened/{uuid.uuid4().hex}"

        async def call() -> RoundAnswer:
            operation = WithStartWorkflowOperation(
                QuoteApproval.run,
                start,
                id=quote_approval_id(stored.quote_id, number),
                task_queue=self._desk.task_queue,
                # A round is started once. One whose opening was refused has failed, and may be tried again.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(QUOTE_ID, stored.quote_id),
                        SearchAttributePair(CUSTOMER_ID, stored.customer_id),
                        *shown.pairs(),
                    ]
                ),
                static_summary=f"{stored.quote_id} round {number}: {stored.net_total} {stored.currency}",
            )
            answer: RoundAnswer = await self._desk.client.execute_update_with_start_workflow(
                "opened", start_workflow_operation=operation, id=call_id, result_type=RoundAnswer
            )
            return answer

        try:
            return await answered(call, Refusal("wrong_state", "the round is over; look at its outcome"))
        except WorkflowAlreadyStartedError:
            # The run came to its end between the two: the round is there to be read.
            async with self._desk.reading() as work:
                return RoundAnswer(state=await work.rounds.get(stored.quote_id, number))

    async def recall(
        self, who: Identity, quote_id: str, comment: str | None = None, *, key: str | None = None
    ) -> RoundState:
        """Take a quote back, pending or approved; the same ``key`` twice is one recall.

        Codes: ``unknown_quote``, ``wrong_state``, ``round_closed``, ``not_yours``, ``unavailable``.
        """
        async with self._desk.reading() as work:
            stored = await work.quotes.get(quote_id)
            before = await self._begun(work, "recall", key, stored)
            if before is not None and before.outcome is Outcome.RECALLED:
                return before
            check_recall(stored.state, stored.accepted_at is not None)
        await self._begin("recall", key, quote_id, stored.round)
        key = key or uuid.uuid4().hex
        token = self._desk.act(who, OpenRound.subject(quote_id, stored.round), "recall", key, (comment,))
        if stored.state == "pending":
            message = Recall(key=key, by=who.user, token=token, comment=comment, at=self._desk.clock.told())
            answer = await update_round(self._desk, quote_id, stored.round, QuoteApproval.recall, message, key)
            return await self._whole(answer.state)
        request = RecallRound(
            quote_id=quote_id,
            round=stored.round,
            by=who.user,
            token=token,
            key=key,
            at=self._desk.clock.now(),
            comment=comment,
        )
        moved = await self._desk.rounds.recall_round(request)
        if moved.refused is not None:
            raise moved.refused.refusal()
        assert moved.state is not None
        return await self._whole(moved.state)

    async def accept(
        self, who: Identity, quote_id: str, comment: str | None = None, *, key: str | None = None
    ) -> StoredQuote:
        """The customer said yes: the quote may be ordered and is never edited again; the same ``key`` twice is once.

        Codes: ``unknown_quote``, ``not_approved``, ``wrong_state``, ``unknown_user``.
        """
        async with self._desk.database.work() as work:
            await self._desk.check_user(work, who)
            stored = await work.quotes.get(quote_id, for_update=True)
            at = self._desk.clock.now()  # not before what was waited for
            if key is not None and not await work.idempotency.claim(f"accept/{quote_id}/{key}"):
                return stored
            check_accept(stored.state, stored.accepted_at is not None)
            if stored.is_change:
                raise Refusal("wrong_state", "this is a change of an order; once approved it is carried out by itself")
            accepted = await work.quotes.accept(quote_id, at)
            entry = RecordEntry(
                kind="accepted",
                at=at,
                key=f"quote/{quote_id}/accepted",
                quote_id=quote_id,
                round=stored.round,
                by=who.user,
                content_hash=stored.content_hash,
                body={"comment": comment} if comment else {},
            )
            await work.record.append([entry])
            return accepted

    async def decide(
        self,
        who: Identity,
        approval: str,
        verdict: Verdict,
        *,
        comment: str | None = None,
        reason: str | None = None,
        seat_of: str | None = None,
        channel: str = "api",
        key: str | None = None,
    ) -> RoundState:
        """Answer the approval of that id; ``key`` names the answer, and the same key twice is one answer.

        ``channel`` is what the door is. Codes: ``unknown_approval``, ``idempotency_key_reused``, those of
        ``check_decision``, ``round_full``, ``unavailable``.
        """
        check_channel(channel)
        state, directory = await self._asked(approval)
        decision = Decision(
            decision_id=key or uuid.uuid4().hex,
            approval=approval,
            verdict=verdict,
            by=who.user,
            seat_of=seat_of,
            comment=comment,
            reason=reason,
            channel=channel,
        )
        check_decision_id(state, decision)
        if state.has_seen(decision.decision_id):
            return state
        # Refuse here what would be refused, on who is who now: the run may not have heard of it yet.
        ApprovalRound(state, directory).check(decision, self._desk.clock.now())
        message = Decide(
            **decision.model_dump(),
            token=self._desk.act(who, approval, verdict, decision.decision_id, words_of(decision), channel),
            at=self._desk.clock.told(),
        )
        answer = await update_round(
            self._desk, state.quote_id, state.round, QuoteApproval.decide, message, decision.decision_id
        )
        return answer.state.model_copy(update={"not_fired": state.not_fired})

    async def _whole(self, state: RoundState, foreseen: RoundState | None = None) -> RoundState:
        """``state`` with what its run does not carry: the rules that did not fire, which are the same to its end.

        They are those of the round as it was ``foreseen``, where that was planned of the same content by the same rules
        for the same approvals.
        """
        if foreseen is not None and _planned(foreseen) == _planned(state):
            return state.model_copy(update={"not_fired": foreseen.not_fired})
        async with self._desk.database.single() as work:
            stored = await work.rounds.get(state.quote_id, state.round)
        return state.model_copy(update={"not_fired": stored.not_fired})

    async def _asked(self, approval: str) -> tuple[RoundState, Directory]:
        """The round of an approval, and who is who."""
        async with self._desk.database.single() as work:
            state, version = await work.rounds.of_approval_with_directory(approval)
        directory = self._desk.knowledge.directory_of(version)
        if directory is None:
            async with self._desk.reading() as work:
                directory = await self._desk.knowledge.directory(work)
        return state, directory

    async def _begin(self, verb: str, key: str | None, quote_id: str, number: int) -> None:
        """Remember, before anything is done, to which round this ``key`` does it."""
        if key is not None:
            async with self._desk.database.work() as work:
                await work.idempotency.claim(f"{verb}/{quote_id}/{number}/{key}")

    async def _begun(self, work: Work, verb: str, key: str | None, stored: StoredQuote) -> RoundState | None:
        """The quote's latest round, where an earlier call under ``key`` set out to do ``verb`` to it."""
        if key is None or not await work.idempotency.is_claimed(f"{verb}/{stored.quote_id}/{stored.round}/{key}"):
            return None
        return await work.rounds.get(stored.quote_id, stored.round)


def _planned(state: RoundState) -> tuple[object, ...]:
    """What a round was planned of, and what for."""
    asked = [(each.approval_id, each.rule, each.snapshot) for each in state.approvals]
    return (state.policy, state.policy_version, state.content_hash, state.submitter, asked)
