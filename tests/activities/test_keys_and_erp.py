"""Idempotency keys, and what the ERP is told, in the store."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.store.erp_messages import ErpState, erp_key
from activities.store.idempotency import KeptAnswer
from activities.store.work import Database, Work
from domain.refusal import Refusal
from starter.answer_keeper import AnswerKeeper
from tests.activities.samples import NOON, order_hospital

ORDER = "Q-1001-1"
KEY = erp_key(ORDER, 2, "create")


async def begin(work: Work, request_hash: str = "h", **more: timedelta) -> KeptAnswer | None:
    return await work.idempotency.begin("rosa", "k", method="POST", path="/quotes", request_hash=request_hash, **more)


async def test_a_repeated_request_gets_the_first_answer(database: Database) -> None:
    async with database.work() as work:
        assert await begin(work) is None
    async with database.work() as work:
        await work.idempotency.finish("rosa", "k", status=201, response={"quote_id": "Q-1"})
    async with database.work() as work:
        assert await begin(work) == KeptAnswer(status=201, response={"quote_id": "Q-1"})
        assert await work.idempotency.begin("mei", "k", method="POST", path="/", request_hash="h") is None
        with pytest.raises(Refusal) as refused:
            await begin(work, "other")
    assert refused.value.code == "idempotency_key_reused"


async def test_a_request_is_worked_on_once_at_a_time(database: Database) -> None:
    async def ask() -> str:
        try:
            async with database.work() as work:
                return "mine" if await begin(work) is None else "kept"
        except Refusal as refusal:
            return refusal.code

    assert sorted(await asyncio.gather(*(ask() for _ in range(3)))) == ["in_progress", "in_progress", "mine"]


async def test_a_request_that_was_abandoned_may_be_made_again(database: Database) -> None:
    async with database.work() as work:
        assert await begin(work) is None
    async with database.work() as work:
        assert await begin(work, abandoned_after=timedelta()) is None
        await work.idempotency.forget("rosa", "k")
        assert await begin(work) is None


async def test_an_effect_is_claimed_once_and_only_by_a_commit(database: Database) -> None:
    async def fail() -> None:
        async with database.work() as work:
            assert await work.idempotency.claim("deliver/1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    async def claim() -> bool:
        async with database.work() as work:
            return await work.idempotency.claim("deliver/1")

    assert sorted(await asyncio.gather(*(claim() for _ in range(4)))) == [False, False, False, True]
    async with database.work() as work:
        assert await work.idempotency.forget_before(timedelta()) == 0


async def test_old_answers_are_forgotten_and_claims_and_newer_answers_are_not(database: Database) -> None:
    async with database.work() as work:
        for number in range(7):
            key = f"old-{number}"
            await work.idempotency.begin("mei", key, method="POST", path="/p", request_hash="h")
            await work.idempotency.finish("mei", key, status=200, response={"number": number})
        assert await work.idempotency.claim("publish/standard/once")
        month = {"age": timedelta(days=31)}
        older = text("UPDATE idempotency_keys SET created_at = now() - CAST(:age AS interval)")
        await work.connection.execute(older, month)
        await work.idempotency.begin("mei", "new", method="POST", path="/p", request_hash="h")
        await work.idempotency.finish("mei", "new", status=200, response={"number": 8})
    assert await AnswerKeeper(database).forget(at_a_time=3) == 7
    assert await AnswerKeeper(database).forget() == 0
    async with database.work() as work:
        assert await work.idempotency.is_claimed("publish/standard/once")
        kept = await work.idempotency.begin("mei", "new", method="POST", path="/p", request_hash="h")
        assert kept is not None
        assert kept.response == {"number": 8}
        assert await work.idempotency.begin("mei", "old-1", method="POST", path="/p", request_hash="h") is None


async def test_a_message_to_the_erp_is_noted_once(database: Database) -> None:
    await order_hospital(database)
    async with database.work() as work:
        first = await work.erp.put(ORDER, 2, "create", {"total": "1.50"})
        assert (first.key, first.state) == (KEY, ErpState.WAITING)
        assert await work.erp.put(ORDER, 2, "create", {"total": "1.50"}) == first
        with pytest.raises(ValueError, match="another payload"):
            await work.erp.put(ORDER, 2, "create", {"total": "1.51"})


async def test_the_life_of_a_message_to_the_erp(database: Database) -> None:
    await order_hospital(database)
    async with database.work() as work:
        await work.erp.put(ORDER, 2, "create", {})
        await work.erp.mark_failed(KEY, "503")
        assert (await work.erp.get(KEY)).state is ErpState.WAITING
        await work.erp.mark_failed(KEY, "400 no such product", work_list=True)
        assert [each.key for each in await work.erp.in_state(ErpState.WORK_LIST)] == [KEY]
        await work.erp.mark_sent(KEY, NOON)
        sent = await work.erp.get(KEY)
        assert (sent.state, sent.attempts, sent.last_error) == (ErpState.SENT, 3, None)
        assert await work.erp.answer(KEY, accepted=True, at=NOON, answer={"ok": True}, document="SO-1")
        assert not await work.erp.answer(KEY, accepted=False, at=NOON, answer={})
        await work.erp.mark_sent(KEY, NOON)
        (answered,) = await work.erp.of_order(ORDER)
        assert (answered.state, answered.document, answered.answer) == (ErpState.ACCEPTED, "SO-1", {"ok": True})
        with pytest.raises(Refusal) as refused:
            await work.erp.done_by_hand(KEY, "pat", NOON)
        assert refused.value.code == "wrong_state"


async def test_what_was_done_by_hand_is_off_the_work_list(database: Database) -> None:
    await order_hospital(database)
    async with database.work() as work:
        await work.erp.put(ORDER, 2, "create", {})
        await work.erp.mark_failed(KEY, "400", work_list=True)
        await work.erp.done_by_hand(KEY, "pat", NOON)
        assert (await work.erp.get(KEY)).state is ErpState.DONE_BY_HAND
        assert await work.erp.in_state(ErpState.WORK_LIST) == ()
        with pytest.raises(Refusal) as refused:
            await work.erp.get("none:1:create")
    assert refused.value.code == "unknown_message"
