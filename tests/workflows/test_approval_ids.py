"""Ids of approvals are QUOTE.ROUND.RULE, and ids have dots: two rounds may come to the same one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from domain.approval.state import Verdict
from domain.refusal import Refusal
from tests.workflows.house import ADMIN, MEI, ROSA, House, quote_document


async def publish(house: House, rule: str) -> None:
    rules: list[dict[str, Any]] = [{"id": rule, "approver": "mei", "when": "net_total > 0", "reason": "every quote"}]
    await house.people.publish(ADMIN, {"policy": "standard", "fallback": "ceo", "rules": rules})


async def test_no_round_takes_an_approval_from_another_one(house: House) -> None:
    quote = f"Q{uuid.uuid4().hex[:10]}"
    for each in (quote, f"{quote}.1"):
        await house.quotes.put(ROSA, quote_document(each))
    await publish(house, "1.x")
    first = await house.quotes.submit(ROSA, quote)
    await publish(house, "x")
    assert first.approvals[0].approval_id == f"{quote}.1.1.x"
    with pytest.raises(Refusal, match="approval_id_taken"):
        await house.quotes.submit(ROSA, f"{quote}.1")
    async with house.desk.reading() as work:
        assert (await work.quotes.get(f"{quote}.1")).state == "draft"
        assert await work.rounds.find(f"{quote}.1", 1) is None
    assert (await house.quotes.decide(MEI, f"{quote}.1.1.x", Verdict.APPROVE)).quote_id == quote
    await publish(house, "y")
    assert (await house.quotes.submit(ROSA, f"{quote}.1")).approvals[0].approval_id == f"{quote}.1.1.y"
