"""Changes that the ERP must hear of, fulfilments that are cancelled whole, and orders whose run somebody ended."""

from __future__ import annotations

from typing import Any

import pytest

from activities.partners.erp import ErpOrder
from activities.store.erp_messages import ErpState
from activities.tokens import Identity
from domain.order.event import Change
from domain.order.order import Order, OrderState
from domain.refusal import Refusal
from tests.workflows.house import ROSA, House, details, events, quote_document, until
from workflows.names import fulfilment_id

ERP = Identity("erp", frozenset({"service"}))


async def sent(house: House, order: Order, times: int = 1) -> list[ErpOrder]:
    """The documents of the order that the ERP has, once it has so many."""

    async def mine() -> list[ErpOrder]:
        return [document for document in house.erp.sent if document.header.order_id == order.order_id]

    found: list[ErpOrder] = await until(mine, lambda seen: len(seen) >= times)
    return found


async def of_five(house: House, ordered: str = "5") -> Order:
    """An order of five pumps out of eight that is running."""
    deliveries = [{"order_date": str(house.today()), "quantity": ordered}]
    deliveries += [{"order_date": str(house.today(30)), "quantity": str(8 - int(ordered))}]
    line = {**quote_document("any", "1.00")["lines"][0], "quantity": "8", "deliveries": deliveries}
    quote_id = await house.accepted(lines=[line])
    order = (await house.orders.create(ROSA, quote_id, ["order_date"])).orders[0]
    await sent(house, order)
    await house.orders.change(ERP, order.order_id, "acknowledge", document="E-1")
    return order


async def change(house: House, order: Order, verb: str, **fields: Any) -> Order:
    return await house.orders.change(ROSA, order.order_id, verb, **fields)


def told(document: ErpOrder) -> list[tuple[str, str, str]]:
    """What the document does to each item: the action, by how much, to what."""
    return [(item.action, str(item.delta), str(item.quantity)) for item in document.items]


