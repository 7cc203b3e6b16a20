"""What the core stage knows, and the verbs on quotes, approvals and people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.requests import OrderChange
from domain.approval.plan import Submission, make_plan
from domain.approval.preview import preview_plan
from domain.approval.round import ApprovalRound
from domain.approval.state import ActVerb, Decision, Outcome, RoundState, Verdict
from domain.approvers import check_approvers
from domain.changes import changed
from domain.delegation import Delegation
from domain.ledger.closing import ClosedPeriod
from domain.ledger.entries import LedgerEntry
from domain.order.book import OrderBook
from domain.people import Directory, read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.refusal import Refusal
from domain.replacement import Replaced, find_replacement, succeed
from domain.standing import (
    QuoteState,
    check_accept,
    check_change,
    check_edit,
    check_recall,
    check_submit,
    state_after,
    status_before,
)
from starter.stories.acts import act_of, needs_admin
from starter.stories.approval_verbs import Deciding, Publishing, Replacing
from starter.stories.contract_verbs import Renewing
from starter.stories.document import Case
from starter.stories.stage import Happening

OF_A_QUOTE = ("document", "priced", "rounds", "edits", "book", "state", "accepted", "plan", "asked")
"""What the stage knows of one quote, and puts aside while another is the quote of the case."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change of an order that waits for its approval; ``name`` is what the story calls an order that it makes."""

    order_id: str
    key: str
    quote_id: str
    change: OrderChange
    name: str | None


