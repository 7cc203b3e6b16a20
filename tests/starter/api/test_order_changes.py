"""Operations on orders by HTTP: previewed, done once, refused by code, and told with all that they touched."""

import asyncio
import re
import uuid
from typing import Any

import pytest

from starter.people_desk import PeopleDesk
from tests.starter.api.conftest import ADMIN, Api

FIRST, SECOND = "2027-01-01/N", "2027-02-01/S"
VERBS = (
    "split", "move", "merge", "cancel", "hold", "release", "activate", "supplement", "close-short", "return",
    "rollback", "close", "progress", "usage", "invoices", "acknowledgements", "deliveries", "acceptances", "milestones",
)  # fmt: skip
DEVICE = {"family": "Device", "kind": "one_time"}
AT_N = {"deliveries": [{"order_date": "2027-01-01", "ship_to": "N", "quantity": "1"}]}
LINES = [
    {"line_id": "A", "product": "PUMP", **DEVICE, "quantity": "10", "list_price": "33.33",
     "deliveries": [{"order_date": "2027-01-01", "ship_to": "N", "quantity": "6"},
                    {"order_date": "2027-02-01", "ship_to": "S", "quantity": "4"}]},
    {"line_id": "C", "product": "CARE", "family": "Service", "kind": "subscription", "quantity": "10",
     "list_price": "1", "start_date": "2027-02-01", "end_date": "2027-12-31",
     "deliveries": [{"order_date": "2027-02-01", "ship_to": "S", "quantity": "10"}]},
    {"line_id": "W", "product": "SETUP", **DEVICE, "quantity": "1", "list_price": "500",
     "revenue": "percent_complete", **AT_N},
    {"line_id": "U", "product": "CALLS", **DEVICE, "quantity": "100", "list_price": "2", "revenue": "usage",
     "deliveries": [{"order_date": "2027-01-01", "ship_to": "N", "quantity": "100"}]},
]  # fmt: skip


@pytest.fixture
async def orders(api: Api, working: None) -> dict[str, str]:
    """The orders of an accepted quote, by key."""
    await PeopleDesk(api.desk).publish(ADMIN, {"policy": "standard", "rules": []})
    return await ordered(api)


async def ordered(api: Api, **changes: Any) -> dict[str, str]:
    """A new quote on its way to orders; their ids by key."""
    quote_id = f"Q-{uuid.uuid4().hex[:10]}"
    document = {
        "quote_id": quote_id, "title": "Wards", "owner": "rosa", "currency": "USD", "bill_to": "payer",
        "customer": {"customer_id": "c", "name": "Clinic"},
        "sites": [{"site_id": "N", "name": "North"}, {"site_id": "S", "name": "South"}],
        "lines": LINES, **changes,
    }  # fmt: skip
    answer = await api.call("PUT", f"/quotes/{quote_id}", json=document)
    assert answer.status_code == 201, answer.text
    await api.post(f"/quotes/{quote_id}/submit")
    await api.post(f"/quotes/{quote_id}/accept")
    book = await api.post(f"/quotes/{quote_id}/orders", body={"split_by": ["order_date", "ship_to"]})
    return {order["key"]: order["order_id"] for order in book["orders"]}


def content(order: dict[str, Any]) -> Any:
    """What people agreed on in an order: not when its run came to act on it."""
    items = [
        (item["item_id"], item["quantity"], item["amount"]["amount"], item["start"], item["end"])
        for item in order["items"]
    ]
    return order["order_id"], order["key"], order["kind"], order["order_date"], order["total"], items


def told(answer: dict[str, Any]) -> Any:
    others = sorted(map(repr, map(content, answer["also_changed"])))
    return content(answer), answer["state"], answer["version"], others


async def written(api: Api, quote: str, order: str) -> Any:
    """All that is stored of an order and its quote, but for what the ERP is being told meanwhile."""
    page, book = await api.get(f"/orders/{order}"), await api.get(f"/quotes/{quote}/orders")
    for each in (page, *book["orders"]):
        each.update(erp=None, sent_at=None)
    return page, book