async def test_when_an_order_was_sent_is_kept_without_a_version(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    stored = await until(lambda: house.order(order), lambda seen: seen.sent_at is not None)
    assert (stored.state, stored.version) == (OrderState.ACTIVATED, 2)
    assert stored.sent_at >= stored.activated_at
    delivered = await change(house, order, "deliver")
    assert delivered.sent_at == stored.sent_at


async def test_a_change_that_did_not_see_the_sending_does_not_undo_it(house: House) -> None:
    (order,) = await house.ordered(30)
    async with house.database.work() as work:
        await work.orders.mark_sent(order.order_id, house.clock.now())
        seen = await work.orders.get(order.order_id)
        await work.orders.mark_sent(order.order_id, house.clock.now())
        blind = seen.model_copy(update={"sent_at": None, "version": seen.version + 1})
        await work.orders.save(Change(orders=(blind,)))
    assert (await house.order(order)).sent_at == seen.sent_at


async def test_the_erp_gets_a_change_with_what_results_when_an_order_is_closed_short(house: House) -> None:
    order = await of_five(house)
    await change(house, order, "deliver", line="L1", quantity="2")
    await change(house, order, "close_short")
    _, modify = await sent(house, order, 2)
    closed = await house.order(order)
    assert modify.key == f"{order.order_id}:{closed.version}:modify"
    assert told(modify) == [("modify", "-3", "2")]
    assert modify.totals.amount == closed.total
    assert (await house.order_run(order).result())["standing"]["state"] == "fulfilled"


async def test_the_erp_is_told_that_an_order_is_gone_when_nothing_of_it_was_delivered(house: House) -> None:
    order = await of_five(house)
    await change(house, order, "close_short")
    _, delete = await sent(house, order, 2)
    assert (delete.header.kind, told(delete)) == ("delete", [("delete", "-5", "0")])
    assert (await house.order_run(order).result())["standing"]["state"] == "cancelled"
    assert (await house.kinds(order.quote_id))["order_sent"] == 2


async def test_a_supplement_is_sent_as_a_change_of_what_it_revises(house: House) -> None:
    order = await of_five(house)
    await change(house, order, "supplement", lines={"L1": "-2"})
    supplement = (await house.orders.book(order.quote_id)).orders[-1]
    (modify,) = await sent(house, supplement)
    assert (modify.header.kind, modify.header.revises_order) == ("modify", order.order_id)
    assert told(modify) == [("modify", "-2", "3")]
    assert (modify.items[0].item_id, modify.items[0].revises) == (f"{supplement.order_id}/L1", f"{order.order_id}/L1")
    # What still was to come is closed short by the newest order, which knows what the ERP was told by the others.
    await change(house, supplement, "close_short")
    _, delete = await sent(house, supplement, 2)
    assert (told(delete), delete.items[0].item_id) == ([("delete", "-3", "0")], f"{order.order_id}/L1")


async def test_an_erp_that_was_down_over_a_change_gets_first_the_order_then_the_change(house: House) -> None:
    house.erp.is_down = True
    (order,) = await house.ordered(0)
    await until(lambda: house.erp_messages(order), lambda seen: bool(seen and seen[0].attempts))
    await change(house, order, "close_short")
    house.erp.is_down = False
    assert [each.header.kind for each in await sent(house, order, 2)] == ["create", "delete"]
    assert (await house.order_run(order).result())["standing"]["state"] == "cancelled"
    states = [message.state for message in await house.erp_messages(order)]
    assert states == [ErpState.SENT, ErpState.SENT]


async def test_a_held_order_says_why_and_is_sent_only_after_its_release(house: House) -> None:
    (order,) = await house.ordered(3)
    await change(house, order, "hold", reason="the customer has not paid")
    picture = await details(house.order_run(order))
    assert "**On hold**: the customer has not paid (rosa)" in picture
    assert "Waits for its release" in picture
    await change(house, order, "release")
    assert "Waits for its date" in await details(house.order_run(order))
    assert f"Next moment: {order.due:%Y-%m-%d %H:%M} UTC" in await details(house.order_run(order))


# -- whole fulfilments


async def test_a_whole_fulfilment_is_cancelled_withdrawn_and_left(house: House) -> None:
    shipped, partly, plain, later, held = await _five_orders(house)
    for order in (shipped, partly, plain):
        await sent(house, order)
    await change(house, shipped, "deliver")
    await change(house, held, "hold", reason="a dispute")
    before = await house.orders.preview_cancel_all(ROSA, shipped.quote_id)
    done = await house.orders.cancel_all(ROSA, shipped.quote_id, key="k", comment="they went bankrupt")
    assert before == done
    assert (set(done.cancelled), set(done.withdrawn)) == (
        {later.order_id, held.order_id},
        {partly.order_id, plain.order_id},
    )
    assert done.kept == (shipped.order_id,)
    for order in (partly, plain):
        assert [each.header.kind for each in await sent(house, order, 2)] == ["create", "delete"]
        assert (await house.order_run(order).result())["standing"]["state"] == "cancelled"
    for order in (later, held):
        assert (await house.order_run(order).result())["standing"]["state"] == "cancelled"
    # The same again is the first answer; another one finds nothing to do.
    assert await house.orders.cancel_all(ROSA, shipped.quote_id, key="k") == done
    with pytest.raises(Refusal, match="nothing_open"):
        await house.orders.cancel_all(ROSA, shipped.quote_id)
    assert (await house.kinds(shipped.quote_id))["fulfilment_cancelled"] == 1
    assert len(await sent(house, shipped)) == 1
    await house.orders.change(ERP, shipped.order_id, "acknowledge")
    result = await house.client.get_workflow_handle(fulfilment_id(shipped.quote_id)).result()
    assert sorted(result["ended"].values()) == ["cancelled"] * 4 + ["fulfilled"]


async def _five_orders(house: House) -> tuple[Order, ...]:
    places = [("a", 0), ("b", 0), ("c", 0), ("d", 9), ("e", 12)]
    deliveries = [{"order_date": str(house.today(day)), "ship_to": at, "quantity": "1"} for at, day in places]
    line = {**quote_document("any", "1.00")["lines"][0], "quantity": "5", "deliveries": deliveries}
    quote_id = await house.accepted(lines=[line])
    return (await house.orders.create(ROSA, quote_id, ["order_date", "ship_to"])).orders


async def test_an_act_for_one_quote_cancels_no_other(house: House) -> None:
    (order,) = await house.ordered(3)
    with pytest.raises(Refusal, match="unknown_user"):
        await house.orders.cancel_all(Identity("mallory"), order.quote_id)
    assert (await house.order(order)).state is OrderState.SCHEDULED


# -- runs that were ended by hand


async def test_an_order_whose_run_was_ended_is_changed_and_its_date_still_comes(house: House) -> None:
    (order,) = await house.ordered(5)
    await house.order_run(order).terminate("by hand")
    moved = await change(house, order, "move_date", to=house.today(4))
    assert moved.order_date == house.today(4)
    run = house.order_run(order)
    assert "Waits for its date" in await until(lambda: details(run))
    await house.forward(run, moved.due - house.clock.now())
    await sent(house, order)
    assert (await house.kinds(order.quote_id))["order_activated"] == 1


async def test_an_order_whose_run_was_ended_after_it_was_sent_goes_to_its_end(house: House) -> None:
    (order,) = await house.ordered(0)
    await sent(house, order)
    await until(lambda: house.order(order), lambda seen: seen.sent_at is not None)
    await house.order_run(order).terminate("by hand")
    await house.orders.change(ERP, order.order_id, "acknowledge")
    await change(house, order, "deliver")
    assert (await house.order_run(order).result())["standing"]["state"] == "fulfilled"
    assert len(house.erp.sent) == 1
    assert "ACTIVITY_TASK_SCHEDULED" in await events(house.order_run(order))
