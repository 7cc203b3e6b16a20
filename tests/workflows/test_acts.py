"""Verbs beside deciding, on real runs: clocks that stand still, restarts, new runs, signals, and tokens for one act."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.tokens import Identity
from domain.approval.deeds import deed_of
from domain.approval.state import ActVerb, ApprovalState, Outcome, RoundAct, RoundState, Verdict, Where
from domain.refusal import Refusal
from starter.approval_desk import ApprovalDesk, new_act
from starter.round_calls import update_round
from tests.workflows.acts import (
    ADD,
    ANSWER,
    ASK,
    INES,
    OVERRIDE,
    REASSIGN,
    RECOMPUTE,
    WITHDRAW,
    act,
    act_message,
    sent,
)
from tests.workflows.house import (
    ADMIN,
    DAVID,
    FARID,
    LIAM,
    MEI,
    NORA,
    ROSA,
    SAM,
    TOKENS,
    House,
    approval_of,
    decide_message,
    events,
    refusal_code,
    until,
)
from tests.workflows.test_long_runs import runs
from workflows.messages import Act
from workflows.names import DUE_AT
from workflows.quote_approval import QuoteApproval

HOUR, DAY, BEYOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
both_caches = pytest.mark.parametrize("house", [1000, 0], indirect=True, ids=["cached", "uncached"])


async def timers(house: House, state: RoundState) -> int:
    """How many timers the run has open."""
    seen = Counter(await events(house.run_of(state)))
    return seen["TIMER_STARTED"] - seen["TIMER_CANCELED"] - seen["TIMER_FIRED"]


async def ignored(house: House, state: RoundState, count: int) -> list[tuple[str, str]]:
    """Signal and code of that many ignored signals on the record."""

    async def told() -> list[tuple[str, str]]:
        entries = await house.record(state.quote_id)
        return [(e.body["signal"], e.body["code"]) for e in entries if e.kind == "signal_ignored"]

    found: list[tuple[str, str]] = await until(told, lambda seen: len(seen) >= count)
    return found


async def due(house: House, state: RoundState) -> Any:
    return (await house.run_of(state).describe()).typed_search_attributes.get(DUE_AT)


# -- clocks


@both_caches
async def test_a_question_leaves_the_run_without_a_timer_and_the_answer_gives_it_one(house: House) -> None:
    state = await house.submitted("10.00")
    run = house.run_of(state)
    await until(lambda: timers(house, state), lambda open_: open_ == 1)
    await act(house, state, "manager", MEI, ASK, comment="why?")
    await until(lambda: timers(house, state), lambda open_: open_ == 0)
    assert await due(house, state) is None
    answer = new_act(ROSA, ANSWER, comment="because")
    await ApprovalDesk(house.desk).act_on_quote(ROSA, state.quote_id, answer)
    await until(lambda: timers(house, state), lambda open_: open_ == 1)
    assert await due(house, state) is not None
    await house.forward(run, 4 * HOUR + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reminded"] == 1)
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    assert (await run.result())["outcome"] == "approved"


async def test_one_question_stops_one_clock_and_not_the_others(house: House) -> None:
    await house.people.publish(ADMIN, POLICY_WITH_TWO_CLOCKS)
    state = await house.submitted("33.10")
    await act(house, state, "manager", MEI, ASK, comment="why?")
    stands = await house.round(state)
    assert stands.next_moment is not None, "legal is still reminded"
    assert await timers(house, state) == 1
    await act(house, state, "terms", NORA, ASK, comment="and why?")
    stands = await house.round(state)
    legal = stands.approval("terms")
    assert legal is not None
    assert [seat.stopped_at is not None for seat in legal.seats] == [False, True]


# -- restarts


async def test_acts_outlive_their_worker(quiet_house: House) -> None:
    house = quiet_house
    async with house.worker():
        state = await house.submitted("20.00")
        await act(house, state, "manager", MEI, ASK, comment="why?")
        await act(house, state, "manager", MEI, ADD, to="farid", where=Where.BEFORE)
    async with house.worker(cached=0):
        state = await house.round(state)
        (added,) = [each for each in state.approvals if each.added]
        await house.quotes.decide(FARID, added.approval_id, Verdict.APPROVE)
        answer = new_act(ROSA, ANSWER, comment="because", approval=approval_of(state, "manager"))
        await ApprovalDesk(house.desk).act_on_quote(ROSA, state.quote_id, answer)
        await act(house, state, "manager", MEI, REASSIGN, to="sam")
    async with house.worker():
        manager = next(each.approval_id for each in state.approvals if each.rule == "manager" and not each.added)
        await house.quotes.decide(SAM, manager, Verdict.APPROVE)
        await act(house, state, "director", INES, OVERRIDE, verdict=Verdict.APPROVE)
        assert (await house.run_of(state).result())["outcome"] == "approved"
    kinds = await house.kinds(state.quote_id)
    told = ("asked", "answered", "added", "reassigned", "overridden", "quote_approved")
    assert [kinds[kind] for kind in told] == [1] * len(told)


async def test_acts_are_known_in_the_runs_that_go_on(impatient_house: House) -> None:
    house = impatient_house
    state = await house.submitted()
    run = house.run_of(state)
    first = act_message(state, "terms", NORA, ASK, comment="why?")
    assert await sent(house, state, first) == "done"
    for number in range(12):
        await run.signal("action", act_message(state, "manager", FARID, ASK, key=f"noise-{number}"))
    await ignored(house, state, 12)
    await until(lambda: runs(house, run.id), lambda seen: len(seen) > 1)
    assert await sent(house, state, first) == "done"
    assert (await house.kinds(state.quote_id))["asked"] == 1
    await act(house, state, "manager", INES, OVERRIDE, verdict=Verdict.REJECT, reason="no")
    assert (await run.result())["outcome"] == "rejected"
    statuses = await until(lambda: runs(house, run.id), lambda seen: seen[-1] is WorkflowExecutionStatus.COMPLETED)
    assert set(statuses[:-1]) == {WorkflowExecutionStatus.CONTINUED_AS_NEW}


@both_caches
async def test_a_round_with_every_verb_goes_through(house: House) -> None:
    state = await house.submitted()
    await act(house, state, "terms", NORA, ASK, comment="which terms?")
    await ApprovalDesk(house.desk).act_on_quote(ROSA, state.quote_id, new_act(ROSA, ANSWER, comment="Net 90"))
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE)
    await act(house, state, "terms", NORA, WITHDRAW, comment="too early")
    await act(house, state, "terms", LIAM, ADD, to="farid", where=Where.AFTER)
    await act(house, state, "manager", MEI, REASSIGN, to="sam")
    await ApprovalDesk(house.desk).act(ADMIN, new_act(ADMIN, RECOMPUTE, approval=approval_of(state, "manager")))
    await house.quotes.decide(SAM, approval_of(state, "manager"), Verdict.APPROVE)
    await act(house, state, "director", INES, OVERRIDE, verdict=Verdict.APPROVE)
    await house.quotes.decide(LIAM, approval_of(state, "terms"), Verdict.APPROVE)
    state = await house.round(state)
    (added,) = [each for each in state.approvals if each.added]
    await house.quotes.decide(FARID, added.approval_id, Verdict.APPROVE)
    assert (await house.run_of(state).result())["outcome"] == "approved"


# -- signals and tokens


async def test_a_signal_with_a_token_for_just_this_counts_like_an_update(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    await run.signal("action", act_message(state, "manager", MEI, ASK, comment="why?", channel="crm"))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["asked"] == 1)
    (asked,) = [entry for entry in await house.record(state.quote_id) if entry.kind == "asked"]
    assert (asked.by, asked.channel) == ("mei", "signal")
    token = TOKENS.access("ines", house.clock.now(), HOUR, INES.roles)
    yes = act_message(state, "manager", INES, OVERRIDE, verdict=Verdict.APPROVE, token=token)
    await run.signal("action", yes)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["overridden"] == 1)


async def test_a_token_serves_one_deed_to_one_person_in_one_seat_under_one_key(house: House) -> None:
    state = await house.submitted()
    manager = approval_of(state, "manager")
    ask = TOKENS.act(INES, manager, "ask", "k")
    to_sam = TOKENS.act(MEI, manager, "reassign::sam", "k")
    beside = TOKENS.act(MEI, manager, "add:beside:sam", "k")
    no = TOKENS.act(INES, manager, "override:reject", "k")
    role_less = TOKENS.act(Identity("ines"), manager, "override:approve", "k")
    wrong = (
        act_message(state, "manager", INES, OVERRIDE, verdict=Verdict.APPROVE, key="k", token=ask),
        act_message(state, "manager", INES, OVERRIDE, verdict=Verdict.APPROVE, key="k", token=no),
        act_message(state, "manager", MEI, REASSIGN, to="farid", key="k", token=to_sam),
        act_message(state, "manager", MEI, REASSIGN, to="sam", seat_of="mei", key="k", token=to_sam),
        act_message(state, "manager", MEI, ADD, to="sam", where=Where.BEFORE, key="k", token=beside),
        act_message(state, "manager", MEI, REASSIGN, to="sam", key="another", token=to_sam),
        act_message(state, "terms", MEI, REASSIGN, to="sam", key="k", token=to_sam),
        act_message(state, "manager", MEI, WITHDRAW, token="nonsense"),
        act_message(state, "manager", MEI, ASK, token=TOKENS.access("farid", house.clock.now(), HOUR)),
        act_message(state, "manager", MEI, ASK, token=TOKENS.act(FARID, manager, "ask", "x"), key="x"),
        act_message(state, "manager", MEI, ASK, token=TOKENS.access("mei", house.clock.now() - DAY, HOUR)),
    )
    for message in wrong:
        assert await sent(house, state, message) == "invalid_token", message
        await house.run_of(state).signal("action", message)
    permission = act_message(state, "manager", INES, OVERRIDE, verdict=Verdict.APPROVE, key="k", token=role_less)
    assert await sent(house, state, permission) == "not_permitted"
    codes = await ignored(house, state, len(wrong))
    assert set(codes) == {("action", "invalid_token")}
    assert (await house.round(state)).approvals == state.approvals
    right = act_message(state, "manager", MEI, REASSIGN, to="sam", key="k", token=to_sam)
    assert await sent(house, state, right) == "done"


def test_no_two_deeds_read_alike() -> None:
    one = RoundAct(act_id="k", verb=REASSIGN, by="mei", to="a:b")
    other = RoundAct(act_id="k", verb=REASSIGN, by="mei", seat_of="a", to="b")
    third = RoundAct(act_id="k", verb=REASSIGN, by="mei", seat_of="", to="a:b")
    assert len({deed_of(one), deed_of(other)}) == 2
    assert deed_of(one) == deed_of(third) == "reassign::a%3Ab"


async def test_signals_that_are_refused_are_recorded_by_their_code_and_the_run_goes_on(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    wrong = (
        (act_message(state, "manager", ROSA, ASK), "four_eyes"),
        (act_message(state, "manager", FARID, ADD, to="sam"), "not_yours"),
        (act_message(state, "director", DAVID, REASSIGN, to="sam"), "not_your_turn"),
        (act_message(state, "manager", MEI, WITHDRAW), "not_yours"),
        (act_message(state, "manager", MEI, RECOMPUTE), "admin_only"),
        (act_message(state, "manager", ROSA, ANSWER), "wrong_state"),
        (act_message(state, "manager", MEI, ASK, comment="a\0b"), "invalid_text"),
        (act_message(state, "manager", MEI, ASK, key="k" * 3000), "too_long"),
    )
    for message, _ in wrong:
        await run.signal("action", message)
    await run.signal("action", {"act": 7})
    codes = await ignored(house, state, len(wrong))
    assert codes == [("action", code) for _, code in wrong]
    assert (await house.round(state)).approvals == state.approvals
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE)


async def test_an_id_names_one_act_and_cannot_hide_another_nor_a_decision(house: House) -> None:
    state = await house.submitted()
    ask = act_message(state, "manager", MEI, ASK, key="first")
    assert await sent(house, state, ask) == "done"
    assert await sent(house, state, ask) == "done", "the same again is answered again"
    for other in (
        act_message(state, "manager", MEI, REASSIGN, to="sam", key="first"),
        act_message(state, "terms", NORA, ASK, key="first"),
        act_message(state, "manager", INES, OVERRIDE, verdict=Verdict.APPROVE, key="first"),
    ):
        assert await sent(house, state, other) == "idempotency_key_reused"
    decision = decide_message(state, "manager", MEI, key="first")
    assert await refusal_code(house.run_of(state).execute_update("decide", decision)) == "idempotency_key_reused"
    with pytest.raises(Refusal, match="idempotency_key_reused"):
        await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE, key="first")
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE, key="vote")
    assert await sent(house, state, act_message(state, "terms", NORA, WITHDRAW, key="vote")) == "idempotency_key_reused"
    kinds = await house.kinds(state.quote_id)
    assert (kinds["asked"], kinds["approved"], kinds["withdrawn"]) == (1, 1, 0)


async def test_a_decision_that_was_taken_back_is_not_given_again_by_its_old_token(house: House) -> None:
    state = await house.submitted()
    yes = decide_message(state, "terms", NORA)
    run = house.run_of(state)
    assert await refusal_code(run.execute_update("decide", yes)) == "done"
    back = act_message(state, "terms", NORA, WITHDRAW)
    assert await sent(house, state, back) == "done"
    await run.signal("decision", yes)  # whoever reads the history has this message
    assert await refusal_code(run.execute_update("decide", yes)) == "done", "answered, and nothing done"
    again = (await house.round(state)).approval("terms")
    assert again is not None
    assert (again.state, again.votes) == (ApprovalState.REQUESTED, ())
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE)
    await run.signal("action", back)
    assert await sent(house, state, back) == "done"
    assert (await house.kinds(state.quote_id))["withdrawn"] == 1


async def test_a_verb_that_was_refused_may_be_tried_again_under_its_key(house: House) -> None:
    state = await house.submitted("20.00")
    given = new_act(DAVID, ASK, key="later", approval=approval_of(state, "director"), comment="why?")
    desk = ApprovalDesk(house.desk)
    with pytest.raises(Refusal, match="not_your_turn"):
        await desk.act(DAVID, given)
    # Straight to the run as well, past what the desk looks at: the server must not repeat that answer for ever.
    early = act_message(state, "director", DAVID, ASK, key="later")
    with pytest.raises(Refusal, match="not_your_turn"):
        await update_round(house.desk, state.quote_id, 1, QuoteApproval.act, early, "later")
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    await update_round(house.desk, state.quote_id, 1, QuoteApproval.act, early, "later")
    assert await desk.act(DAVID, given)
    assert (await house.kinds(state.quote_id))["asked"] == 1


@pytest.mark.parametrize("verb", list(ActVerb))
async def test_a_round_that_is_over_is_told_by_its_code(house: House, verb: ActVerb) -> None:
    state = await house.submitted("10.00")
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.REJECT, reason="no")
    await house.run_of(state).result()
    who = Identity("mei", frozenset({"admin", "override"}))
    with pytest.raises(Refusal) as refused:
        await act(house, state, "manager", who, verb, to="sam", verdict=Verdict.APPROVE)
    assert refused.value.code == "round_closed"
    assert (await house.round(state)).outcome is Outcome.REJECTED


async def test_a_number_of_calls_above_the_servers_limit_is_carried_out(house: House) -> None:
    """A run takes ten updates at a time; whoever comes eleventh waits."""
    state = await house.submitted("10.00")
    messages: list[Act] = [act_message(state, "manager", MEI, ASK, comment=str(n)) for n in range(25)]
    desk = ApprovalDesk(house.desk)
    await asyncio.gather(*(desk.act(MEI, message.act) for message in messages))
    manager = (await house.round(state)).approval("manager")
    assert manager is not None
    assert len(manager.questions) == 25


POLICY_WITH_TWO_CLOCKS: dict[str, Any] = {
    "policy": "standard",
    "fallback": "ceo",
    "chains": {"sales": {}, "legal": {}},
    "rules": [
        {"id": "manager", "chain": "sales", "step": 1, "approver": "manager", "when": "net_total > 0",
         "sla": {"remind": "4h", "escalate": "1d"}},
        {"id": "terms", "chain": "legal", "step": 1, "approver": "legal", "when": "net_total > 0",
         "sla": {"remind": "6h"}},
    ],
}  # fmt: skip
