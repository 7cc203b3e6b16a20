"""An act that is read in a history: it ends, and says only what it was made to say."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.requests import OrderChange
from activities.tokens import Bounds
from domain.approval.deeds import deed_of, words_of
from domain.approval.state import RoundState, Verdict
from starter.desk import LIFE_OF_ACTS
from tests.workflows.acts import ASK, act, act_message, sent
from tests.workflows.house import DAVID, MEI, ROSA, TOKENS, House, approval_of, decide_message, refusal_code, until
from workflows.messages import Decide

HOUR = timedelta(hours=1)


async def decided(house: House, state: RoundState, message: Decide) -> str:
    return await refusal_code(house.run_of(state).execute_update("decide", message))


async def test_a_refused_act_says_nothing_else_when_somebody_sends_it_again(house: House) -> None:
    state = await house.submitted()
    approval = approval_of(state, "director")
    plain = decide_message(state, "director", DAVID, key="early")
    bound = TOKENS.act(DAVID, approval, "approve", "early", Bounds(words=words_of(plain.decision())))
    early = plain.model_copy(update={"token": bound})
    await house.run_of(state).signal("decision", early)
    await until(lambda: house.kinds(state.quote_id), lambda kinds: kinds["signal_ignored"] == 1)
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE)
    for change in ({"comment": "not his words"}, {"reason": "price"}, {"seat_of": "ines"}):
        assert await decided(house, state, early.model_copy(update=change)) == "invalid_token"
    assert await decided(house, state, early) == "done"


async def test_an_act_ends_with_its_hour(house: House) -> None:
    state = await house.submitted()
    approval, now = approval_of(state, "manager"), datetime.now(UTC)
    over, good = (TOKENS.act(MEI, approval, "approve", "k", Bounds(until=now + left)) for left in (-HOUR, HOUR))
    assert await decided(house, state, decide_message(state, "manager", MEI, key="k", token=over)) == "invalid_token"
    ask = act_message(state, "manager", MEI, ASK, key="a")
    ended = ask.model_copy(update={"token": TOKENS.act(MEI, approval, deed_of(ask.act), "a", Bounds(until=now - HOUR))})
    assert await sent(house, state, ended) == "invalid_token"
    assert await decided(house, state, decide_message(state, "manager", MEI, key="k", token=good)) == "done"


async def test_an_act_on_an_order_ends_and_says_nothing_else(house: House) -> None:
    (order,) = await house.ordered(10)
    run, now = house.order_run(order), datetime.now(UTC)
    wanted = OrderChange(key="k", verb="move_date", by=ROSA.user, token="", to=house.today(5), comment="sooner")

    async def moved(change: OrderChange, until: datetime, **other: Any) -> str:
        token = TOKENS.act(ROSA, order.order_id, change.verb, change.key, Bounds(until=until, words=change.words))
        return await refusal_code(run.execute_update("move_date", change.model_copy(update={"token": token, **other})))

    assert await moved(wanted, now - HOUR) == "invalid_token"
    for other in ({"to": house.today(6)}, {"comment": "not hers"}, {"expected_version": 1}):
        assert await moved(wanted, now + HOUR, **other) == "invalid_token"
    assert await moved(wanted, now + HOUR) == "done"
    assert (await house.order(order)).order_date == house.today(5)


async def test_what_a_desk_sends_is_bound_to_its_words_its_door_and_an_hour(house: House) -> None:
    state = await house.submitted("10.00", title="Bound")
    await act(house, state, "manager", MEI, ASK, comment="why?")
    await house.quotes.decide(MEI, approval_of(state, "manager"), Verdict.APPROVE, comment="fine")
    await house.quotes.recall(ROSA, state.quote_id, "after all")
    told = await claims_in(house, state)
    ends = datetime.now(UTC) + LIFE_OF_ACTS
    assert [claims["act"] for claims in told] == ["submit", "ask", "approve"]
    for claims in told:
        assert abs(datetime.fromtimestamp(claims["exp"], UTC) - ends) < timedelta(minutes=5)
    assert [claims.get("chan") for claims in told] == [None, "api", "api"]
    assert len({claims["dig"] for claims in told}) == 3


async def claims_in(house: House, state: RoundState) -> list[dict[str, Any]]:
    """What the tokens say that an operator reads in the history, each once, in order."""
    found: dict[bytes, dict[str, Any]] = {}
    async for event in house.run_of(state).fetch_history_events():
        for body in re.findall(rb'"token":"[^".]+\.([^".]+)\.[^"]+"', event.SerializeToString()):
            found.setdefault(body, json.loads(urlsafe_b64decode(body + b"==")))
    return list(found.values())
