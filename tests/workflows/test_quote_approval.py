"""Rounds as durable runs: decisions by update and by signal, silence, races, and what operators see."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from activities.requests import OpenRound, RecallRound
from activities.tokens import Identity
from domain.approval.state import ApprovalState, Outcome, RoundState, Verdict
from domain.delegation import Delegation
from domain.refusal import Refusal
from starter.people_desk import PeopleDesk
from starter.round_refresher import RoundRefresher
from tests.workflows.house import (
    ADMIN,
    DAVID,
    DIRECTORY,
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
    details,
    events,
    quote_document,
    refusal_code,
    summaries,
    until,
)
from workflows.messages import Recall, RoundAnswer, RoundStart
from workflows.names import DUE_AT, QUOTE_ID, QUOTE_STATE, WAITING_FOR, quote_approval_id
from workflows.quote_approval import QuoteApproval

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEYOND = timedelta(seconds=1)
both_caches = pytest.mark.parametrize("house", [1000, 0], indirect=True, ids=["cached", "uncached"])


async def decide(house: House, state: RoundState, rule: str, who: Identity, **more: Any) -> str:
    """Decide by update, straight at the run; the code of a refusal, or done."""
    return await refusal_code(house.run_of(state).execute_update("decide", decide_message(state, rule, who, **more)))


async def outcome(house: House, state: RoundState) -> str:
    """How the run ended."""
    return str((await house.run_of(state).result())["outcome"])


async def ignored(house: House, state: RoundState, count: int) -> list[str]:
    """The codes of that many ignored signals on the record."""

    async def codes() -> list[str]:
        return [e.body["code"] for e in await house.record(state.quote_id) if e.kind == "signal_ignored"]

    found: list[str] = await until(codes, lambda seen: len(seen) >= count)
    return found


# -- the way through


@both_caches
async def test_a_round_goes_through_two_lanes_and_ends_when_the_last_one_agrees(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    assert await decide(house, state, "terms", NORA) == "done"
    assert await decide(house, state, "manager", MEI) == "done"
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    assert await decide(house, state, "director", DAVID) == "done"
    assert await outcome(house, state) == "approved"
    kinds = await house.kinds(state.quote_id)
    assert (kinds["submitted"], kinds["requested"], kinds["approved"], kinds["quote_approved"]) == (1, 3, 3, 1)
    assert (await house.round(state)).outcome is Outcome.APPROVED


async def test_one_no_ends_the_round_for_everybody(house: House) -> None:
    state = await house.submitted()
    assert await decide(house, state, "manager", MEI, verdict=Verdict.REJECT, reason="too cheap") == "done"
    assert await outcome(house, state) == "rejected"
    with pytest.raises(Refusal) as refused:
        await house.quotes.decide(LIAM, approval_of(state, "terms"), Verdict.APPROVE)
    assert refused.value.code == "round_closed"
    assert [each.state for each in (await house.round(state)).approvals].count(ApprovalState.REVOKED) == 2


async def test_operators_see_who_is_asked_and_what_comes_next_without_opening_a_payload(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    described = await run.describe()
    found = described.typed_search_attributes
    assert (found[QUOTE_ID], found[QUOTE_STATE]) == (state.quote_id, "pending")
    assert set(found[WAITING_FOR]) == {"mei", "liam", "nora"}
    assert abs(found[DUE_AT] - (state.opened_at + 4 * HOUR)) < BEYOND
    assert f"{state.quote_id} round 1: 99.30 USD" in str(await described.static_summary())
    picture = await details(run)
    assert "| manager | mei |" in picture
    assert "its step comes later" in picture
    assert "Next deadline" in picture
    named = await summaries(run)
    assert named == [f"{state.quote_id} round 1: 99.30 USD", "plan and open", "next deadline of manager, terms"]
    await decide(house, state, "manager", MEI, verdict=Verdict.REJECT, reason="no")
    assert await outcome(house, state) == "rejected"
    described = await run.describe()
    assert described.typed_search_attributes[QUOTE_STATE] == "rejected"
    assert not described.typed_search_attributes.get(WAITING_FOR)
    assert described.typed_search_attributes.get(DUE_AT) is None
    assert "rejected" in await details(run)


# -- refusals


async def test_a_refused_decision_is_told_by_its_code_and_leaves_no_event(house: House) -> None:
    state = await house.submitted()
    before = await events(house.run_of(state))
    assert await decide(house, state, "manager", ROSA) == "four_eyes"
    with pytest.raises(Refusal, match="not_yours"):
        await house.quotes.decide(FARID, approval_of(state, "manager"), Verdict.APPROVE)
    with pytest.raises(Refusal, match="not_your_turn"):
        await house.quotes.decide(DAVID, approval_of(state, "director"), Verdict.APPROVE)
    assert await decide(house, state, "terms", NORA, verdict=Verdict.REJECT) == "reason_missing"
    assert await decide(house, state, "manager", MEI, comment="a\0b") == "invalid_text"
    assert await decide(house, state, "manager", MEI, key="k" * 3000) == "too_long"
    unknown = decide_message(state, "manager", MEI).model_copy(update={"approval": "nothing"})
    assert await refusal_code(house.run_of(state).execute_update("decide", unknown)) == "unknown_approval"
    assert await events(house.run_of(state)) == before
    assert await decide(house, state, "director", DAVID) == "not_your_turn"
    assert await house.round(state) == state


async def test_an_update_with_a_token_for_something_else_is_refused_and_changes_nothing(house: House) -> None:
    state = await house.submitted()
    assert await decide(house, state, "manager", MEI, token="nonsense") == "invalid_token"
    other = TOKENS.act(MEI, approval_of(state, "manager"), "reject", "k")
    assert await decide(house, state, "manager", MEI, key="k", token=other) == "invalid_token"
    assert await house.round(state) == state


async def test_a_round_that_cannot_be_opened_leaves_nothing_and_may_be_tried_again(house: House) -> None:
    quote_id = "Q-later"
    assert await started(house, quote_id, start_token(quote_id)) == "unknown_quote"
    with pytest.raises(WorkflowFailureError):
        await house.client.get_workflow_handle(quote_approval_id(quote_id, 1)).result()
    assert await house.record(quote_id) == ()
    await house.quotes.put(ROSA, quote_document(quote_id))
    state = await house.quotes.submit(ROSA, quote_id)
    assert (state.round, state.outcome) == (1, None)
    assert (await house.kinds(quote_id))["submitted"] == 1


def start_token(quote_id: str, who: Identity = ROSA) -> str:
    name = OpenRound.subject(quote_id, 1)
    return TOKENS.act(who, name, "submit", "standard")


async def started(house: House, quote_id: str, token: str, **more: Any) -> str:
    """Start a round as a service does, straight at the server; the code of a refusal, or done."""
    operation = WithStartWorkflowOperation(
        QuoteApproval.run,
        RoundStart(quote_id=quote_id, round=1, by="rosa", token=token, **more),
        id=quote_approval_id(quote_id, 1),
        task_queue=house.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    )
    call = house.client.execute_update_with_start_workflow(
        "opened", start_workflow_operation=operation, result_type=RoundAnswer
    )
    return await refusal_code(call)


async def test_a_start_proves_who_submits(house: House) -> None:
    quote_id = await house.stored()
    assert await started(house, quote_id, "") == "invalid_token"
    assert await started(house, quote_id, start_token(quote_id, MEI)) == "invalid_token"
    assert await started(house, quote_id, start_token("Q-other")) == "invalid_token"
    assert (await house.kinds(quote_id))["submitted"] == 0
    assert await started(house, quote_id, TOKENS.access("rosa", house.clock.now(), HOUR)) == "done"


async def test_nobody_tells_the_time_to_a_worker_that_is_not_for_stories(house: House) -> None:
    quote_id = await house.stored()
    token, later = start_token(quote_id), house.clock.now() + 30 * DAY
    assert await started(house, quote_id, token, at=later) == "stories_only"
    assert await started(house, quote_id, token, clock_offset_us=1) == "stories_only"
    assert await started(house, quote_id, token) == "done"


async def test_who_was_deactivated_neither_decides_nor_recalls(house: House) -> None:
    state = await house.submitted()
    token = TOKENS.act(LIAM, approval_of(state, "terms"), "approve", "k")
    await house.people.deactivate(ADMIN, "liam")
    assert await decide(house, state, "terms", LIAM, key="k", token=token) == "not_yours"
    await house.people.deactivate(ADMIN, "rosa")
    with pytest.raises(Refusal, match="unknown_user"):
        await house.quotes.recall(ROSA, state.quote_id)


# -- signals


@both_caches
async def test_a_signal_with_a_token_for_just_this_counts_like_an_update(house: House) -> None:
    state = await house.submitted("10.00")
    await house.run_of(state).signal("decision", decide_message(state, "manager", MEI, channel="crm"))
    assert await outcome(house, state) == "approved"
    (approved,) = [entry for entry in await house.record(state.quote_id) if entry.kind == "approved"]
    assert (approved.by, approved.channel) == ("mei", "signal")


async def test_a_signal_with_the_access_token_of_a_person_counts_too(house: House) -> None:
    state = await house.submitted("10.00")
    token = TOKENS.access("mei", house.clock.now(), HOUR)
    await house.run_of(state).signal("decision", decide_message(state, "manager", MEI, token=token))
    assert await outcome(house, state) == "approved"


async def test_signals_that_prove_nothing_or_are_refused_are_recorded_and_the_run_goes_on(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    approval = approval_of(state, "manager")
    wrong = (
        decide_message(state, "manager", MEI, token="nonsense"),
        decide_message(state, "manager", MEI, token=TOKENS.access("farid", house.clock.now(), HOUR)),
        decide_message(state, "manager", MEI, token=TOKENS.access("mei", house.clock.now() - DAY, HOUR)),
        decide_message(state, "manager", MEI, key="k", token=TOKENS.act(MEI, approval, "approve", "another")),
        decide_message(state, "manager", FARID),
        decide_message(state, "director", DAVID),
        decide_message(state, "manager", MEI, comment="a\0b"),
        decide_message(state, "manager", Identity("m" * 3000)),
        decide_message(state, "manager", MEI, key="k" * 9000),
    )
    for message in wrong:
        await run.signal("decision", message)
    codes = await ignored(house, state, len(wrong))
    told = [entry.body["claimed"] for entry in await house.record(state.quote_id) if entry.kind == "signal_ignored"]
    assert {"by": "mei", "approval": approval, "verdict": "approve", "id": "k"} in told
    assert {each["by"] for each in told} == {"mei", "farid", "david", "m" * 300}
    invalid = ["invalid_token"] * 4
    assert sorted(codes) == ["invalid_text", *invalid, "not_your_turn", "not_yours", "too_long", "too_long"]
    assert (await house.round(state)).model_copy(update={"next_moment": None}) == state.model_copy(
        update={"next_moment": None}
    )
    assert await decide(house, state, "manager", MEI) == "done"


async def test_a_signal_nobody_can_read_is_dropped_and_the_run_goes_on(house: House) -> None:
    state = await house.submitted("10.00")
    await house.run_of(state).signal("decision", {"approval": 7})
    assert await decide(house, state, "manager", MEI) == "done"
    assert await outcome(house, state) == "approved"


# -- repeats and races


@both_caches
async def test_the_same_decision_by_two_doors_is_one_decision(house: House) -> None:
    state = await house.submitted()
    message = decide_message(state, "manager", MEI)
    run = house.run_of(state)
    await asyncio.gather(
        run.signal("decision", message),
        run.execute_update("decide", message),
        run.execute_update("decide", message, id="another-call"),
        house.quotes.decide(MEI, message.approval, Verdict.APPROVE, key=message.decision_id),
    )
    await until(lambda: events(run), lambda seen: "TIMER_CANCELED" in seen)
    kinds = await house.kinds(state.quote_id)
    assert (kinds["approved"], kinds["signal_ignored"]) == (1, 0)


async def test_a_decision_id_names_one_decision_and_cannot_hide_another(house: House) -> None:
    state = await house.submitted()
    assert await decide(house, state, "terms", LIAM, key="first") == "done"
    assert await decide(house, state, "manager", MEI, key="first") == "idempotency_key_reused"
    assert await decide(house, state, "terms", LIAM, key="first") == "done"
    assert (await house.kinds(state.quote_id))["approved"] == 1


@both_caches
async def test_of_two_last_votes_at_once_one_counts_and_the_other_is_told(house: House) -> None:
    state = await house.submitted()
    codes = await asyncio.gather(decide(house, state, "terms", LIAM), decide(house, state, "terms", NORA))
    assert sorted(codes) == ["already_decided", "done"]
    assert (await house.kinds(state.quote_id))["approved"] == 1


@both_caches
async def test_of_a_yes_and_a_no_at_once_exactly_one_decides_the_round(house: House) -> None:
    await house.people.delegate(ADMIN, Delegation(of="mei", to="farid"))
    state = await house.submitted("10.00")
    yes, no = await asyncio.gather(
        decide(house, state, "manager", MEI),
        decide(house, state, "manager", FARID, verdict=Verdict.REJECT, reason="no"),
    )
    assert sorted([yes, no]) == ["done", "round_closed"]
    assert await outcome(house, state) == ("approved" if yes == "done" else "rejected")
    kinds = await house.kinds(state.quote_id)
    assert kinds["quote_approved"] + kinds["quote_rejected"] == 1


@both_caches
async def test_recall_and_last_approval_at_once_leave_one_story(house: House) -> None:
    state = await house.submitted("10.00")
    key = "recall-1"
    recall = Recall(key=key, by="rosa", token=TOKENS.act(ROSA, OpenRound.subject(state.quote_id, 1), "recall", key))
    recalled, approved = await asyncio.gather(
        refusal_code(house.run_of(state).execute_update("recall", recall)), decide(house, state, "manager", MEI)
    )
    ended = await outcome(house, state)
    stored = (await house.round(state)).outcome
    assert ended == stored
    # An approved quote may still be recalled; one that was recalled cannot be approved.
    assert (recalled, ended) == ("done", "recalled")
    assert approved in ("done", "round_closed")
    assert (await house.kinds(state.quote_id))["quote_approved"] == (1 if approved == "done" else 0)


async def test_only_submitter_owner_or_admin_recall_and_only_with_their_own_token(house: House) -> None:
    state = await house.submitted("10.00")
    subject = OpenRound.subject(state.quote_id, 1)
    forged = Recall(key="k", by="rosa", token=TOKENS.act(MEI, subject, "recall", "k"))
    assert await refusal_code(house.run_of(state).execute_update("recall", forged)) == "invalid_token"
    with pytest.raises(Refusal) as refused:
        await house.quotes.recall(MEI, state.quote_id)
    assert refused.value.code == "not_yours"
    assert (await house.quotes.recall(ADMIN, state.quote_id)).outcome is Outcome.RECALLED
    assert await outcome(house, state) == "recalled"


async def test_a_recall_of_an_old_round_does_not_touch_the_new_one(house: House) -> None:
    state = await house.submitted("10.00")
    assert await decide(house, state, "manager", MEI) == "done"
    await house.run_of(state).result()
    edited = quote_document(state.quote_id, "11.00")
    await house.quotes.put(ROSA, edited)
    second = await house.quotes.submit(ROSA, state.quote_id)
    assert second.round == 2
    token = TOKENS.act(ROSA, OpenRound.subject(state.quote_id, 1), "recall", "k")
    facts = {"quote_id": state.quote_id, "round": 1, "by": "rosa", "token": token, "key": "k"}
    moved = await house.desk.rounds.recall_round(RecallRound(**facts, at=house.clock.now()))
    assert moved.refused is not None
    assert moved.refused.code == "round_closed"
    assert await house.round(second) == second


@both_caches
async def test_submitting_twice_at_once_opens_one_round(house: House) -> None:
    quote_id = await house.stored()
    first, second = await asyncio.gather(house.quotes.submit(ROSA, quote_id), house.quotes.submit(ROSA, quote_id))
    assert first == second
    with pytest.raises(Refusal) as refused:
        await house.quotes.submit(ROSA, quote_id)
    assert refused.value.code == "wrong_state"
    assert (await house.kinds(quote_id))["submitted"] == 1


async def test_of_two_persons_who_submit_at_once_the_second_is_told(house: House) -> None:
    quote_id = await house.stored()

    async def submit(who: Identity) -> str:
        try:
            return (await house.quotes.submit(who, quote_id)).submitter
        except Refusal as refusal:
            return refusal.code

    answers = await asyncio.gather(submit(ROSA), submit(FARID))
    assert "wrong_state" in answers
    async with house.desk.reading() as work:
        assert [state.submitter in answers for state in await work.rounds.all(quote_id)] == [True]


async def test_a_round_is_run_once(house: House) -> None:
    state = await house.submitted("10.00")
    assert await decide(house, state, "manager", MEI) == "done"
    await house.run_of(state).result()
    with pytest.raises(Refusal) as refused:
        await house.quotes.submit(ROSA, state.quote_id)
    assert refused.value.code == "wrong_state"
    # As if this submit had begun before the first one was over.
    again = await house.quotes._open(ROSA, await _stored(house, state), 1, None)
    assert (again.state.round, again.state.opened_at) == (1, state.opened_at)
    assert (await house.run_of(state).describe()).status is WorkflowExecutionStatus.COMPLETED


async def _stored(house: House, state: RoundState) -> Any:
    async with house.desk.reading() as work:
        return await work.quotes.get(state.quote_id)


# -- silence


@both_caches
async def test_silence_is_reminded_then_handed_to_the_deputy_and_the_old_one_is_told(house: House) -> None:
    state = await house.submitted("10.00")
    run = house.run_of(state)
    await house.forward(run, 4 * HOUR + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reminded"] == 1)
    await house.forward(run, 20 * HOUR)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["escalated"] == 1)
    assert await decide(house, state, "manager", MEI) == "not_yours"
    assert await decide(house, state, "manager", SAM) == "done"
    assert await outcome(house, state) == "approved"
    async with house.desk.reading() as work:
        sent = [(message.kind, message.recipient) for message in await work.outgoing.of_quote(state.quote_id)]
    assert sent == [("request", "mei"), ("reminder", "mei"), ("escalation", "sam"), ("approved", "rosa")]


async def test_a_decision_that_comes_late_but_before_the_escalation_was_processed_counts(quiet_house: House) -> None:
    house = quiet_house
    async with house.worker(cached=0):
        state = await house.submitted("10.00")
        run = house.run_of(state)
        await house.forward(run, 4 * HOUR + BEYOND)
        await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reminded"] == 1)
        await until(lambda: events(run), lambda seen: seen.count("TIMER_STARTED") == 2)
    forwarding = asyncio.create_task(house.forward(run, 21 * HOUR))
    await until(lambda: events(run), lambda seen: seen.count("TIMER_FIRED") == 2)
    await run.signal("decision", decide_message(state, "manager", MEI))
    async with house.worker(cached=0):
        assert await outcome(house, state) == "approved"
        await forwarding
    kinds = await house.kinds(state.quote_id)
    assert (kinds["approved"], kinds["escalated"], kinds["signal_ignored"]) == (1, 0, 0)


async def test_what_was_sent_while_nobody_worked_is_taken_when_somebody_does(quiet_house: House) -> None:
    house = quiet_house
    async with house.worker(cached=0):
        state = await house.submitted()
    run = house.run_of(state)
    await run.signal("decision", decide_message(state, "terms", NORA))
    waiting = asyncio.create_task(decide(house, state, "manager", MEI))
    await asyncio.sleep(0)
    async with house.worker(cached=0):
        assert await waiting == "done"
        await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["approved"] == 2)


# -- people


@both_caches
async def test_a_delegation_entered_while_somebody_is_asked_hands_over_at_once(house: House) -> None:
    state = await house.submitted("10.00")
    await house.people.delegate(ADMIN, Delegation(of="mei", to="farid"))
    assert (await house.run_of(state).describe()).typed_search_attributes[WAITING_FOR] == ["farid"]
    assert await decide(house, state, "manager", FARID) == "done"
    (approved,) = [entry for entry in await house.record(state.quote_id) if entry.kind == "approved"]
    assert (approved.by, approved.on_behalf_of) == ("farid", "mei")


async def test_a_delegation_entered_while_no_worker_is_there_hands_over_later(quiet_house: House) -> None:
    house = quiet_house
    async with house.worker():
        state = await house.submitted("10.00")
    hasty = PeopleDesk(house.desk, patience=timedelta(seconds=0.2))
    await hasty.delegate(ADMIN, Delegation(of="mei", to="farid"))
    async with house.desk.reading() as work:
        assert await work.refreshes.waiting() == 1
    async with house.worker():
        await until(lambda: RoundRefresher(house.desk).drain())
    async with house.desk.reading() as work:
        assert await work.refreshes.waiting() == 0
    assert (await house.round(state)).approvals[0].waiting_for == ("farid",)


async def test_a_new_delegate_may_decide_before_the_run_has_heard_of_it(house: House) -> None:
    state, other = await house.submitted("10.00"), await house.submitted("10.00")
    async with house.database.work() as work:  # committed, and whoever did it died before telling anybody
        await work.directory.add_delegation({"of": "mei", "to": "farid"}, "root", house.clock.now())
    await house.quotes.decide(FARID, approval_of(state, "manager"), Verdict.APPROVE)
    assert await decide(house, other, "manager", FARID) == "done"


async def test_a_round_that_is_over_needs_to_look_no_more(house: House) -> None:
    state = await house.submitted("10.00")
    async with house.database.work() as work:
        name = (state.quote_id, state.round)
        await work.refreshes.put([name, ("Q-gone", 1)], 1, grace=timedelta())
        await work.refreshes.put([name], 2, grace=timedelta())
    assert await decide(house, state, "manager", MEI) == "done"
    await outcome(house, state)
    assert await RoundRefresher(house.desk).drain() == 2
    async with house.desk.reading() as work:
        assert await work.refreshes.waiting() == 0


async def test_a_delegation_that_begins_later_hands_over_by_itself(house: House) -> None:
    begins = house.clock.now() + 2 * HOUR
    await house.people.delegate(ADMIN, Delegation.model_validate({"of": "mei", "to": "farid", "from": begins}))
    state = await house.submitted("10.00")
    assert state.next_moment is not None
    assert abs(state.next_moment - begins) < BEYOND
    assert await decide(house, state, "manager", FARID) == "not_yours"
    await house.forward(house.run_of(state), 2 * HOUR + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["delegated"] == 1)
    assert await decide(house, state, "manager", FARID) == "done"


async def test_two_delegations_entered_at_once_never_close_a_loop(house: House) -> None:
    async def delegate(of: str, to: str) -> str:
        try:
            await house.people.delegate(ADMIN, Delegation(of=of, to=to))
        except Refusal as refusal:
            return refusal.code
        return "done"

    answers = await asyncio.gather(delegate("mei", "farid"), delegate("farid", "mei"))
    assert sorted(answers) == ["delegation_loop", "done"]
    assert (await house.submitted("10.00")).outcome is None


async def test_a_group_larger_than_a_search_attribute_is_asked_all_the_same(house: House) -> None:
    many = [f"a-colleague-with-number-{number}" for number in range(300)]
    users = DIRECTORY["users"] | {name: {"name": name} for name in many}
    await house.people.load_directory(ADMIN, {**DIRECTORY, "users": users, "groups": {"legal": {"members": many}}})
    state = await house.submitted()
    assert await decide(house, state, "terms", Identity(many[-1])) == "done"
    found = (await house.run_of(state).describe()).typed_search_attributes[WAITING_FOR]
    assert found == ["mei"]


# -- trouble


async def test_an_escalation_that_is_refused_is_shown_and_done_once_the_reason_is_gone(house: House) -> None:
    state = await house.submitted("10.00")
    run = house.run_of(state)
    await house.forward(run, 4 * HOUR + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["reminded"] == 1)
    async with house.database.work() as work:
        await work.directory.put("user", "sam", {"nickname": "Sam"}, "somebody")
    await house.forward(run, 20 * HOUR)
    picture = await until(lambda: details(run), lambda seen: "Held up" in seen)
    assert "[missing_field]" in picture
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    async with house.database.work() as work:
        await work.directory.put("user", "sam", DIRECTORY["users"]["sam"], "somebody")
    await house.forward(run, timedelta(minutes=10) + BEYOND)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["escalated"] == 1)
    assert await decide(house, state, "manager", SAM) == "done"


@both_caches
async def test_an_activity_whose_commit_nobody_heard_of_is_not_done_twice(house: House) -> None:
    house.worker_database.frail = True
    state = await house.submitted()
    assert await decide(house, state, "terms", LIAM) == "done"
    await house.run_of(state).signal("decision", decide_message(state, "manager", FARID))
    assert await ignored(house, state, 1) == ["not_yours"]
    await house.people.delegate(ADMIN, Delegation(of="mei", to="farid"))
    # The desk does not wait for ever until a round has heard of it; here the run must, or there is less to lose.
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["delegated"] == 1)
    assert await decide(house, state, "manager", FARID) == "done"
    assert (await house.quotes.recall(ROSA, state.quote_id)).outcome is Outcome.RECALLED
    assert await outcome(house, state) == "recalled"
    assert house.worker_database.lost == 6
    counted = await house.kinds(state.quote_id)
    once = ("submitted", "delegated", "signal_ignored", "recalled")
    assert [counted[kind] for kind in once] == [1, 1, 1, 1]
    assert (counted["approved"], counted["requested"]) == (2, 3)


async def test_a_decision_waits_out_a_lock_on_the_quote(house: House) -> None:
    state = await house.submitted("10.00")
    async with house.database.work() as work:
        await work.quotes.get(state.quote_id, for_update=True)
        waiting = asyncio.create_task(decide(house, state, "manager", MEI))
        await asyncio.sleep(0.8)
        assert not waiting.done()
    assert await waiting == "done"
    assert (await house.kinds(state.quote_id))["approved"] == 1


async def test_a_run_that_an_operator_ended_answers_nobody_but_the_desk_begins_it_again(house: House) -> None:
    state = await house.submitted("10.00")
    await house.run_of(state).terminate("by hand")
    with pytest.raises(RPCError):
        await house.run_of(state).execute_update("decide", decide_message(state, "manager", MEI))
    after = await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    assert after.outcome is Outcome.APPROVED
