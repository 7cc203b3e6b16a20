"""The channel on the record is what the door is, not what a sender says it is."""

from __future__ import annotations

import pytest

from activities.store.audit import audit
from activities.tokens import Bounds
from domain.approval.deeds import deed_of
from domain.approval.state import Verdict
from domain.refusal import Refusal
from tests.workflows.acts import ASK, act_message, sent
from tests.workflows.house import MEI, TOKENS, House, approval_of, decide_message, refusal_code, until

FOREIGN = ["override", "timeout", "signal", "crm", "x" * 300]


async def channels(house: House, quote_id: str, kind: str) -> list[str | None]:
    return [entry.channel for entry in await house.record(quote_id) if entry.kind == kind]


@pytest.mark.parametrize("channel", FOREIGN, ids=lambda name: name[:9])
async def test_an_update_does_not_say_that_it_came_by_a_channel_of_others(house: House, channel: str) -> None:
    state = await house.submitted()
    message = decide_message(state, "manager", MEI, channel=channel)
    assert await refusal_code(house.run_of(state).execute_update("decide", message)) == "invalid_channel"
    assert await sent(house, state, act_message(state, "manager", MEI, ASK, channel=channel)) == "invalid_channel"
    assert await house.round(state) == state
    with pytest.raises(Refusal, match="invalid_channel"):
        await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE, channel=channel)


@pytest.mark.parametrize("channel", [*FOREIGN, "api"], ids=lambda name: name[:9])
async def test_a_signal_is_a_signal_whatever_it_says(house: House, channel: str) -> None:
    state = await house.submitted("10.00")
    await house.run_of(state).signal("action", act_message(state, "manager", MEI, ASK, comment="why?", channel=channel))
    await house.run_of(state).signal("decision", decide_message(state, "manager", MEI, channel=channel))
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["approved"] == 1)
    for kind in ("asked", "approved"):
        assert await channels(house, state.quote_id, kind) == ["signal"]
    assert not (await audit(house.database)).violations


async def test_a_token_that_a_door_made_serves_at_no_other(house: House) -> None:
    state = await house.submitted()
    approval, run = approval_of(state, "manager"), house.run_of(state)
    token = TOKENS.act(MEI, approval, "approve", "k", Bounds(channel="mail"))
    other = decide_message(state, "manager", MEI, key="k", token=token, channel="page")
    assert await refusal_code(run.execute_update("decide", other)) == "invalid_token"
    ask = act_message(state, "manager", MEI, ASK, key="a")
    bound = ask.model_copy(update={"token": TOKENS.act(MEI, approval, deed_of(ask.act), "a", Bounds(channel="mail"))})
    assert await sent(house, state, bound) == "invalid_token"
    await run.signal("decision", other)
    await run.signal("action", bound)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["signal_ignored"] == 2)
    mine = decide_message(state, "manager", MEI, key="k", token=token, channel="mail")
    assert await refusal_code(run.execute_update("decide", mine)) == "done"
    assert await channels(house, state.quote_id, "approved") == ["mail"]
