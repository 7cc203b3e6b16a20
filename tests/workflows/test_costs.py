"""What a round costs on the server, as counts: history events, and actions as they are billed."""

from __future__ import annotations

from collections import Counter

from temporalio.client import WorkflowHistory

from activities.tokens import Identity
from bench.actions import actions
from domain.approval.state import RoundState, Verdict
from tests.workflows.house import DAVID, INES, MEI, NORA, House, approval_of

STEPS = (("manager", MEI), ("director", DAVID), ("officer", INES))


async def _policy(house: House) -> None:
    """Every step with deadlines of its own; the third one from 90 on."""
    rules = [
        {
            "id": name,
            "chain": "sales",
            "step": step,
            "approver": who.user,
            "when": {"all": [f"net_total >= {least}"]},
            "sla": {"remind": "4h", "escalate": "1d"},
        }
        for step, ((name, who), least) in enumerate(zip(STEPS, (0, 50, 90), strict=True), start=1)
    ]
    await house.people.publish(
        Identity("root", frozenset({"admin"})),
        {"policy": "standard", "fallback": "ceo", "chains": {"sales": {}}, "rules": rules},
    )


async def _approved(house: House, price: str) -> tuple[RoundState, WorkflowHistory]:
    """A quote that everybody approved in time, and what its run left."""
    state = await house.submitted(price)
    for name, who in STEPS[: len(state.approvals)]:
        state = await house.quotes.decide(who, approval_of(state, name), Verdict.APPROVE)
    assert state.outcome == "approved"
    run = house.run_of(state)
    await run.result()
    return state, await run.fetch_history()


async def test_a_quote_approved_in_two_steps_takes_ten_actions(house: House) -> None:
    await _policy(house)
    _, history = await _approved(house, "20.00")
    assert actions(history) == Counter(start=1, update=3, activity=3, upsert=2, timer=1)
    assert len(history.events) <= 41


async def test_each_further_decision_takes_three_actions(house: House) -> None:
    await _policy(house)
    _, two = await _approved(house, "20.00")
    _, three = await _approved(house, "33.10")
    assert actions(three) - actions(two) == Counter(update=1, activity=1, upsert=1)
    assert len(three.events) - len(two.events) <= 12


async def test_a_vote_that_changes_nobody_else_s_turn_shows_nothing_anew(house: House) -> None:
    """Of two lanes side by side one is settled: a decision, its activity, and who is still waited for."""
    state = await house.submitted()
    before = actions(await house.run_of(state).fetch_history())
    await house.quotes.decide(NORA, approval_of(state, "terms"), Verdict.APPROVE)
    after = actions(await house.run_of(state).fetch_history())
    assert after - before == Counter(update=1, activity=1, upsert=1)


async def test_what_the_start_has_shown_is_not_shown_again(house: House) -> None:
    state = await house.submitted()
    run = house.run_of(state)
    assert not actions(await run.fetch_history())["upsert"]
    shown = (await run.describe()).typed_search_attributes
    found = {pair.key.name: pair.value for pair in shown}
    assert found["QuoteState"] == "pending"
    assert set(found["WaitingFor"]) == {"mei", "liam", "nora"}
    assert state.next_moment is not None
    assert abs((found["DueAt"] - state.next_moment).total_seconds()) < 60
