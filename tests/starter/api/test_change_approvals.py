"""Approval before an operation on an order: over HTTP, past the desk, and when those who carry it out are lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.partners.file_erp import FileErp
from activities.requests import OpenRound, OrderChange
from activities.store.past_rounds import PastRounds
from activities.tokens import Identity
from domain.refusal import Refusal
from starter.change_desk import ChangeDesk
from starter.change_keeper import ChangeKeeper
from starter.desk import Desk
from starter.order_desk import OrderDesk
from starter.people_desk import PeopleDesk
from tests.starter.api.conftest import ADMIN, Api, quote_document
from tests.starter.api.test_order_changes import FIRST, SECOND, ordered
from tests.starter.listening import run
from worker import build_worker
from workflows.messages import RoundStart
from workflows.names import order_run_id, quote_approval_id

POLICY = "order-changes"
RULES = [
    {"id": "late", "approver": "finance", "when": {"all": ["operation = 'move_date'", "days_later > 14"]}},
    {"id": "given-up", "approver": "sales-director", "when": "amount_change <= -200", "reason": "Much is given up."},
    {"id": "all-at-once", "approver": "ceo", "when": "operation = 'cancel_all'"},
]
LATER = {"order_date": "2027-03-01", "comment": "the ward is not ready"}


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    await PeopleDesk(desk).publish(ADMIN, {"policy": "standard", "rules": []})
    await PeopleDesk(desk).publish(ADMIN, {"policy": POLICY, "rules": RULES})
    return replace(desk, change_policy=POLICY)


@pytest.fixture
async def working(desk: Desk, tmp_path: Path) -> AsyncIterator[None]:
    erp = FileErp(tmp_path / "erp", tmp_path / "answers")
    async with build_worker(
        desk.client, desk.database, desk.tokens, erp, task_queue=desk.task_queue, stories=True, change_policy=POLICY
    ):
        yield


@pytest.fixture
async def orders(api: Api, working: None) -> dict[str, str]:
    return await ordered(api)


async def asked(api: Api, order: str, **headers: str) -> dict[str, Any]:
    """The answer to a date move that must wait."""
    answer = await api.call("PATCH", f"/orders/{order}", json=LATER, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decided(api: Api, change_id: str, who: str = "farid", rule: str = "late", verdict: str = "approve") -> None:
    body = {"reason": "no"} if verdict == "reject" else {}
    await api.post(f"/approvals/{change_id}.1.{rule}/{verdict}", who, body)


async def kinds(api: Api, quote_id: str) -> list[str]:
    entries = (await api.get(f"/quotes/{quote_id}/record", params={"limit": 200}))["entries"]
    return [entry["kind"] for entry in entries]


async def test_a_change_waits_is_approved_and_happens(api: Api, orders: dict[str, str]) -> None:
    order = orders[SECOND]
    quote_id = order.rpartition("-")[0]
    tried = await api.call("PATCH", f"/orders/{order}?preview=true", json=LATER)
    need: Any = {"rule": "late", "reason": None, "state": "requested", "asked": ["farid"]}
    assert (tried.status_code, tried.json()["approval"]) == (200, [need])
    assert tried.json()["order_date"] == "2027-03-01"
    assert (await api.get(f"/orders/{order}"))["changes"] == []

    waits = await asked(api, order)
    change = waits["waiting"]["change_id"]
    assert (waits["order_date"], waits["version"], waits["approval"]) == ("2027-02-01", 1, [need])
    assert (change, waits["waiting"]["state"], waits["waiting"]["by"]) == (f"{order}.change-1", "waiting", "rosa")
    inbox = (await api.get("/approvals", "farid"))["approvals"]
    assert [(each["approval_id"], each["title"]) for each in inbox] == [
        (f"{change}.1.late", f"move_date {order} to 2027-03-01")
    ]
    page = await api.get(f"/quotes/{change}", "farid")
    assert page["state"] == "pending"
    async with api.desk.reading() as work:
        assert [each.quote_id for each in (await work.views.quote_list()).quotes] == [quote_id]

    await decided(api, change)
    assert await ChangeKeeper(api.desk).drain() == 1
    then = await api.get(f"/orders/{order}")
    assert (then["order_date"], then["version"]) == ("2027-03-01", 2)
    told = then["changes"][0]
    assert (told["state"], told["code"], told["wanted"]) == (
        "done", None, {"to": "2027-03-01", "comment": "the ward is not ready"}
    )  # fmt: skip
    told_of = dict.fromkeys(kind for kind in await kinds(api, quote_id) if kind.startswith(("change_", "order_date")))
    assert list(told_of) == ["change_asked", "change_carried_out", "order_date_moved"]
    recall = await api.refused("POST", f"/quotes/{change}/recall", json={})
    assert recall == (409, "wrong_state")


async def test_small_changes_and_facts_do_not_wait(api: Api, orders: dict[str, str]) -> None:
    answer = await api.call("PATCH", f"/orders/{orders[SECOND]}", json={"order_date": "2027-02-10"})
    assert (answer.status_code, answer.json()["order_date"]) == (200, "2027-02-10")
    assert "approval" not in answer.json()
    assert (await api.get(f"/orders/{orders[SECOND]}"))["changes"] == []


@pytest.mark.parametrize("verdict", ["reject", "recall"])
async def test_what_is_not_approved_is_dropped(api: Api, orders: dict[str, str], verdict: str) -> None:
    order = orders[SECOND]
    change = (await asked(api, order))["waiting"]["change_id"]
    if verdict == "reject":
        await decided(api, change, verdict="reject")
    else:
        await api.post(f"/quotes/{change}/recall")
    await ChangeKeeper(api.desk).drain()
    then = await api.get(f"/orders/{order}")
    assert (then["order_date"], then["version"]) == ("2027-02-01", 1)
    assert (then["changes"][0]["state"], then["changes"][0]["code"]) == ("dropped", f"{verdict}ed".replace("tt", "t"))
    # It is asked for anew at the order, not submitted again.
    assert await api.refused("POST", f"/quotes/{change}/submit", json={}) == (409, "wrong_state")
    assert (await asked(api, order))["waiting"]["change_id"] == f"{order}.change-2"


async def test_the_same_key_is_one_request(api: Api, orders: dict[str, str]) -> None:
    order, key = orders[SECOND], {"Idempotency-Key": "once"}
    first = await asked(api, order, **key)
    second = await asked(api, order, **key)
    assert first["waiting"]["change_id"] == second["waiting"]["change_id"]
    assert len((await api.get(f"/orders/{order}"))["changes"]) == 1


async def test_nobody_gets_past_the_policy(api: Api, orders: dict[str, str]) -> None:
    """A program that talks to the run itself, with an act that is good, is refused by the transaction."""
    order, desk = orders[SECOND], api.desk
    token = desk.tokens.act(Identity("rosa"), order, "move_date", "past")
    change = OrderChange(key="past", verb="move_date", by="rosa", token=token, to=date(2027, 3, 1))
    handle = desk.client.get_workflow_handle(order_run_id(order))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("move_date", change)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "needs_approval"
    assert (await api.get(f"/orders/{order}"))["version"] == 1


async def test_a_change_is_not_made_before_it_is_approved(api: Api, orders: dict[str, str]) -> None:
    """Under the very key of a change that waits."""
    order, desk = orders[SECOND], api.desk
    await asked(api, order, **{"Idempotency-Key": "early"})
    async with desk.reading() as work:
        (waiting,) = await work.waiting_changes.of_order(order)
    handle = desk.client.get_workflow_handle(order_run_id(order))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("move_date", ChangeDesk(desk).again(waiting, desk.clock.told()))
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "not_approved"


async def test_a_change_is_no_quote(api: Api, orders: dict[str, str]) -> None:
    change = (await asked(api, orders[SECOND]))["waiting"]["change_id"]
    document = {**(await api.get(f"/quotes/{change}"))["content"], "title": "something else"}
    assert await api.refused("PUT", f"/quotes/{change}", json=document) == (409, "not_editable")
    assert await api.refused("POST", f"/quotes/{change}/accept", json={}) == (409, "not_approved")
    by_date = {"split_by": ["order_date"]}
    assert await api.refused("POST", f"/quotes/{change}/orders", json=by_date) == (409, "not_approved")
    assert await api.refused("POST", f"/quotes/{change}/orders/preview", json=by_date) == (409, "wrong_state")
    await decided(api, change)
    assert await api.refused("POST", f"/quotes/{change}/accept", json={}) == (409, "wrong_state")


async def test_programs_and_whole_fulfilments_do_not_wait(api: Api, orders: dict[str, str]) -> None:
    order = orders[SECOND]
    assert await api.refused("PATCH", f"/orders/{order}", "erp", json=LATER) == (403, "unknown_user")
    quote_id = order.rpartition("-")[0]
    refused = await api.refused("POST", f"/quotes/{quote_id}/orders/cancel", json={})
    assert refused == (409, "needs_approval")
    assert (await api.get(f"/orders/{order}"))["state"] == "scheduled"


async def test_what_was_approved_is_what_happens(api: Api, orders: dict[str, str]) -> None:
    order = orders[FIRST]
    answer = await api.call("POST", f"/orders/{order}/cancel", json={"disposition": "cancelled"})
    change = answer.json()["waiting"]["change_id"]
    await api.post(f"/orders/{order}/cancel", body={"lines": {"A": "1"}, "disposition": "cancelled"})
    await decided(api, change, "david", "given-up")
    await ChangeKeeper(api.desk).drain()
    told = (await api.get(f"/orders/{order}"))["changes"][0]
    assert (told["state"], told["code"]) == ("dropped", "change_outdated")


async def test_two_keepers_make_it_once(api: Api, orders: dict[str, str]) -> None:
    order = orders[SECOND]
    change = (await asked(api, order))["waiting"]["change_id"]
    await decided(api, change)
    settled = await asyncio.gather(*(ChangeKeeper(api.desk).drain() for _ in range(4)))
    assert sum(settled) == 1
    assert (await api.get(f"/orders/{order}"))["version"] == 2


async def test_a_change_is_submitted_by_its_own_policy_alone(
    api: Api, orders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between asking and submitting, whoever is faster does not get it past the policy of quotes, which asks nobody."""
    order = orders[SECOND]

    async def end(*_: object) -> None:
        raise RuntimeError("the process ended")

    with monkeypatch.context() as patched:
        patched.setattr(ChangeDesk, "submit", end)
        await api.call("PATCH", f"/orders/{order}", json=LATER)
    change = f"{order}.change-1"
    assert await api.refused("POST", f"/quotes/{change}/submit", json={}) == (409, "wrong_state")
    planned = await api.post(f"/quotes/{change}/preview")
    assert "farid" in str(planned)
    # Nor by the run itself, with an act that is good for the other policy.
    token = api.desk.tokens.act(Identity("rosa"), OpenRound.subject(change, 1), "submit", "standard")
    start = RoundStart(quote_id=change, round=1, by="rosa", token=token, policy="standard", at=api.desk.clock.told())
    with pytest.raises(WorkflowFailureError):
        await api.desk.client.execute_workflow(
            "QuoteApproval", start, id=quote_approval_id(change, 1), task_queue=api.desk.task_queue
        )
    assert (await api.get(f"/quotes/{change}"))["state"] == "draft"