async def both(api: Api, order: str, verb: str | None, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``verb`` (none: change the order), after its preview, which writes nothing and says what then happens."""
    method, path = ("PATCH", f"/orders/{order}") if verb is None else ("POST", f"/orders/{order}/{verb}")
    quote = order.rpartition("-")[0]
    before = await written(api, quote, order)
    tried = await api.call(method, f"{path}?preview=true", json=body)
    assert tried.status_code == 200, (verb, tried.text)
    assert await written(api, quote, order) == before, verb
    done = await api.call(method, path, json=body)
    assert done.status_code == 200, (verb, done.text)
    assert told(done.json()) == told(tried.json()), verb
    assert done.json()["version"] >= before[0]["version"]
    assert done.headers["etag"] == f'"{done.json()["version"]}"'
    found: dict[str, Any] = done.json()
    return found


async def eventually(api: Api, order: str, state: str) -> None:
    """Until the order's own run has brought it to ``state``."""
    for _ in range(600):
        if (await api.get(f"/orders/{order}"))["state"] == state:
            return
        await asyncio.sleep(0.05)
    raise AssertionError((await api.get(f"/orders/{order}"))["state"], state)


async def test_plans_are_changed_as_previewed(api: Api, orders: dict[str, str]) -> None:
    first, second = orders[FIRST], orders[SECOND]
    moved = await both(api, second, None, {"order_date": "2027-02-15", "comment": "late"})
    assert (moved["order_date"], moved["also_changed"]) == ("2027-02-15", [])
    split = await both(api, first, "split", {"lines": {"A": "2"}, "order_date": "2027-01-10", "name": "late"})
    [late] = split["also_changed"]
    assert (late["key"], late["order_date"], late["total"]["amount"]) == ("late", "2027-01-10", "66.66")
    assert split["last_change"] == {
        "operation": "split", "at": split["last_change"]["at"], "orders": [first, late["order_id"]],
    }  # fmt: skip
    moved = await both(api, second, "move", {"lines": ["C"], "order_date": "2027-03-01", "name": "care"})
    assert [item["line_id"] for item in moved["also_changed"][0]["items"]] == ["C"]
    merged = await both(api, first, "merge", {"orders": [late["order_id"]]})
    assert [(other["state"], other["superseded_by"]) for other in merged["also_changed"]] == [("superseded", first)]
    cancelled = await both(api, second, "cancel", {"lines": {"A": "1"}, "disposition": "cancelled"})
    assert cancelled["total"]["amount"] == "99.99"
    restored = await both(api, second, "rollback", {"comment": "no"})
    assert restored["total"]["amount"] == "133.32"
    held = await both(api, first, "hold", {"reason": "credit"})
    assert (held["state"], held["hold"]["why"], held["hold"]["by"]) == ("on_hold", "credit", "rosa")
    assert (await both(api, first, "release", {}))["state"] == "scheduled"
    assert (await both(api, second, "cancel", {}))["state"] == "cancelled"


async def test_running_orders_are_changed_as_previewed(api: Api, orders: dict[str, str]) -> None:
    first, second = orders[FIRST], orders[SECOND]
    await both(api, first, "activate", {})
    await both(api, first, "progress", {"line": "W", "percent": "50", "evidence": "p. 7"})
    await both(api, first, "usage", {"line": "U", "quantity": "3"})
    await both(api, first, "invoices", {"line": "W", "amount": "10", "document": "INV-1"})
    await both(api, first, "deliveries", {"line": "A", "quantity": "2"})
    less = await both(api, first, "supplement", {"lines": {"U": "-10"}, "name": "less"})
    assert less["state"] == "superseded"
    [supplement] = less["also_changed"]
    assert (supplement["kind"], supplement["revises_order"]) == ("supplement", first)
    shown = await api.get(f"/orders/{first}")
    assert [each["order_id"] for each in shown["revised_by"]] == [supplement["order_id"]]
    assert shown["superseded_by"] == supplement["order_id"]
    await eventually(api, supplement["order_id"], "fulfilled")
    closed = await both(api, supplement["order_id"], "close-short", {"disposition": "cancelled"})
    [base] = [other for other in closed["also_changed"] if other["order_id"] == first]
    assert {item["line_id"]: item["quantity"] for item in base["items"] if item["state"] != "cancelled"}["A"] == "2"

    await both(api, second, "move", {"lines": ["A"], "order_date": "2027-01-01", "name": "pumps"})
    book = await api.get(f"/quotes/{first.rpartition('-')[0]}/orders")
    pumps = next(order["order_id"] for order in book["orders"] if order["key"] == "pumps")
    await both(api, pumps, "activate", {})
    await both(api, pumps, "acknowledgements", {"document": "SO-1"})
    assert (await both(api, pumps, "deliveries", {}))["state"] == "fulfilled"
    returned = await both(api, pumps, "return", {"lines": {"A": "1"}, "name": "back"})
    [back] = returned["also_changed"]
    assert (back["kind"], back["total"]["amount"]) == ("return", "-33.33")
    assert [each["kind"] for each in (await api.get(f"/orders/{pumps}"))["revised_by"]] == ["return"]
    await eventually(api, back["order_id"], "activated")
    assert (await both(api, pumps, "close", {}))["state"] == "closed"


async def test_a_page_says_what_is_possible_and_what_is_not(api: Api, orders: dict[str, str]) -> None:
    path = f"/orders/{orders[FIRST]}"
    shown = await api.get(path)
    assert {"move_date", "split", "move", "merge", "cancel", "hold", "activate"} <= set(shown["allowed"])
    assert shown["not_allowed"]["return"] == shown["not_allowed"]["supplement"] == "wrong_state"
    assert shown["not_allowed"]["rollback"] == "not_the_last_change"
    for operation in ("release", "close-short", "return", "rollback", "close"):
        body = {"lines": {"A": "1"}} if operation == "return" else {}
        code = (await api.refused("POST", f"{path}/{operation}", json=body))[1]
        assert code == shown["not_allowed"][operation.replace("-", "_")]
    await api.post(f"{path}/hold", body={"reason": "credit"})
    held = await api.get(path)
    assert held["hold"]["why"] == "credit"
    assert {"release", "rollback"} <= set(held["allowed"])
    assert {held["not_allowed"][each] for each in ("split", "activate", "hold", "cancel")} == {"on_hold"}
    assert "before" not in (held["last_change"] or {})


async def test_a_change_of_an_order_that_has_changed_is_stale(api: Api, orders: dict[str, str]) -> None:
    path = f"/orders/{orders[FIRST]}"
    seen = {"If-Match": '"1"'}
    await api.post(f"{path}/hold", body={"reason": "a"}, headers=seen)
    for verb, body in (("release", {}), ("rollback", {}), ("split", {"lines": {"A": "1"}})):
        for query in ("", "?preview=true"):
            answer = await api.call("POST", f"{path}/{verb}{query}", json=body, headers=seen)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (412, "stale")
            assert re.search(r"version 2\b", problem["detail"])
    assert await api.refused("PATCH", path, json={"order_date": "2027-03-01"}, headers=seen) == (412, "stale")
    current = (await api.call("GET", path)).headers["etag"]
    await api.post(f"{path}/release", headers={"If-Match": current})


async def test_of_two_changes_at_once_one_wins(api: Api, orders: dict[str, str]) -> None:
    path, seen = f"/orders/{orders[FIRST]}", {"If-Match": '"1"'}
    wanted = [("split", {"lines": {"A": str(number)}}) for number in (1, 2)] + [("hold", {"reason": "credit"})]
    answers = await asyncio.gather(
        *(api.call("POST", f"{path}/{verb}", json=body, headers=seen) for verb, body in wanted)
    )
    codes = sorted((answer.status_code, answer.json().get("code")) for answer in answers if answer.status_code != 200)
    assert codes == [(412, "stale")] * 2
    assert all("version 2" in answer.json()["detail"] for answer in answers if answer.status_code == 412)
    assert (await api.get(path))["version"] == 2


async def test_a_key_makes_one_change_of_many_requests(api: Api, orders: dict[str, str]) -> None:
    first = orders[FIRST]
    path, key = f"/orders/{first}/split", {"Idempotency-Key": "one"}
    body = {"lines": {"A": "1"}}
    answers = [await api.call("POST", path, json=body, headers=key) for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len((await api.get(f"/quotes/{first.rpartition('-')[0]}/orders"))["orders"]) == len(orders) + 1
    other: dict[str, Any] = {"json": {"lines": {"A": "2"}}, "headers": key}
    assert await api.refused("POST", path, **other) == (422, "idempotency_key_reused")


async def test_what_is_not_understood_is_refused_by_name(api: Api, orders: dict[str, str]) -> None:
    order = f"/orders/{orders[FIRST]}"
    for verb in VERBS:
        answer = await api.call("POST", f"{order}/{verb}", json={"colour": "red"})
        errors = [(each["code"], each["path"]) for each in answer.json()["errors"]]
        assert (answer.status_code, ("unknown_field", "colour") in errors) == (422, True), (verb, errors)
        missing = await api.refused("POST", f"/orders/Q-none-1/{verb}", json=BODIES.get(verb, {}))
        assert missing == (404, "unknown_order"), verb
    for verb, body, code, path in WRONG:
        answer = await api.call("POST", f"{order}/{verb}", json=body)
        problem = answer.json()
        assert (problem["code"], problem["errors"][0]["path"]) == (code, path), (verb, body, problem)
        assert answer.status_code in (409, 422)
    assert (await api.get(order))["version"] == 1


BODIES: dict[str, Any] = {
    "split": {"lines": {"A": "1"}}, "move": {"lines": ["A"]}, "merge": {"orders": ["x"]}, "hold": {"reason": "r"},
    "supplement": {"lines": {"A": "1"}}, "return": {"lines": {"A": "1"}}, "progress": {"percent": "1"},
    "usage": {"line": "A", "quantity": "1"}, "invoices": {"line": "A", "amount": "1"},
}  # fmt: skip
WRONG: tuple[tuple[str, Any, str, str], ...] = (
    ("hold", {}, "reason_missing", "reason"),
    ("split", {}, "missing_field", "lines"),
    ("split", {"lines": {}}, "missing_field", "lines"),
    ("split", {"lines": {"A": 1}}, "number_not_text", "lines.A"),
    ("split", {"lines": {"A": "one"}}, "invalid_number", "lines.A"),
    ("split", {"lines": {"A": "0.0000001"}}, "quantity_out_of_range", "lines.A"),
    ("split", {"lines": {"A": "0.5"}}, "quantity_out_of_range", "lines.A"),
    ("split", {"lines": {"A": "6"}}, "quantity_out_of_range", "lines.A"),
    ("split", {"lines": {"A": "1"}, "order_date": "2027-02-30"}, "invalid_date", "order_date"),
    ("split", {"lines": {"A": "1"}, "order_date": "2026-01-01"}, "in_the_past", "to"),
    ("cancel", {"disposition": "lost"}, "invalid_choice", "disposition"),
    ("cancel", {"lines": {"Z": None}}, "unknown_line", "line"),
    ("progress", {}, "missing_field", "percent"),
    ("invoices", {"line": "A", "amount": "1"}, "wrong_state", "order"),
    ("merge", {"orders": []}, "missing_field", "orders"),
)


async def test_orders_that_are_not_for_the_same_are_never_joined(api: Api, orders: dict[str, str]) -> None:
    first = orders[FIRST]
    strangers: dict[str, dict[str, Any]] = {
        "customer_differs": {"customer": {"customer_id": "d", "name": "Other"}},
        "bill_to_differs": {"bill_to": "somebody"},
        "currency_differs": {"currency": "EUR"},
        "quote_differs": {},
    }
    for code, changes in strangers.items():
        theirs = (await ordered(api, **changes))[FIRST]
        for verb, body in (
            ("move", {"lines": ["A"], "into": theirs}),
            ("split", {"lines": {"A": "1"}, "into": theirs}),
            ("merge", {"orders": [theirs]}),
        ):
            assert await api.refused("POST", f"/orders/{first}/{verb}", json=body) == (422, code), verb
        assert (await api.get(f"/orders/{theirs}"))["version"] == 1
    assert (await api.get(f"/orders/{first}"))["version"] == 1
