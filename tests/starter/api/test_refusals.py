"""What the API refuses: the status follows from the code, the code and the path from what is wrong."""

import json
from typing import Any

import pytest

from starter.api.app import create_api
from starter.api.problems import STATUS_OF_CODE
from tests.starter.api.conftest import Api, quote_document


def with_line(**changes: Any) -> dict[str, Any]:
    document = quote_document(quote_id="Q-9")
    document["lines"][0] |= changes
    return document


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        (with_line(list_price=1250000.5), "number_not_text", "lines.L1.list_price"),
        (with_line(quantity=1), "number_not_text", "lines.L1.quantity"),
        (with_line(quantity="-1"), "quantity_out_of_range", "lines.L1.quantity"),
        (with_line(colour="red"), "unknown_field", "lines.L1.colour"),
        (quote_document(quote_id="Q-9", by="mei"), "unknown_field", "by"),
        (quote_document(quote_id="Q-8"), "conflicting_fields", "quote_id"),
        ({"quote_id": "Q-9"}, "missing_field", "title"),
    ],
)
async def test_a_bad_quote_is_told_by_code_and_path_and_nothing_is_stored(
    api: Api, document: dict[str, Any], code: str, path: str
) -> None:
    answer = await api.call("PUT", "/quotes/Q-9", json=document)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["errors"][0]["path"]) == (code, path)
    assert await api.refused("GET", "/quotes/Q-9") == (404, "unknown_quote")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'{"comment": NaN}', 400, "invalid_json"),
        (b'{"comment": "a", "comment": "b"}', 400, "invalid_json"),
        (b"[" * 5000 + b"]" * 5000, 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b'{"comment": "\\u0000"}', 400, "invalid_text"),
        (b'{"comment": "\\ud800"}', 400, "invalid_text"),
        (b'{"comment": 1}', 422, "not_text"),
        (b"[]", 422, "wrong_type"),
        (b'{"by": "mei"}', 422, "unknown_field"),
        (b" " * (5 * 2**20 + 1), 413, "body_too_large"),
    ],
)
async def test_a_body_that_is_no_request_is_refused(api: Api, quote: str, body: bytes, status: int, code: str) -> None:
    path = f"/quotes/{quote}/submit"
    assert await api.refused("POST", path, content=body, headers=JSON) == (status, code)
    assert (await api.get(f"/quotes/{quote}"))["state"] == "draft"


async def test_a_form_is_no_json(api: Api, quote: str) -> None:
    assert await api.refused("POST", f"/quotes/{quote}/submit", data={"comment": "x"}) == (
        415,
        "unsupported_media_type",
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/quotes/nobody", 404, "unknown_quote"),
        ("GET", "/quotes/nobody/rounds", 404, "unknown_quote"),
        ("GET", "/quotes/nobody/record", 404, "unknown_quote"),
        ("GET", "/quotes/{quote}/rounds/1", 404, "unknown_round"),
        ("GET", "/quotes/{quote}/rounds/x", 422, "wrong_type"),
        ("GET", "/quotes/{quote}/rounds/99999999999", 422, "invalid_number"),
        ("GET", "/quotes/{quote}?page=1", 422, "unknown_field"),
        ("GET", "/quotes/a%00b", 400, "invalid_text"),
        ("GET", "/quotes/{quote}/record?cursor=%00", 400, "invalid_text"),
        ("GET", "/quotes/{quote}/record?cursor=x", 400, "invalid_cursor"),
        ("GET", "/quotes/{quote}/record?limit=0", 422, "invalid_number"),
        ("GET", "/approvals?state=asked", 422, "invalid_choice"),
        ("GET", "/approvals?whose=mei", 422, "unknown_field"),
        ("GET", "/approvals?mine=false", 403, "admin_only"),
        ("POST", "/approvals/nothing/approve", 404, "unknown_approval"),
        ("GET", "/orders/nothing", 404, "unknown_order"),
        ("POST", "/orders/nothing/activate", 404, "unknown_order"),
        ("POST", "/quotes/{quote}/orders/preview", 422, "missing_field"),
        ("POST", "/quotes/{quote}/recall", 409, "wrong_state"),
        ("POST", "/quotes/{quote}/accept", 409, "not_approved"),
        ("GET", "/customers/nobody/contracts", 404, "unknown_customer"),
        ("GET", "/customers/nobody/revenue?from=2027-13", 404, "unknown_customer"),
        ("GET", "/policies/standard/versions/2", 404, "unknown_policy"),
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/quotes/{quote}", 405, "method_not_allowed"),
        ("POST", "/contracts/any/renew", 404, "unknown_contract"),
        ("GET", "/customers/any/timeline", 404, "unknown_customer"),
        ("PUT", "/users/mei", 403, "admin_only"),
    ],
)
async def test_an_address_that_leads_nowhere_says_why(
    api: Api, quote: str, method: str, path: str, status: int, code: str
) -> None:
    assert await api.refused(method, path.format(quote=quote)) == (status, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("entitlements?on=2027-02-30", "invalid_date"),
        ("entitlements?known=yesterday", "invalid_moment"),
        ("entitlements?known=2027-02-01T12:00", "invalid_moment"),
        ("entitlements?view=all", "invalid_choice"),
        ("revenue?from=2027-13", "invalid_date"),
        ("revenue?from=2027-03&until=2027-02", "dates_out_of_order"),
        ("contracts?method=by_mood", "invalid_choice"),
    ],
)
async def test_a_question_about_a_customer_is_checked(api: Api, quote: str, query: str, code: str) -> None:
    customer = (await api.get(f"/quotes/{quote}"))["customer_id"]
    assert await api.refused("GET", f"/customers/{customer}/{query}") == (422, code)
    assert (await api.get(f"/customers/{customer}/revenue"))["total"] == "0"