async def test_no_quote_takes_the_name_of_a_change(api: Api, orders: dict[str, str]) -> None:
    name = f"{orders[SECOND]}.change-1"
    refused = await api.refused("PUT", f"/quotes/{name}", json=quote_document(quote_id=name))
    assert refused == (422, "reserved_name")
    assert (await asked(api, orders[SECOND]))["waiting"]["change_id"] == name


async def test_under_the_key_of_an_approved_change_nothing_else_is_done(api: Api, orders: dict[str, str]) -> None:
    order, desk = orders[SECOND], api.desk
    await decided(api, (await asked(api, order))["waiting"]["change_id"])
    async with desk.reading() as work:
        (waiting,) = await work.waiting_changes.of_order(order)
    other = ChangeDesk(desk).again(waiting, desk.clock.told()).model_copy(update={"to": date(2027, 6, 1)})
    token = desk.tokens.act(Identity("rosa"), order, "move_date", waiting.key)
    handle = desk.client.get_workflow_handle(order_run_id(order))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("move_date", other.model_copy(update={"token": token}))
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "change_outdated"
    await ChangeKeeper(desk).drain()
    assert (await api.get(f"/orders/{order}"))["order_date"] == "2027-03-01"


async def test_a_key_that_was_refused_before_the_policy_was_known_is_asked_for_and_done(
    api: Api, orders: dict[str, str]
) -> None:
    order = orders[SECOND]
    unaware = OrderDesk(replace(api.desk, change_policy=None))
    with pytest.raises(Refusal, match="needs approval"):
        await unaware.changed(Identity("rosa"), order, "move_date", key="again", to=date(2027, 3, 1))
    changed = await OrderDesk(api.desk).changed(Identity("rosa"), order, "move_date", key="again", to=date(2027, 3, 1))
    assert changed.waiting is not None
    await decided(api, changed.waiting.change_id)
    await ChangeKeeper(api.desk).drain()
    assert (await api.get(f"/orders/{order}"))["order_date"] == "2027-03-01"


