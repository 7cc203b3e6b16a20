"""A run that an operator ended while its round was open: the tables hold the round, and a new run takes it up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.approval.state import Verdict
from domain.refusal import Refusal
from starter.approval_desk import ApprovalDesk
from tests.workflows.house import DAVID, MEI, ROSA, House, approval_of, until
from workflows.names import CUSTOMER_ID, DUE_AT, QUOTE_ID, QUOTE_STATE, WAITING_FOR

DAY = timedelta(days=1)


async def test_a_decision_finds_its_round_after_an_operator_ended_the_run(house: House) -> None:
    state = await house.submitted("40.00")
    await house.run_of(state).terminate("by mistake")
    after = await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    assert [vote.by for each in after.approvals for vote in each.votes] == ["mei"]
    kinds = await house.kinds(state.quote_id)
    assert kinds["submitted"] == kinds["approved"] == 1


async def test_a_run_that_is_begun_again_reminds_as_the_first_one_would_have(house: House) -> None:
    state = await house.submitted("40.00")
    await house.run_of(state).terminate("by mistake")
    await ApprovalDesk(house.desk).resume(state.quote_id)
    await until(lambda: house.run_of(state).query("standing"))
    await house.forward(house.run_of(state), DAY)

    async def reminded() -> int:
        return (await house.kinds(state.quote_id))["reminded"]

    assert await until(reminded) == 1


async def test_a_run_that_is_begun_again_is_found_as_the_first_one_was(house: House) -> None:
    state = await house.submitted("40.00")
    before = (await house.run_of(state).describe()).typed_search_attributes
    await house.run_of(state).terminate("by mistake")
    await ApprovalDesk(house.desk).resume(state.quote_id)
    after = (await house.run_of(state).describe()).typed_search_attributes
    for key in (QUOTE_ID, CUSTOMER_ID, QUOTE_STATE, WAITING_FOR):
        assert after.get(key) == before.get(key) is not None
    assert after.get(DUE_AT) == (await house.round(state)).next_moment is not None


async def test_a_recall_finds_its_round_too(house: House) -> None:
    state = await house.submitted("40.00")
    await house.run_of(state).terminate("by mistake")
    assert (await house.quotes.recall(ROSA, state.quote_id)).outcome == "recalled"


async def test_a_round_that_is_over_stays_over(house: House) -> None:
    state = await house.submitted("10.00")
    await house.quotes.recall(ROSA, state.quote_id)
    for call in (
        house.quotes.decide(DAVID, approval_of(state, "manager"), Verdict.APPROVE),
        ApprovalDesk(house.desk).resume(state.quote_id),
    ):
        with pytest.raises(Refusal) as told:
            await call
        assert told.value.code == "round_closed"