async def test_every_view_of_entitlements_is_known_and_no_other(api: Api, quote: str) -> None:
    customer = (await api.get(f"/quotes/{quote}"))["customer_id"]
    for view in ("contracted", "committed", "unordered"):
        assert (await api.get(f"/customers/{customer}/entitlements?view={view}"))["view"] == view
    assert await api.refused("GET", f"/customers/{customer}/entitlements?view=all") == (422, "invalid_choice")


@pytest.mark.usefixtures("working")
async def test_each_refused_decision_has_its_code_and_status(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit")
    assert await api.refused("POST", f"/quotes/{quote}/submit") == (409, "wrong_state")
    changed = quote_document(quote_id=quote, title="Another")
    assert await api.refused("PUT", f"/quotes/{quote}", json=changed) == (409, "not_editable")
    approval = f"/approvals/{quote}.1."
    assert await api.refused("POST", f"{approval}discount-manager/approve", "rosa") == (403, "four_eyes")
    assert await api.refused("POST", f"{approval}discount-manager/approve", "liam") == (403, "not_yours")
    assert await api.refused("POST", f"{approval}discount-director/approve", "david") == (409, "not_your_turn")
    assert await api.refused("POST", f"{approval}terms-legal/reject", "nora") == (422, "reason_missing")
    await api.post(f"{approval}terms-legal/approve", "nora")
    assert await api.refused("POST", f"{approval}terms-legal/approve", "nora") == (409, "already_decided")
    await api.post(f"{approval}discount-manager/reject", "mei", {"reason": "too much"})
    assert await api.refused("POST", f"{approval}service-capacity/approve", "sam") == (409, "round_closed")
    assert await api.refused("POST", f"/quotes/{quote}/orders", json={"split_by": []}) == (409, "not_approved")
    assert (await api.get(f"/quotes/{quote}/rounds"))["rounds"][0]["outcome"] == "rejected"


async def test_a_user_who_is_not_in_the_directory_hands_in_nothing(api: Api) -> None:
    sent = {"json": quote_document(quote_id="Q-9")}
    assert await api.refused("PUT", "/quotes/Q-9", "stranger", **sent) == (403, "unknown_user")


async def test_without_a_worker_a_request_ends_and_may_be_made_again(api: Api, quote: str) -> None:
    from datetime import timedelta

    import httpx2

    hasty = create_api(api.desk, patience=timedelta(seconds=0.5))
    transport = httpx2.ASGITransport(app=hasty, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test/api/v1") as http:
        answer = await Api(http, api.desk).call("POST", f"/quotes/{quote}/submit", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_bug_is_told_without_what_is_inside(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("activities.store.views.Views.inbox", broken)
    answer = await api.call("GET", "/approvals")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "42" not in answer.text


async def test_a_database_that_is_away_is_no_bug(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("activities.store.views.Views.inbox", away)
    answer = await api.call("GET", "/approvals")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "2")


def test_no_code_has_two_statuses() -> None:
    assert len(STATUS_OF_CODE) == len(set(STATUS_OF_CODE))
    assert all(400 <= status < 600 and status != 422 for status in STATUS_OF_CODE.values())


async def test_a_problem_tells_every_field_that_is_wrong(api: Api) -> None:
    document = quote_document(quote_id="Q-9", colour="red", shape="round")
    problem = (await api.call("PUT", "/quotes/Q-9", content=json.dumps(document), headers=JSON)).json()
    assert {each["path"] for each in problem["errors"]} == {"colour", "shape"}


JSON = {"Content-Type": "application/json"}