class CoreQuotes:
    """What is known of one case, all of it in this object; and the verbs on its quotes and its people."""

    def __init__(self) -> None:
        self.rounds: list[RoundState] = []
        self.edits: list[tuple[int, str]] = []
        self.happenings: list[Happening] = []
        self.messages: list[tuple[str, str]] = []
        self.entries: list[LedgerEntry] = []
        self.names: dict[str, str] = {}
        self.book: OrderBook | None = None
        self.state = QuoteState.DRAFT
        self.accepted = False
        self.plan: RoundState | None = None
        self.asked: Submission | None = None
        self.decisions = 0
        self.shelf: dict[str, dict[str, Any]] = {}
        self.closed: list[ClosedPeriod] = []
        self.renewals: list[tuple[datetime, Renewing]] = []
        self.waiting: dict[str, Waiting] = {}
        self.changes: list[str] = []
        self.credit_block: str | None = None

    async def begin(self, case: Case) -> None:
        self._clock = case.at
        self.manual_erp, self.cut_off = case.manual_erp, case.cut_off
        self.directory: Directory = read_directory(case.directory)
        self.policy_document = case.policy
        self.policy = self._published(case.policy, 1)
        self.order_policy = self._published(case.order_policy, 1) if case.order_policy is not None else None
        self._take_content(case.quote)
        self.came = [self.priced.quote.quote_id]

    @property
    def clock(self) -> datetime:
        return self._clock

    # -- the quote

    def _published(self, document: Any, version: int) -> CompiledPolicy:
        policy = read_policy(document).model_copy(update={"version": version})
        check_approvers(policy, self.directory)
        return compile_policy(policy)

    def _take_content(self, document: Any) -> None:
        quote = read_quote(document)
        self.document, self.priced = document, price(quote)

    async def edit(self, by: str, change: Mapping[str, Any]) -> None:
        document = changed(self.document, change)
        quote = read_quote(document)
        self._check_user(by)
        if quote.content_hash == self.priced.quote.content_hash:
            return  # an edit that changes nothing is accepted, wherever the quote stands
        check_edit(self.state, self.accepted)
        self._take_content(document)
        self.edits.append((len(self.rounds), by))
        self.state = QuoteState.DRAFT
        self._tell("edited", by=by)

    async def accept(self, by: str, comment: str | None) -> None:
        check_accept(self.state, self.accepted)
        self._check_user(by)
        self.accepted = True
        self._tell("accepted", by=by)

    def _check_user(self, by: str) -> None:
        if not self.directory.is_active(by):
            raise Refusal("unknown_user", f"{by} is no active user of the directory", "by")

    def _tell(self, kind: str, by: str | None = None) -> None:
        self.happenings.append(Happening(kind, self.clock, (self.priced.quote.quote_id,), by))

    # -- approvals

    def _submission(self, by: str, comment: str | None) -> Submission:
        approved = [at for at, each in enumerate(self.rounds, start=1) if each.outcome is Outcome.APPROVED]
        editors = tuple(who for after, who in self.edits if after >= max(approved, default=0))
        return Submission(
            self.priced,
            self._policy_of_the_quote(),
            self.directory,
            by,
            self.clock,
            editors,
            self.rounds,
            comment,
            status_before(self.state, self.rounds),
        )

    def _policy_of_the_quote(self) -> CompiledPolicy:
        is_change = self.order_policy is not None and self.priced.quote.quote_id in self.changes
        return self.order_policy if is_change and self.order_policy is not None else self.policy

    async def submit(self, by: str, comment: str | None) -> None:
        check_submit(self.state, self.accepted)
        if self.priced.quote.quote_id in self.changes:
            check_change(len(self.rounds), is_askers=False)
        self._open(by, comment)

    def _open(self, by: str, comment: str | None) -> None:
        submission = self._submission(by, comment)
        moving = ApprovalRound(make_plan(submission), self.directory)
        moving.open(self.clock)
        self.asked = submission
        self.rounds.append(moving.state)
        self.plan = None
        self._take(moving)

    async def preview(self, by: str | None) -> None:
        submission = self._submission(by or self.priced.quote.owner, None)
        self.plan = preview_plan(submission)
        self.asked = submission

    async def recall(self, by: str, comment: str | None, *, admin: bool = False) -> None:
        check_recall(self.state, self.accepted)
        self._moved(self._current(), lambda moving: moving.recall(by, self.clock, comment=comment, is_admin=admin))

    async def decide(self, verdict: str, arguments: Deciding) -> None:
        self.decisions += 1
        decision = Decision(
            decision_id=f"decision-{self.decisions}",
            approval=arguments.approval or arguments.rule or "",
            verdict=Verdict(verdict),
            by=arguments.by,
            seat_of=arguments.for_,
            comment=arguments.comment,
            reason=arguments.reason,
        )
        if not self.rounds:
            raise Refusal("round_closed", "the quote was never submitted")
        self._moved(self._current(), lambda moving: moving.decide(decision, self.clock))

    async def act(self, verb: str, arguments: Any) -> None:
        if not self.rounds:
            raise Refusal("round_closed", "the quote was never submitted")
        self.decisions += 1
        name = arguments.approval or arguments.rule or ""
        act = act_of(verb, arguments, f"act-{self.decisions}", name, self.rounds[-1].submitter)
        admin, override = needs_admin(verb, arguments), verb == ActVerb.OVERRIDE
        self._moved(self._current(), lambda moving: moving.act(act, self.clock, is_admin=admin, may_override=override))

    def _current(self) -> ApprovalRound:
        return ApprovalRound(self.rounds[-1], self.directory)

    def _moved(self, moving: ApprovalRound, verb: Any) -> None:
        verb(moving)
        self._take(moving)

    def _take(self, moving: ApprovalRound) -> None:
        self.rounds[-1] = moving.state
        self.state = state_after(moving.state)
        for event in moving.events:
            names = (event.rule, event.approval_id) if event.rule else (moving.state.quote_id,)
            self.happenings.append(Happening(event.kind, event.at, tuple(filter(None, names)), event.by))
        self.messages.extend((notice.kind, notice.to) for notice in moving.notices)

    # -- several quotes, one of which is the quote of the case

    def _turn_to(self, quote_id: str) -> str:
        """Make that quote the quote of the case; which one was it before."""
        before = self.priced.quote.quote_id
        if quote_id != before:
            found = self.shelf.pop(quote_id)
            self._shelve()
            for name, value in found.items():
                setattr(self, name, value)
        return before

    def _shelve(self) -> None:
        self.shelf[self.priced.quote.quote_id] = {name: getattr(self, name) for name in OF_A_QUOTE}

    @contextmanager
    def _at(self, quote_id: str) -> Iterator[None]:
        before = self._turn_to(quote_id)
        try:
            yield
        finally:
            self._turn_to(before)

    def _hand_in(self, document: Any) -> None:
        """A prepared quote is the quote of the case from now on."""
        if document["quote_id"] in self.came:
            raise Refusal("key_taken", f"there is a quote {document['quote_id']} already", "quote_id")
        priced = price(read_quote(document))
        self._shelve()
        self.rounds, self.edits, self.book, self.plan, self.asked = [], [], None, None, None
        self.state, self.accepted = QuoteState.DRAFT, False
        self.document, self.priced = document, priced
        self.came.append(priced.quote.quote_id)

    # -- people

    async def delegate(self, delegation: Delegation) -> None:
        self._work_with(self.directory.with_delegation(delegation, self.clock))

    async def end_delegation(self, of: str) -> None:
        self._work_with(self.directory.without_delegations(of))

    async def change_directory(self, change: Mapping[str, Any]) -> None:
        document = self.directory.model_dump(mode="json", by_alias=True, exclude_none=True)
        self._work_with(read_directory(changed(document, change)))

    async def deactivate(self, user: str) -> None:
        self._work_with(self.directory.deactivated(user))

    async def replace(self, arguments: Replacing) -> None:
        kind = Replaced.USER if arguments.user is not None else None
        old = arguments.user or arguments.approver or ""
        found = succeed(self.directory, find_replacement(self.directory, old, arguments.by_whom, kind), self.clock)
        self.directory = found.directory
        if self.rounds and self.rounds[-1].outcome is None:
            given = {"operation": "story", "by": arguments.by, "comment": arguments.comment}
            self._moved(self._current(), lambda moving: moving.replace(found.replacement, self.clock, **given))

    async def publish(self, arguments: Publishing) -> None:
        document = arguments.policy if arguments.policy is not None else self.policy_document
        document = changed(document, arguments.policy_change or {})
        self.policy = self._published(document, (self.policy.policy.version or 0) + 1)
        self.policy_document = document

    def _work_with(self, directory: Directory) -> None:
        if self.rounds and self.rounds[-1].outcome is None:
            self._moved(ApprovalRound(self.rounds[-1], directory), lambda moving: moving.refresh(self.clock))
        self.directory = directory
