"""Races between verbs, on real rounds: one outcome each, the loser told by a code, the record in the order of events.

``--races`` says how many are run in all. Contenders start within a few milliseconds of each other, in either order,
and several rounds race at a time, so that rows, runs and the record's head are fought for as well.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.store.retelling import Retelling
from activities.store.work import Database
from activities.tokens import Identity
from domain.approval.state import ActVerb, Outcome, RoundState, Verdict
from domain.refusal import Refusal
from domain.standing import state_after
from starter.api.app import create_api
from starter.approval_desk import ApprovalDesk, new_act
from starter.desk import Desk
from starter.replacement_desk import ReplacementDesk
from tests.workflows.house import (
    ADMIN,
    DAVID,
    FARID,
    LIAM,
    MEI,
    NORA,
    ROSA,
    SAM,
    House,
    approval_of,
    decide_message,
    quote_document,
    until,
)

AT_A_TIME = 6
JITTER = 0.03
PATIENCE = 60.0
INES = Identity("ines", frozenset({"override"}))
OUTCOMES = ("approved", "rejected", "recalled")
DAY = timedelta(days=1)

Contender = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Told:
    """What the contenders were told, and the round as it is when all of them were."""

    answers: tuple[str, ...]
    state: RoundState


async def told(call: Contender, after: float) -> str:
    """``done``, or the code of the refusal; anything else is a fault and raised as it is."""
    await asyncio.sleep(after)
    try:
        async with asyncio.timeout(PATIENCE):
            await call()
    except Refusal as refusal:
        return refusal.code
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return "round_closed"  # a signal finds nobody once the run is over
    return "done"


async def race(house: House, state: RoundState, *contenders: Contender, jitter: float = JITTER) -> Told:
    """Let them all go at about the same moment, within ``jitter`` seconds."""
    answers = await asyncio.gather(*(told(each, random.uniform(0, jitter)) for each in contenders))
    return Told(tuple(answers), await house.round(state))


def deciding(
    house: House, state: RoundState, rule: str, who: Identity, verdict: Verdict = Verdict.APPROVE
) -> Contender:
    reason = "no" if verdict is Verdict.REJECT else None
    return lambda: house.quotes.decide(who, approval_of(state, rule), verdict, reason=reason)


def acting(house: House, state: RoundState, rule: str, who: Identity, verb: ActVerb, **fields: Any) -> Contender:
    act = new_act(who, verb, approval=approval_of(state, rule), **fields)
    return lambda: ApprovalDesk(house.desk).act(who, act)


# -- the races: each returns what was told, and says what may come of it


async def two_last_votes(house: House) -> Told:
    state = await house.submitted()
    await deciding(house, state, "manager", MEI)()
    await deciding(house, state, "director", DAVID)()
    found = await race(house, state, deciding(house, state, "terms", LIAM), deciding(house, state, "terms", NORA))
    assert found.state.outcome is Outcome.APPROVED
    assert sorted(found.answers) in (["already_decided", "done"], ["done", "round_closed"])
    return found


async def yes_against_no(house: House) -> Told:
    state = await house.submitted("20.00")
    await deciding(house, state, "manager", MEI)()
    no = acting(house, state, "director", INES, ActVerb.OVERRIDE, verdict=Verdict.REJECT, reason="no")
    found = await race(house, state, deciding(house, state, "director", DAVID), no)
    assert found.answers in (("done", "round_closed"), ("round_closed", "done"))
    assert found.state.outcome is (Outcome.APPROVED if found.answers[0] == "done" else Outcome.REJECTED)
    return found


async def approve_against_recall(house: House) -> Told:
    state = await house.submitted("10.00")
    found = await race(
        house, state, deciding(house, state, "manager", MEI), lambda: house.quotes.recall(ROSA, state.quote_id)
    )
    # An approved quote may be recalled too; a recalled one cannot be approved.
    wanted: dict[tuple[str, ...], Outcome] = {
        ("done", "done"): Outcome.RECALLED,
        ("round_closed", "done"): Outcome.RECALLED,
        ("done", "round_closed"): Outcome.APPROVED,
    }
    assert found.state.outcome is wanted[found.answers]
    return found


async def approve_against_escalation(house: House) -> Told:
    state = await house.submitted("10.00")
    run = house.run_of(state)

    async def silence() -> None:
        await house._skipper.fast_forward(run, DAY + timedelta(seconds=1))

    # To let a day go by takes the server a while: a reminder comes on the way.
    found = await race(house, state, deciding(house, state, "manager", MEI), silence, jitter=0.6)
    assert found.answers[0] in ("done", "not_yours")
    if found.answers[0] == "done":
        assert found.state.outcome is Outcome.APPROVED
        return found

    async def now() -> RoundState:
        return await house.round(state)

    handed = await until(now, lambda seen: seen.approvals[0].waiting_for == ("sam",))
    await deciding(house, handed, "manager", SAM)()
    return found


async def one_decision_by_two_doors(house: House) -> Told:
    state = await house.submitted("20.00")
    key = uuid.uuid4().hex
    message = decide_message(state, "manager", MEI, key=f"http/mei/{key}")
    transport = httpx2.ASGITransport(app=create_api(house.desk), raise_app_exceptions=False)
    token = house.desk.tokens.access("mei", house.clock.now(), 2 * DAY)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}

    async def by_http() -> None:
        async with httpx2.AsyncClient(transport=transport, base_url="http://test/api/v1") as http:
            answer = await http.post(f"/approvals/{message.approval}/approve", headers=headers, json={})
            assert answer.status_code == 200, answer.text

    async def by_signal() -> None:
        await house.run_of(state).signal("decision", message)

    found = await race(house, state, by_http, by_signal)
    assert found.answers == ("done", "done")
    # The run hears this after the signal: nothing of that is left in the air.
    await deciding(house, state, "director", DAVID)()
    kinds = await house.kinds(state.quote_id)
    assert (kinds["approved"], kinds["signal_ignored"]) == (2, 0)
    return found


async def edit_against_submit(house: House) -> Told:
    quote_id = await house.stored("10.00")
    answers = await asyncio.gather(
        told(lambda: house.quotes.put(FARID, quote_document(quote_id, "12.00")), random.uniform(0, JITTER)),
        told(lambda: house.quotes.submit(ROSA, quote_id), random.uniform(0, JITTER)),
    )
    assert tuple(answers) in (("done", "done"), ("not_editable", "done"))
    async with house.desk.reading() as work:
        state, quote = await work.rounds.get(quote_id, 1), await work.quotes.get(quote_id)
    # The round is on the content that the quote has, and who edited it before never decides it.
    assert state.content_hash == quote.content_hash
    assert ("farid" in state.barred) is (answers[0] == "done")
    return Told(tuple(answers), state)


async def edit_against_recall(house: House) -> Told:
    state = await house.submitted("10.00")
    edit = quote_document(state.quote_id, "12.00")
    found = await race(
        house, state, lambda: house.quotes.put(ROSA, edit), lambda: house.quotes.recall(ROSA, state.quote_id)
    )
    assert found.answers in (("done", "done"), ("not_editable", "done"))
    return found


async def approve_against_withdraw(house: House) -> Told:
    state = await house.submitted()
    await deciding(house, state, "manager", MEI)()
    await deciding(house, state, "terms", LIAM)()
    withdraw = acting(house, state, "terms", LIAM, ActVerb.WITHDRAW)
    found = await race(house, state, deciding(house, state, "director", DAVID), withdraw)
    assert found.answers in (("done", "done"), ("done", "round_closed"))
    assert found.state.outcome is (None if found.answers[1] == "done" else Outcome.APPROVED)
    if found.state.outcome is None:
        await deciding(house, state, "terms", NORA)()
    return found


async def ask_against_decide(house: House) -> Told:
    state = await house.submitted("10.00")
    ask = acting(house, state, "manager", MEI, ActVerb.ASK, comment="why?")
    found = await race(house, state, ask, deciding(house, state, "manager", MEI))
    assert found.answers in (("done", "done"), ("round_closed", "done"))
    assert found.state.outcome is Outcome.APPROVED
    return found


async def override_against_approve(house: House) -> Told:
    state = await house.submitted("20.00")
    yes = acting(house, state, "manager", INES, ActVerb.OVERRIDE, verdict=Verdict.APPROVE)
    found = await race(house, state, yes, deciding(house, state, "manager", MEI))
    assert sorted(found.answers) == ["already_decided", "done"]
    await deciding(house, state, "director", DAVID)()
    return found


async def reassign_against_approve(house: House) -> Told:
    state = await house.submitted("20.00")
    hand = acting(house, state, "manager", MEI, ActVerb.REASSIGN, to="farid")
    found = await race(house, state, hand, deciding(house, state, "manager", MEI))
    assert found.answers in (("done", "not_yours"), ("already_decided", "done"))
    if found.answers[0] == "done":
        await deciding(house, state, "manager", FARID)()
    await deciding(house, state, "director", DAVID)()
    return found


async def two_submits(house: House) -> Told:
    quote_id = await house.stored("10.00")
    answers = await asyncio.gather(
        told(lambda: house.quotes.submit(ROSA, quote_id), random.uniform(0, JITTER)),
        told(lambda: house.quotes.submit(FARID, quote_id), random.uniform(0, JITTER)),
    )
    assert sorted(answers) == ["done", "wrong_state"]
    async with house.desk.reading() as work:
        (state,) = await work.rounds.all(quote_id)
    assert state.submitter == ("rosa" if answers[0] == "done" else "farid")
    return Told(tuple(answers), state)


async def accept_against_recall(house: House) -> Told:
    state = await house.submitted("10.00")
    await deciding(house, state, "manager", MEI)()
    found = await race(
        house,
        state,
        lambda: house.quotes.accept(ROSA, state.quote_id),
        lambda: house.quotes.recall(ROSA, state.quote_id),
    )
    assert found.answers in (("done", "wrong_state"), ("not_approved", "done"))
    return found


async def everybody_at_once(house: House) -> Told:
    """More callers than a run takes updates at a time: nobody hangs, and one answer counts."""
    state = await house.submitted("10.00")
    found = await race(house, state, *(deciding(house, state, "manager", MEI) for _ in range(14)))
    counts = Counter(found.answers)
    assert counts.pop("done") == 1
    assert set(counts) <= {"round_closed", "already_decided"}
    return found


RACES = (
    two_last_votes, yes_against_no, approve_against_recall, approve_against_escalation, one_decision_by_two_doors,
    edit_against_submit, edit_against_recall, approve_against_withdraw, ask_against_decide, override_against_approve,
    reassign_against_approve, two_submits, accept_against_recall, everybody_at_once,
)  # fmt: skip


# -- what holds after every race


async def check_story(house: House, quote_id: str) -> None:
    """Rows, run, record and messages of a quote tell one story."""
    async with house.desk.reading() as work:
        quote = await work.quotes.get(quote_id)
        rounds = await work.rounds.all(quote_id)
        entries = await work.record.of_quote(quote_id, limit=1000)
        sent = await work.outgoing.of_quote(quote_id)
    last = rounds[-1]
    assert quote.round == last.round
    assert quote.state in (state_after(last), "draft")
    assert all(one.at <= other.at for one, other in pairwise(entries)), [(each.kind, each.at) for each in entries]
    kinds = Counter(entry.kind for entry in entries)
    assert kinds["submitted"] == len(rounds)
    assert kinds["quote_approved"] + kinds["quote_rejected"] <= 1
    assert (last.outcome is Outcome.RECALLED) is (kinds["recalled"] == 1)
    outcomes = Counter((each.kind, each.recipient) for each in sent if each.kind in OUTCOMES)
    assert all(count == 1 for count in outcomes.values()), outcomes
    kinds_sent = {kind for kind, _ in outcomes}
    assert ("approved" in kinds_sent) is (kinds["quote_approved"] == 1)
    assert ("rejected" in kinds_sent) is (kinds["quote_rejected"] == 1)
    assert [each.key for each in sent] == [f"{quote_id}/{last.round}/{n}" for n in range(1, last.messages_sent + 1)]
    run = house.run_of(last)
    if last.outcome is None:
        assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    else:
        async with asyncio.timeout(PATIENCE):
            ended = (await run.result())["outcome"]
        assert ended == last.outcome or (ended, last.outcome) == ("approved", "recalled")


async def check_whole(house: House) -> None:
    """The chain is whole, and playing the record again leads to what the tables hold."""
    async with house.desk.reading() as work:
        assert not await work.record.verify()
        assert [each async for each in Retelling(work.connection).unlike()] == []


@pytest.mark.timeout(3600)
async def test_every_race_has_one_outcome_and_tells_the_loser(house: House, request: pytest.FixtureRequest) -> None:
    each_time = max(1, request.config.getoption("--races") // len(RACES))
    gate = asyncio.Semaphore(AT_A_TIME)
    answers: Counter[tuple[str, tuple[str, ...]]] = Counter()

    async def run(kind: Callable[[House], Awaitable[Told]]) -> None:
        async with gate:
            found = await kind(house)
            await check_story(house, found.state.quote_id)
            answers[kind.__name__, found.answers if len(found.answers) < 3 else ("…",)] += 1

    together = [kind for kind in RACES for _ in range(each_time)]
    random.shuffle(together)
    async with asyncio.TaskGroup() as group:
        for kind in together:
            group.create_task(run(kind))
    await check_whole(house)
    for (name, seen), count in sorted(answers.items()):
        print(f"{name}: {count} × {', '.join(seen)}")
    assert sum(answers.values()) == each_time * len(RACES)


async def test_decisions_against_a_replacement_each_count_once(house: House, request: pytest.FixtureRequest) -> None:
    """Mei decides while she is being replaced by Sam everywhere: her answers stay hers, the rest are Sam's."""
    count = max(12, request.config.getoption("--races") // 10)
    states = [await house.submitted("10.00") for _ in range(count)]
    desk = ReplacementDesk(house.desk)

    async def replace() -> str:
        return (await desk.replace(ADMIN, "mei", "sam", key="r")).operation_id

    answers = await asyncio.gather(
        replace(),
        *(told(deciding(house, each, "manager", MEI), random.uniform(0, 2.0)) for each in states),
    )
    assert set(answers[1:]) == {"done", "not_yours"}
    async with asyncio.timeout(PATIENCE):
        assert (await desk.finished(answers[0])).state == "done"
    for state, answer in zip(states, answers[1:], strict=True):
        if answer == "not_yours":
            await deciding(house, state, "manager", SAM)()
        ended = await house.round(state)
        assert [vote.by for each in ended.approvals for vote in each.votes] == ["mei" if answer == "done" else "sam"]
        await check_story(house, state.quote_id)
    await check_whole(house)
    print(Counter(answers[1:]))


async def test_a_row_that_somebody_holds_delays_a_decision_and_loses_none(house: House) -> None:
    """Longer than the worker waits for a row: the activity is tried again, and the caller only waits."""
    state = await house.submitted("10.00")
    async with holding(house, state.quote_id):
        deciding_now = asyncio.create_task(told(deciding(house, state, "manager", MEI), 0))
        recalling = asyncio.create_task(told(lambda: house.quotes.recall(ROSA, state.quote_id), 0.3))
        await asyncio.sleep(1.2)
        assert not deciding_now.done()
    assert await deciding_now == "done"
    assert await recalling in ("done", "round_closed")
    await check_story(house, state.quote_id)
    assert (await house.kinds(state.quote_id))["approved"] == 1


async def test_a_door_that_waits_too_long_for_a_row_says_unavailable(house: House, database_url: str) -> None:
    state = await house.submitted("10.00")
    hasty = Database(database_url, statement_timeout=0.2)
    desk = Desk(house.client, hasty, house.desk.tokens, house.task_queue, clock=house.clock)
    transport = httpx2.ASGITransport(app=create_api(desk), raise_app_exceptions=False)
    token = house.desk.tokens.access("rosa", house.clock.now(), DAY)
    body: dict[str, Any] = {"json": {"comment": "a note"}, "headers": {"Authorization": f"Bearer {token}"}}
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://test/api/v1") as http:
            async with holding(house, state.quote_id):
                held = await http.post(f"/quotes/{state.quote_id}/comments", **body)
            again = await http.post(f"/quotes/{state.quote_id}/comments", **body)
    finally:
        await hasty.close()
    assert (held.status_code, held.json()["code"], held.headers["retry-after"]) == (503, "unavailable", "2")
    assert again.status_code == 201


@asynccontextmanager
async def holding(house: House, quote_id: str) -> AsyncIterator[None]:
    """Somebody holds the quote's row."""
    async with house.database.work() as work:
        await work.quotes.get(quote_id, for_update=True)
        yield