async def test_of_two_who_ask_for_the_same_the_second_ends_too(api: Api, orders: dict[str, str]) -> None:
    order = orders[SECOND]
    for change in [(await asked(api, order))["waiting"]["change_id"] for _ in range(2)]:
        await decided(api, change)
        assert await ChangeKeeper(api.desk).drain() == 1
    told = [(each["state"], each["code"]) for each in (await api.get(f"/orders/{order}"))["changes"]]
    assert told == [("done", None), ("dropped", "change_outdated")]
    assert (await api.get(f"/orders/{order}"))["version"] == 2


async def test_a_whole_cancellation_is_refused_in_its_preview_too(api: Api, orders: dict[str, str]) -> None:
    path = f"/quotes/{orders[SECOND].rpartition('-')[0]}/orders/cancel?preview=true"
    assert await api.refused("POST", path, json={}) == (409, "needs_approval")


async def test_changes_are_no_quotes_in_a_replay_nor_in_analytics(api: Api, orders: dict[str, str]) -> None:
    await decided(api, (await asked(api, orders[SECOND]))["waiting"]["change_id"])
    async with api.desk.reading() as work:
        replayed = [each.quote_id async for page in PastRounds(work.connection).pages() for each in page]
    assert replayed == [orders[SECOND].rpartition("-")[0]]
    counted = (await api.get("/analytics/approvals", "ada"))["counted"]
    assert (counted["quotes"], counted["rounds"], counted["approvals"]) == (1, 1, 0)
    of_changes = (await api.get("/analytics/approvals", "ada", params={"policy": POLICY}))["counted"]
    assert (of_changes["quotes"], of_changes["approvals"]) == (1, 1)


