"""Policies of thousands of rules: what a run need not know stays in the tables, and what it cannot carry is refused."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.service import RPCError

from domain.approval import room
from domain.approval.room import MOST_AT_FIRST
from domain.approval.state import ActVerb, Outcome, RoundState, Verdict
from domain.refusal import Refusal
from starter.approval_desk import ApprovalDesk, new_act
from tests.workflows.house import ADMIN, MEI, ROSA, House, approval_of

MESSAGE = 2 * 1024 * 1024
"""The most bytes that a message of Temporal holds."""
FIRST = {"id": "first", "approver": "mei", "when": "net_total > 0", "reason": "every quote"}


async def publish(house: House, rules: list[dict[str, Any]]) -> None:
    await house.people.publish(ADMIN, {"policy": "standard", "fallback": "ceo", "rules": rules})


async def test_thousands_of_rules_that_do_not_fire_are_shown_and_not_carried(house: House) -> None:
    tests = ["net_total > 99999999", "payment_terms in Net 60, Net 90", "payment_terms = Net 30"]
    quiet = [
        {"id": f"r{n}", "approver": "mei", "when": {"all": [f"net_total > {10_000_000 + n}", *tests]}}
        for n in range(3000)
    ]
    await publish(house, [FIRST, *quiet])
    state = await house.submitted()
    assert len(state.not_fired) == 3000
    assert len(state.model_dump_json()) > MESSAGE
    carried: RoundState = await house.run_of(state).query("standing", result_type=RoundState)
    assert carried == state.model_copy(update={"not_fired": ()})
    asked = await ApprovalDesk(house.desk).act(
        MEI, new_act(MEI, ActVerb.ASK, approval=approval_of(state, "first"), comment="why?")
    )
    done = await house.quotes.decide(MEI, approval_of(state, "first"), Verdict.APPROVE)
    assert done.outcome is Outcome.APPROVED
    recalled = await house.quotes.recall(ROSA, state.quote_id)
    assert state.not_fired == asked.not_fired == done.not_fired == recalled.not_fired
    assert (await house.round(state)) == recalled
    history = await house.run_of(state).fetch_history()
    assert sum(event.ByteSize() for event in history.events) < MESSAGE / 10


async def test_a_round_that_could_not_be_carried_is_refused_before_anything_is_stored(house: House) -> None:
    rules = [{**FIRST, "id": f"rule-number-{n}", "reason": "r" * 100} for n in range(1500)]
    await publish(house, rules)
    quote_id = await house.stored()
    with pytest.raises(Refusal, match="too_many_approvals") as refused:
        await house.quotes.submit(ROSA, quote_id)
    assert f"at most {MOST_AT_FIRST:,}" in refused.value.message
    async with house.desk.reading() as work:
        assert await work.rounds.find(quote_id, 1) is None
        assert (await work.quotes.get(quote_id)).state == "draft"
    with pytest.raises(RPCError, match="not found"):
        await house.client.get_workflow_handle(f"quote-approval/{quote_id}/1").describe()
    await publish(house, rules[:300])
    assert len((await house.quotes.submit(ROSA, quote_id)).approvals) == 300


async def test_nobody_adds_words_to_a_round_that_is_full_and_its_owner_recalls_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await house.submitted()
    monkeypatch.setattr(room, "MOST", len(state.carried.model_dump_json()) + 500)
    with pytest.raises(Refusal, match="round_full"):
        await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE, comment="w" * 1000)
    assert (await house.round(state)).approval("manager") == state.approval("manager")
    assert (await house.quotes.recall(ROSA, state.quote_id)).outcome is Outcome.RECALLED
