"""An office in test: people, a policy, a quote, and its rounds. What must always hold is checked after every verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from domain.approval.plan import Submission, make_plan
from domain.approval.preview import preview_plan
from domain.approval.refusals import check_decision
from domain.approval.round import ApprovalRound
from domain.approval.settling import settled_by
from domain.approval.state import (
    ActVerb,
    Approval,
    ApprovalState,
    Decision,
    Notice,
    Outcome,
    RoundAct,
    RoundEvent,
    RoundState,
    Verdict,
    Where,
)
from domain.calendar import clock_duration
from domain.changes import changed
from domain.delegation import Delegation
from domain.limit import Limit
from domain.people import Directory, read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from tests.domain.sample_quote import line, quote

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
OFFICE_HOURS = {"hours": {"mon-fri": ["09:00-17:00"]}}
MANAGERS = {
    "rosa": "mei",
    "mei": "david",
    "david": "ines",
    "sam": "david",
    "liam": "ines",
    "nora": "liam",
    "farid": "ines",
    "tom": "rosa",
    "ines": None,
    "zoe": None,
}


def people(**more: Any) -> dict[str, Any]:
    """Ten people who work from nine to five; ``users`` adds to entries, everything else is taken as it is."""
    users = {
        name: {"name": name.title(), "calendar": "office", **({"manager": boss} if boss else {})}
        for name, boss in MANAGERS.items()
    }
    for name, entry in more.pop("users", {}).items():
        users[name] = {key: value for key, value in {**users.get(name, {}), **entry}.items() if value is not None}
    groups = {"legal": {"members": ["liam", "nora"]}, "board": {"members": ["mei", "david", "farid"], "quorum": 2}}
    whole = {"calendars": {"office": OFFICE_HOURS}, "users": users, "groups": {**groups, **more.pop("groups", {})}}
    return {**whole, **more}


def rule(rule_id: str, approver: Any, **more: Any) -> dict[str, Any]:
    """A rule that always fires, unless it says when."""
    return {"id": rule_id, "approver": approver, **more}


class Office:
    """One quote on its way. Rosa owns it; Ines is everybody's fallback unless the policy says otherwise."""

    def __init__(
        self,
        *rules: Mapping[str, Any],
        directory: Mapping[str, Any] | None = None,
        document: Mapping[str, Any] | None = None,
        **policy: Any,
    ) -> None:
        chains: dict[str, Any] = {each["chain"]: {} for each in rules if "chain" in each}
        whole = {"policy": "standard", "fallback": "ines", "chains": chains, "rules": list(rules), **policy}
        self.policy_document = {key: value for key, value in whole.items() if value is not None}
        self.directory: Directory = read_directory(directory if directory is not None else people())
        self.document = dict(document or quote(line(discount_percent="10")))
        self.clock = MONDAY
        self.rounds: list[RoundState] = []
        self.editors: list[str] = []
        self.events: list[RoundEvent] = []
        self.notices: list[Notice] = []
        self.decisions = 0

    # -- verbs

    def submission(self, by: str = "rosa", status: str = "draft") -> Submission:
        policy = read_policy(self.policy_document).model_copy(update={"version": 1})
        priced = price(read_quote(self.document))
        return Submission(
            priced,
            compile_policy(policy),
            self.directory,
            by,
            self.clock,
            tuple(self.editors),
            tuple(self.rounds),
            status=status,
        )

    def submit(self, by: str = "rosa") -> RoundState:
        submission = self.submission(by)
        shown = preview_plan(submission)
        moving = ApprovalRound(make_plan(submission), self.directory)
        moving.open(self.clock)
        assert moving.state == shown, "preview equals the plan of an immediate submit"
        self.rounds.append(moving.state)
        return self._take(moving)

    def decide(self, verdict: str, rule_id: str, by: str, **more: Any) -> RoundState:
        self.decisions += 1
        given = {"decision_id": f"d{self.decisions}", **more}
        if verdict == "reject":
            given = {"reason": "too cheap", **given}
        decision = Decision(approval=rule_id, verdict=Verdict(verdict), by=by, **given)
        return self._move(lambda moving: moving.decide(decision, self.clock))

    def approve(self, rule_id: str, by: str, **more: Any) -> RoundState:
        return self.decide("approve", rule_id, by, **more)

    def reject(self, rule_id: str, by: str, **more: Any) -> RoundState:
        return self.decide("reject", rule_id, by, **more)

    def act(self, verb: ActVerb, rule_id: str, by: str, *, admin: bool = False, **more: Any) -> RoundState:
        self.decisions += 1
        act = RoundAct(**{"act_id": f"act{self.decisions}", "verb": verb, "approval": rule_id, "by": by, **more})
        override = verb is ActVerb.OVERRIDE
        return self._move(lambda moving: moving.act(act, self.clock, is_admin=admin, may_override=override))

    def ask(self, rule_id: str, by: str, **more: Any) -> RoundState:
        return self.act(ActVerb.ASK, rule_id, by, **{"comment": "why?", **more})

    def answer(self, rule_id: str = "", by: str = "rosa", **more: Any) -> RoundState:
        return self.act(ActVerb.ANSWER, rule_id, by, **{"comment": "therefore", **more})

    def add(self, rule_id: str, by: str, who: str, where: str = "beside", **more: Any) -> RoundState:
        return self.act(ActVerb.ADD, rule_id, by, to=who, where=Where(where), **more)

    def reassign(self, rule_id: str, by: str, to: str, **more: Any) -> RoundState:
        return self.act(ActVerb.REASSIGN, rule_id, by, to=to, **more)

    def override(self, verdict: str, rule_id: str, by: str, **more: Any) -> RoundState:
        given = {"reason": "too cheap", **more} if verdict == "reject" else more
        return self.act(ActVerb.OVERRIDE, rule_id, by, verdict=Verdict(verdict), **given)

    def withdraw(self, rule_id: str, by: str, **more: Any) -> RoundState:
        return self.act(ActVerb.WITHDRAW, rule_id, by, **more)

    def recall(self, by: str = "rosa", **more: Any) -> RoundState:
        return self._move(lambda moving: moving.recall(by, self.clock, **more))

    def wait(self, text: str) -> RoundState:
        """Let time pass, everything at its own moment."""
        return self.until(self.clock + clock_duration(text))

    def until(self, moment: datetime) -> RoundState:
        self.clock = moment
        return self._move(lambda moving: moving.advance(moment, exact=True))

    def tick(self) -> RoundState:
        """Act on what is due at the clock's time, as a worker that comes late does."""
        return self._move(lambda moving: moving.advance(self.clock))

    def delegate(self, of: str, to: str, **more: Any) -> None:
        delegation = read_model(Delegation, {"of": of, "to": to, **more})
        self.work_with(self.directory.with_delegation(delegation, self.clock))

    def work_with(self, directory: Directory) -> None:
        self.directory = directory
        if self.rounds and self.state.outcome is None:
            self._move(lambda moving: moving.refresh(self.clock))

    def leave(self, user: str) -> None:
        self.work_with(self.directory.deactivated(user))

    def return_to_work(self, user: str) -> None:
        back = self.directory.users[user].model_copy(update={"active": True})
        self.work_with(self.directory._with(users={**self.directory.users, user: back}))

    def limit(self, user: str, amount: int | None, currency: str = "USD") -> None:
        """From now on ``user`` may approve at most ``amount``; ``None``: without a limit."""
        limit = None if amount is None else Limit(amount=amount, currency=currency)
        limited = self.directory.users[user].model_copy(update={"authority": limit})
        self.work_with(self.directory._with(users={**self.directory.users, user: limited}))

    def edit(self, by: str = "rosa", **change: Any) -> None:
        """Change the quote: ``discount="12"`` of its first line, or any path."""
        paths = {"discount": "lines.A.discount_percent", "price": "lines.A.list_price"}
        self.document = changed(self.document, {paths.get(key, key): value for key, value in change.items()})
        self.editors.append(by)

    def change_rule(self, rule_id: str, **change: Any) -> None:
        self.policy_document = changed(
            self.policy_document, {f"rules.{rule_id}.{key}": value for key, value in change.items()}
        )

    # -- what is there

    @property
    def state(self) -> RoundState:
        return self.rounds[-1]

    def approval(self, rule_id: str) -> Approval:
        found = self.state.approval(rule_id)
        assert found is not None
        return found

    def added(self, number: int = 1) -> Approval:
        """The ad-hoc approval that was added as the ``number``-th of the round."""
        found = sorted((each for each in self.state.approvals if each.added), key=lambda each: each.approval_id)
        return found[number - 1]

    def asked(self) -> dict[str, tuple[str, ...]]:
        """Whom each requested approval waits for, those of ad-hoc ones together with those of their rule."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self.state.approvals:
            if each.state is ApprovalState.REQUESTED:
                found[each.rule] = (*found.get(each.rule, ()), *each.waiting_for)
        return found

    def states(self) -> dict[str, str]:
        """The state of each approval by its rule; of an ad-hoc one by the end of its id, ``rule.added-1``."""
        start = len(f"{self.state.quote_id}.{self.state.round}.")
        return {each.approval_id[start:]: each.state.value for each in self.state.approvals}

    def told(self) -> list[tuple[str, str]]:
        """The messages since the last time one asked."""
        found = [(each.kind, each.to) for each in self.notices]
        self.notices.clear()
        return found

    def kinds(self) -> list[str]:
        """The record since the last time one asked."""
        found = [each.kind for each in self.events]
        self.events.clear()
        return found

    # -- the machinery

    def _move(self, verb: Callable[[ApprovalRound], object]) -> RoundState:
        moving = ApprovalRound(self.state, self.directory)
        before = moving.state
        try:
            verb(moving)
        except Refusal:
            assert moving.state == before, "a refused verb changes nothing"
            assert not moving.events
            assert not moving.notices
            raise
        return self._take(moving)

    def _take(self, moving: ApprovalRound) -> RoundState:
        self.rounds[-1] = moving.state
        self.events.extend(moving.events)
        self.notices.extend(moving.notices)
        check(moving.state, self.directory)
        return moving.state


def check(state: RoundState, directory: Directory) -> None:
    """What holds for every round at every moment."""
    assert RoundState.model_validate_json(state.model_dump_json()) == state
    for approval in state.approvals:
        origins = [seat.origin for seat in approval.seats]
        holders = [seat.holder for seat in approval.seats]
        assert len(set(origins)) == len(origins)
        assert len(set(holders)) == len(holders) or any(seat.vote for seat in approval.seats)
        voters = [vote.by for vote in approval.votes if vote.channel not in ("timeout", "override")]
        assert len(set(voters)) == len(voters), "one person fills one seat"
        decided = {vote.by for vote in (*approval.votes, *approval.withdrawn)}
        assert not decided & set(state.barred), "nobody who had a hand in the quote decides it"
        given = [(vote.at, vote.number) for vote in approval.votes]
        assert len(set(given)) == len(given), "votes have one order"
        if approval.state is ApprovalState.REQUESTED:
            assert state.outcome is None, "a closed round has no open approval"
            assert approval.waiting_for, f"somebody can act on {approval.rule}"
            open_seats = [seat for seat in approval.seats if seat.vote is None]
            if any(directory.is_active(seat.holder) for seat in open_seats):
                listed = [person for seat in open_seats for person in seat.asked]
                assert all(directory.is_active(person) for person in listed), "nobody who left is listed"
            assert not set(approval.waiting_for) & set(state.barred)
            assert settled_by(approval) is None, "what is decided is not asked for"
            check_somebody_can_decide(state, approval, directory)
            for seat in approval.seats:
                asking = any(each.stops(seat) for each in approval.questions)
                assert seat.vote or asking or seat.stopped_at is None, "a clock stands still only for a question"
        if approval.state is ApprovalState.ASSIGNED:
            assert state.outcome is None
        if approval.state is ApprovalState.APPROVED:
            assert approval.votes, "nothing is approved without a recorded answer"
            assert settled_by(approval) is Verdict.APPROVE
        if approval.state is ApprovalState.SKIPPED:
            assert approval.basis is not None
            assert approval.basis.snapshot is not None
            assert approval.basis.persons
    if state.outcome is Outcome.APPROVED:
        assert all(each.state.is_settled for each in state.approvals)
    if state.outcome is None:
        assert any(each.state is ApprovalState.REQUESTED for each in state.approvals), "nothing is ever stuck"
    else:
        assert state.closed_at is not None
        assert state.next_moment is None
        assert not any(each.state.is_open for each in state.approvals)


def check_somebody_can_decide(state: RoundState, approval: Approval, directory: Directory) -> None:
    """One of those who are asked would be heard; but where all have left and nobody could be put in their place."""
    asked = [person for person in approval.waiting_for if directory.is_active(person)]
    if not asked:
        assert not any(directory.is_active(seat.holder) for seat in approval.seats if seat.vote is None)
        return
    for person in asked:
        check_decision(state, Decision(decision_id="dry", approval=approval.approval_id, verdict="approve", by=person))


def code_of(verb: Callable[..., Any], *arguments: Any, **more: Any) -> str | None:
    """The code with which ``verb`` is refused; nothing when it is done."""
    try:
        verb(*arguments, **more)
    except Refusal as refusal:
        return refusal.code
    return None


def persons(found: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(each) for name, each in found.items()}
