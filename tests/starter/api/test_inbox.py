"""The inbox, decisions on many approvals at once, and what delegating does to both."""

import pytest

from tests.starter.api.conftest import Api, quote_document


async def submitted(api: Api, names: list[str]) -> None:
    for name in names:
        answer = await api.call("PUT", f"/quotes/{name}", json=quote_document(quote_id=name))
        assert answer.status_code == 201
        await api.post(f"/quotes/{name}/submit")


@pytest.mark.usefixtures("working")
async def test_the_inbox_pages_by_cursor_and_misses_nothing(api: Api) -> None:
    names = [f"Q-page-{number}" for number in range(5)]
    await submitted(api, names)
    seen: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        asked = {"limit": 2, "mine": "true", "state": "requested", **({"cursor": cursor} if cursor else {})}
        page = await api.get("/approvals", "mei", params=asked)
        assert len(page["approvals"]) == size
        seen += [each["quote_id"] for each in page["approvals"]]
        cursor = page["next"]
    assert (sorted(seen), cursor) == (names, None)
    assert page["approvals"][0]["waiting_for"] == ["mei"]
    assert (await api.get("/approvals", "farid"))["approvals"] == []


@pytest.mark.usefixtures("working")
async def test_many_decisions_get_one_answer_each(api: Api) -> None:
    await submitted(api, ["Q-many-1", "Q-many-2"])
    decisions = [
        {"approval_id": "Q-many-1.1.terms-legal", "verdict": "approve", "comment": "fine"},
        {"approval_id": "Q-many-1.1.discount-manager", "verdict": "approve"},
        {"approval_id": "Q-none.1.terms-legal", "verdict": "approve"},
        {"approval_id": "Q-many-2.1.terms-legal", "verdict": "reject"},
        {"approval_id": "Q-many-2.1.service-capacity", "verdict": "reject", "reason": "no engineers"},
    ]
    answers = (await api.post("/approvals/decide", "nora", {"decisions": decisions}))["answers"]
    told = [(each["status"], each.get("problem", {}).get("code")) for each in answers]
    assert told == [(200, None), (403, "not_yours"), (404, "unknown_approval"), (422, "reason_missing"), (200, None)]
    assert [each["approval_id"] for each in answers] == [each["approval_id"] for each in decisions]
    assert answers[0]["approval"]["votes"][0]["comment"] == "fine"
    too_many = {"decisions": decisions * 21}
    assert await api.refused("POST", "/approvals/decide", "nora", json=too_many) == (422, "too_long")
    signed = {"decisions": [{**decisions[0], "by": "liam"}]}
    assert await api.refused("POST", "/approvals/decide", "nora", json=signed) == (422, "unknown_field")


@pytest.mark.usefixtures("working")
async def test_what_waits_is_handed_over_by_a_delegation(api: Api) -> None:
    await submitted(api, ["Q-hand"])
    key = {"Idempotency-Key": "holiday"}
    away = {"to": "david", "from": "2026-11-16T00:00", "until": "2026-11-30T00:00"}
    entered = await api.call("POST", "/delegations", "mei", json=away, headers=key)
    assert entered.status_code == 201
    assert [each["quote_id"] for each in (await api.get("/approvals", "david"))["approvals"]] == ["Q-hand"]
    decided = await api.post("/approvals/Q-hand.1.discount-manager/approve", "david", {"for": "mei"})
    assert [(vote["by"], vote["seat_of"]) for vote in decided["approval"]["votes"]] == [("david", "mei")]
    assert await api.refused("POST", "/delegations", "david", json={"to": "mei"}) == (422, "delegation_loop")
    taken = {"to": "liam", "id": entered.json()["id"]}
    assert await api.refused("POST", "/delegations", "david", json=taken) == (422, "unknown_field")
    assert await api.refused("POST", "/delegations", "mei", json={"to": "nobody"}) == (404, "unknown_user")
    assert await api.refused("POST", "/delegations", "mei", json={"to": "sam", "of": "a b"}) == (422, "invalid_id")


@pytest.mark.usefixtures("working")
async def test_an_admin_sees_what_waits_for_everybody_page_by_page(api: Api) -> None:
    await submitted(api, ["Q-all-1", "Q-all-2"])
    assert await api.refused("GET", "/approvals?mine=false", "mei") == (403, "admin_only")
    seen: list[str] = []
    cursor = None
    while True:
        asked = {"mine": "false", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.call("GET", "/approvals", "rosa", "admin", params=asked)).json()
        seen += [each["approval_id"] for each in page["approvals"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert {"Q-all-1.1.discount-manager", "Q-all-2.1.terms-legal"} <= set(seen)
