"""Approvals: each activity is one transaction that moves a round on and writes rows, record and messages together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from temporalio import activity

from activities.knowledge import Knowledge
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
from activities.store.holding import hold_round
from activities.store.record_entry import RecordEntry
from activities.store.submissions import read_submission
from activities.store.work import Database, Work
from activities.texts import LONGEST_NAME, refuse_unstorable_texts, storable
from activities.tokens import Identity, Tokens
from domain.approval.channels import HEARD, check_channel
from domain.approval.deeds import check_act_id, check_decision_id, deed_of, words_of
from domain.approval.plan import make_plan
from domain.approval.room import check_opening, check_room
from domain.approval.round import ApprovalRound
from domain.approval.state import RoundState
from domain.refusal import Refusal
from domain.standing import QuoteState, check_change, check_recall, check_submit, state_after

OnRound = RecordDecision | ActOnRound | AdvanceRound | RecallRound


class Opening(NamedTuple):
    """That a round is new; ``version`` is the quote's, where it is certain that no round of it is open."""

    version: int | None


class ApprovalActivities:
    """The activities of ``QuoteApproval``. Every one may be repeated: what was done is found and answered again.

    ``stories``: runs may keep a clock of their own.
    """

    def __init__(
        self, database: Database, tokens: Tokens, knowledge: Knowledge | None = None, *, stories: bool = False
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._knowledge = knowledge or Knowledge()
        self._stories = stories

    @activity.defn(name=OPEN_ROUND)
    async def open_round(self, request: OpenRound) -> RoundMoved:
        """Plan and open a round.

        Codes: ``stories_only``, ``invalid_token``, those of a submit and of :func:`make_plan`, ``stale`` for another
        number.
        """
        try:
            refuse_unstorable_texts(request)
            refuse_story(request.story, allowed=self._stories)
            async with self._database.work() as work:
                await work.quotes.get(request.quote_id, for_update=True)
                await work.directory.hold()
                facts = await read_submission(work.connection, request.quote_id, request.policy)
                stored = facts.stored
                for known in facts.earlier:
                    if known.round == request.round:
                        return RoundMoved.to(known)
                name = OpenRound.subject(request.quote_id, request.round)
                self._tokens.check_act(
                    request.token,
                    request.by,
                    name,
                    "submit",
                    request.policy,
                    self._sent(request.at),
                    words=(request.comment,),
                )
                check_submit(QuoteState(stored.state.value), stored.accepted_at is not None)
                if stored.is_change:
                    asked = await work.waiting_changes.get(request.quote_id)
                    own = (asked.policy, asked.by) == (request.policy, request.by)
                    check_change(stored.round, is_askers=own)
                # Whoever edited it a moment ago, and was waited for, did so before.
                at = max(request.at, stored.updated_at)
                submission = await self._knowledge.submission(
                    work,
                    request.quote_id,
                    request.by,
                    at,
                    policy=request.policy,
                    comment=request.comment,
                    facts=facts,
                )
                if submission.number != request.round:
                    raise Refusal("stale", f"the next round of {request.quote_id} is {submission.number}", "round")
                plan = make_plan(submission)
                moving = ApprovalRound(plan, submission.directory)
                moving.open(at)
                check_opening(moving.state)
                is_free = all(each.outcome is not None for each in facts.earlier)
                return await self._written(work, moving, Opening(stored.version if is_free else None))
        except Refusal as refusal:
            return RoundMoved(refused=RefusalNote.of(refusal))

    @activity.defn(name=RECORD_DECISION)
    async def record_decision(self, request: RecordDecision) -> RoundMoved:
        """Check who decides and take the decision.

        Codes: ``invalid_text``, ``too_long``, ``invalid_channel``, ``invalid_token``, ``idempotency_key_reused`` (that
        id named another decision), those of ``ApprovalRound.decide``, and ``round_full``.
        """
        decision = request.decision

        def decide(moving: ApprovalRound, at: datetime) -> None:
            refuse_unstorable_texts(request)
            check_channel(decision.channel, HEARD)
            subject = subject_of(moving.state, decision.approval, decision.by)
            self._tokens.check_act(
                request.token,
                decision.by,
                subject,
                decision.verdict,
                decision.decision_id,
                self._sent(request.at),
                channel=decision.channel,
                words=words_of(decision),
            )
            check_decision_id(moving.state, decision)
            moving.decide(decision, at)
            check_room(moving.state)

        return await self._move(request, decide)

    @activity.defn(name=ACT_ON_ROUND)
    async def act_on_round(self, request: ActOnRound) -> RoundMoved:
        """Check who acts and do it: ask, answer, add, reassign, override, withdraw, recompute.

        Codes: ``invalid_text``, ``too_long``, ``invalid_channel``, ``invalid_token``, ``idempotency_key_reused``, those
        of ``ApprovalRound.act``, and ``round_full``.
        """
        act = request.act

        def do(moving: ApprovalRound, at: datetime) -> None:
            refuse_unstorable_texts(request)
            check_channel(act.channel, HEARD)
            subject = subject_of(moving.state, act.approval, act.by)
            who = self._tokens.check_act(
                request.token,
                act.by,
                subject,
                deed_of(act),
                act.act_id,
                self._sent(request.at),
                channel=act.channel,
                words=words_of(act),
            )
            _refuse_leaver(moving, who)
            check_act_id(moving.state, act)
            moving.act(act, at, is_admin=who.is_admin, may_override=who.may_override)
            check_room(moving.state)

        return await self._move(request, do)

    @activity.defn(name=ADVANCE_ROUND)
    async def advance_round(self, request: AdvanceRound) -> RoundMoved:
        """Remind, escalate, hand over: whatever is due at ``request.at``."""
        return await self._move(request, lambda moving, at: moving.advance(at, exact=request.exact))

    @activity.defn(name=RECALL_ROUND)
    async def recall_round(self, request: RecallRound) -> RoundMoved:
        """Take the quote back, pending or approved. Codes: ``wrong_state``, ``round_closed``, ``not_yours``."""

        def recall(moving: ApprovalRound, at: datetime) -> None:
            refuse_unstorable_texts(request)
            subject = OpenRound.subject(request.quote_id, request.round)
            who = self._tokens.check_act(
                request.token,
                request.by,
                subject,
                "recall",
                request.key,
                self._sent(request.at),
                words=(request.comment,),
            )
            _refuse_leaver(moving, who)
            moving.recall(request.by, at, comment=request.comment, is_admin=who.is_admin)

        return await self._move(request, recall, recalling=True)

    @activity.defn(name=REFRESH_ROUND)
    async def refresh_round(self, request: AdvanceRound) -> RoundMoved:
        """Look again who may act, after the directory changed."""
        return await self._move(request, lambda moving, at: moving.refresh(at))

    @activity.defn(name=NOTE_IGNORED)
    async def note_ignored(self, note: NoteIgnored) -> None:
        """Put on the record that a signal was ignored, and why."""
        told = {name: storable(value)[:LONGEST_NAME] for name, value in note.claimed.items() if value}
        claimed = {"claimed": told} if told else {}
        async with self._database.work() as work:
            entry = RecordEntry(
                kind="signal_ignored",
                at=note.at,
                key=f"ignored/{note.key}" if note.key is not None else None,
                quote_id=note.quote_id,
                order_id=note.order_id,
                round=note.round,
                channel="signal",
                body={"signal": note.signal, "code": storable(note.code), "why": storable(note.why)} | claimed,
            )
            await work.record.append([entry])

    def _sent(self, at: datetime) -> datetime:
        """When what is told to be from ``at`` was sent, for the tokens: they live in the time of the world.

        A run says when it heard of it, and what waits here for a database is not too late. A story's time is its own.
        """
        now = datetime.now(UTC)
        return now if self._stories else min(now, at)

    async def _move(
        self, request: OnRound, verb: Callable[[ApprovalRound, datetime], None], *, recalling: bool = False
    ) -> RoundMoved:
        quote_id, number = request.quote_id, request.round
        try:
            async with self._database.work() as work:
                stored, state = await hold_round(work, quote_id, number)
                if recalling:
                    if state.outcome is not None and state.outcome.value == "recalled":
                        return RoundMoved.to(state)
                    if stored.round != number:
                        raise Refusal("round_closed", f"round {number} of {quote_id} is over; a later one has begun")
                    check_recall(QuoteState(stored.state.value), stored.accepted_at is not None)
                moving = ApprovalRound(state, await self._knowledge.directory(work))
                # What waited for another to be done happened after it, whenever it set out.
                verb(moving, max(stored.updated_at, state.not_before(request.at)))
                return await self._written(work, moving)
        except Refusal as refusal:
            return RoundMoved(refused=RefusalNote.of(refusal))

    async def _written(self, work: Work, moving: ApprovalRound, opening: Opening | None = None) -> RoundMoved:
        """Store what became of the round: state, record and messages in this one transaction."""
        state: RoundState = moving.state
        moved: list[dict[str, Any]] = []
        if moving.events:
            latest = state_after(state).value
            moved = work.quotes.moved(state.quote_id, latest, moving.events[-1].at, round=state.round)
        if opening is None:
            await work.rounds.save(state, notices=moving.notices, moved=moved)
        else:
            await work.rounds.open(state, version=opening.version, notices=moving.notices, moved=moved)
        await work.record.append([RecordEntry.of_round(event, state) for event in moving.events])
        return RoundMoved.to(state)


def subject_of(state: RoundState, name: str, by: str) -> str:
    """What a token for a decision or act on ``name`` (an approval, a rule, or blank: the round) is bound to."""
    if not name:
        return OpenRound.subject(state.quote_id, state.round)
    approval = state.approval(name, by)
    return approval.approval_id if approval else name


def _refuse_leaver(moving: ApprovalRound, who: Identity) -> None:
    """Refuse (``unknown_user``) a role of somebody who is in the directory and has left; operators are in none."""
    users = moving.directory.users
    if who.roles and who.user in users and not users[who.user].active:
        raise Refusal("unknown_user", f"{who.user} has left and may do nothing here any more", "by")


def refuse_story(story: bool, *, allowed: bool) -> None:
    """Refuse (``stories_only``) a run that brings a time of its own to a worker that is not for stories."""
    if story and not allowed:
        raise Refusal("stories_only", "only a worker for stories heeds a time that is told; leave it out", "at")