async def test_what_was_asked_and_never_submitted_is_submitted_later(
    api: Api, orders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that asked ended between the two."""
    order = orders[SECOND]

    async def end(*_: object) -> None:
        raise RuntimeError("the process ended")

    with monkeypatch.context() as patched:
        patched.setattr(ChangeDesk, "submit", end)
        answer = await api.call("PATCH", f"/orders/{order}", json=LATER)
        assert answer.status_code == 500
    change = f"{order}.change-1"
    assert (await api.get(f"/quotes/{change}"))["state"] == "draft"
    monkeypatch.setattr("starter.change_keeper.UNSUBMITTED", timedelta(days=-10_000))
    await ChangeKeeper(api.desk).drain()
    assert (await api.get(f"/quotes/{change}"))["state"] == "pending"
    await decided(api, change)
    await ChangeKeeper(api.desk).drain()
    assert (await api.get(f"/orders/{order}"))["order_date"] == "2027-03-01"


async def test_the_command_tells_what_waits(api: Api, orders: dict[str, str], address: str) -> None:
    order = orders[SECOND]
    moved = await run(address, "order", "move-date", order, "--to", "2027-03-01", "--as", "rosa")
    assert moved.returncode == 0, moved.stderr
    assert f"waits for approval as {order}.change-1: nothing has changed yet" in moved.stdout
    assert "late: farid" in moved.stdout
    shown = await run(address, "order", "show", order, "--as", "rosa")
    assert f"move-date {order}.change-1 · waiting" in shown.stdout
    as_json = json.loads((await run(address, "order", "show", order, "--as", "rosa", "--json")).stdout)
    assert [each["state"] for each in as_json["changes"]] == ["waiting"]
