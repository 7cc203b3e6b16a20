"""Idempotency keys and entity tags: a repeated request means once, a stale one changes nothing."""

import asyncio
from typing import Any

import pytest

from activities.tokens import Identity
from starter.quote_desk import QuoteDesk
from tests.starter.api.conftest import YES, Api, quote_document

KEY = {"Idempotency-Key": "6f1c3a52"}


@pytest.mark.usefixtures("working")
async def test_the_same_request_under_its_key_gets_the_same_answer(api: Api, quote: str) -> None:
    first = await api.call("POST", f"/quotes/{quote}/submit", headers=KEY, json={"comment": "a"})
    again = await api.call("POST", f"/quotes/{quote}/submit", headers=KEY, json={"comment": "a"})
    assert (first.status_code, again.status_code, again.text) == (200, 200, first.text)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await api.get(f"/quotes/{quote}/rounds"))["rounds"]) == 1


@pytest.mark.usefixtures("working")
async def test_a_key_is_one_persons_and_one_requests(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit", headers=KEY)
    reused: dict[str, Any] = {"headers": KEY, "json": {"comment": "another"}}
    assert await api.refused("POST", f"/quotes/{quote}/submit", **reused) == (422, "idempotency_key_reused")
    assert await api.refused("POST", f"/quotes/{quote}/recall", headers=KEY) == (422, "idempotency_key_reused")
    await api.post(f"/approvals/{quote}.1.terms-legal/approve", "nora", headers=KEY)
    wrong = {"Idempotency-Key": "a b"}
    assert await api.refused("POST", f"/quotes/{quote}/recall", headers=wrong) == (400, "invalid_header")


@pytest.mark.usefixtures("working")
async def test_two_at_once_under_one_key_are_one(api: Api, quote: str) -> None:
    async def submit() -> Any:
        return await api.call("POST", f"/quotes/{quote}/submit", headers=KEY)

    answers = await asyncio.gather(*(submit() for _ in range(5)))
    told = [(answer.status_code, answer.json().get("code")) for answer in answers]
    assert (200, None) in told
    assert set(told) <= {(200, None), (409, "in_progress")}
    assert len((await api.get(f"/quotes/{quote}/rounds"))["rounds"]) == 1


async def test_a_refused_request_may_be_made_again_under_its_key(api: Api, quote: str, working: None) -> None:
    assert await api.refused("POST", f"/quotes/{quote}/accept", headers=KEY) == (409, "not_approved")
    await approve(api, quote)
    assert (await api.post(f"/quotes/{quote}/accept", headers=KEY))["accepted_at"]


@pytest.mark.usefixtures("working")
async def test_a_crash_between_effect_and_answer_still_means_once(
    api: Api, quote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: Any, **__: Any) -> None:
        """As if the process had died before the answer was kept."""

    monkeypatch.setattr("activities.store.idempotency.IdempotencyKeys.finish", lost)

    async def forgotten(*args: Any, **how: Any) -> None:
        return None

    monkeypatch.setattr("activities.store.idempotency.IdempotencyKeys.begin", forgotten)
    split = {"split_by": ["order_date", "ship_to"]}
    for _ in range(2):
        opened = await api.post(f"/quotes/{quote}/submit", headers={"Idempotency-Key": "submit"})
        assert opened["round"] == 1
    await approve(api, quote, submit=False)
    for _ in range(2):
        assert (await api.post(f"/quotes/{quote}/accept", headers={"Idempotency-Key": "accept"}))["accepted_at"]
    books = [await api.post(f"/quotes/{quote}/orders", body=split, headers={"Idempotency-Key": "o"}) for _ in range(2)]
    assert books[0]["orders"] == books[1]["orders"]
    order = f"/orders/{books[0]['orders'][2]['order_id']}"
    for _ in range(2):
        assert (await api.post(f"{order}/activate", headers={"Idempotency-Key": "a"}))["activated_at"]
        arrived = await api.post(
            f"{order}/deliveries", body={"line": "L2", "quantity": "1"}, headers={"Idempotency-Key": "d"}
        )
        assert arrived["items"][0]["delivered"][0]["quantity"] == "1"
        assert len(arrived["items"][0]["delivered"]) == 1
    kinds = [entry["kind"] for entry in (await api.get(f"/quotes/{quote}/record", params={"limit": 200}))["entries"]]
    assert [kinds.count(kind) for kind in ("submitted", "accepted", "order_delivered")] == [1, 1, 1]


@pytest.mark.usefixtures("working")
async def test_a_repeated_recall_and_a_repeated_decision_are_found(api: Api, quote: str) -> None:
    desk = QuoteDesk(api.desk)
    await api.post(f"/quotes/{quote}/submit")
    one = {"approval_id": f"{quote}.1.terms-legal", "verdict": "approve"}
    for _ in range(2):
        answers = await api.post("/approvals/decide", "nora", {"decisions": [one]}, headers=KEY)
        assert [each["status"] for each in answers["answers"]] == [200]
    recalled = [await desk.recall(Identity("rosa"), quote, key="r") for _ in range(2)]
    assert recalled[0].outcome == recalled[1].outcome == "recalled"


async def approve(api: Api, quote: str, *, submit: bool = True) -> None:
    if submit:
        await api.post(f"/quotes/{quote}/submit")
    for who, rule in YES:
        await api.post(f"/approvals/{quote}.1.{rule}/approve", who)


async def test_a_quote_is_only_overwritten_by_who_has_seen_it(api: Api, quote: str) -> None:
    seen = (await api.call("GET", f"/quotes/{quote}")).headers["etag"]
    path, second = f"/quotes/{quote}", quote_document(quote_id=quote, title="Second")
    assert await api.refused("PUT", path, json=second, headers={"If-Match": '"7"'}) == (412, "stale")
    assert await api.refused("PUT", path, json=second, headers={"If-Match": f"W/{seen}"}) == (412, "stale")
    assert await api.refused("PUT", path, json=second, headers={"If-None-Match": "*"}) == (412, "stale")
    assert await api.refused("PUT", path, json=second, headers={"If-Match": "*"}) == (400, "invalid_header")
    written = await api.call("PUT", path, json=second, headers={"If-Match": seen})
    assert (written.status_code, written.json()["version"]) == (200, 2)
    assert written.headers["etag"] != seen
    assert await api.refused("PUT", path, json=second, headers={"If-Match": seen}) == (412, "stale")
    unknown = quote_document(quote_id="Q-new")
    assert await api.refused("PUT", "/quotes/Q-new", json=unknown, headers={"If-Match": '"1"'}) == (412, "stale")
    created = await api.call("PUT", "/quotes/Q-new", json=unknown, headers={"If-None-Match": "*"})
    assert (created.status_code, created.headers["location"]) == (201, "/api/v1/quotes/Q-new")


@pytest.mark.usefixtures("working")
async def test_an_order_is_only_moved_by_who_has_seen_it(api: Api, quote: str) -> None:
    await approve(api, quote)
    await api.post(f"/quotes/{quote}/accept")
    book = await api.post(f"/quotes/{quote}/orders", body={"split_by": ["order_date", "ship_to"]})
    path = f"/orders/{book['orders'][-2]['order_id']}"
    seen = (await api.call("GET", path)).headers["etag"]
    moved = await api.call("PATCH", path, json={"order_date": "2027-04-19"}, headers={"If-Match": seen, **KEY})
    assert (moved.status_code, moved.json()["order_date"], moved.headers["etag"]) == (200, "2027-04-19", '"2"')
    again = await api.call("PATCH", path, json={"order_date": "2027-04-19"}, headers={"If-Match": seen, **KEY})
    assert (again.text, again.headers["etag"]) == (moved.text, '"2"')
    stale: dict[str, Any] = {"json": {"order_date": "2027-04-20"}, "headers": {"If-Match": seen}}
    assert await api.refused("PATCH", path, **stale) == (412, "stale")
    assert await api.refused("PATCH", path, json={"order_date": "20.4.2027"}) == (422, "invalid_date")
    assert await api.refused("PATCH", path, json={"order_date": "2026-01-01"}) == (422, "in_the_past")
    assert await api.refused("POST", f"{path}/deliveries", json={"quantity": 1}) == (422, "number_not_text")
    assert await api.refused("POST", f"{path}/deliveries") == (409, "wrong_state")


async def test_a_preview_uses_no_key_up(api: Api, quote: str) -> None:
    for _ in range(2):
        previewed = await api.call("POST", f"/quotes/{quote}/preview", headers=KEY)
        assert "idempotency-replayed" not in previewed.headers
    assert await api.refused("POST", f"/quotes/{quote}/accept", headers=KEY) == (409, "not_approved")
