"""The life of one order: time, activation, acknowledgement, delivery, acceptance, milestones, fulfilment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entries import EntryKind
from domain.order.activation import acknowledge, activate, advance, next_moment
from domain.order.event import Change, OrderEventKind
from domain.order.fulfilment import accept_item, deliver, reach
from domain.order.item import ItemState
from domain.order.order import Order, OrderState
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to

START = noon("2027-01-01")


def scheduled(*lines: dict[str, Any], **header: Any) -> Order:
    return Story(quoted(*lines, **header)).split("order_date").book.orders[0]


def active(*lines: dict[str, Any]) -> Order:
    """The order of ``lines``, activated on its date and not acknowledged."""
    return activate(scheduled(*lines), cause(START)).order


def code(operation: Any, order: Order, at: datetime = START, **more: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        operation(order, cause(at), **more)
    return refusal.value.code


def kinds(change: Change) -> list[str]:
    return [event.kind for event in change.events]


def quantities(order: Order) -> dict[str, str]:
    return {item.line_id: str(item.delivered_quantity) for item in order.items}


# time


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("America/Chicago", datetime(2027, 1, 1, 6, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 12, 31, 15, tzinfo=UTC)),
        ("UTC", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_order_is_due_when_its_date_begins_at_the_customer(zone: str, moment: datetime) -> None:
    order = scheduled(thing(), customer={"customer_id": "c", "name": "C", "time_zone": zone})
    assert next_moment(order) == order.due == moment
    assert advance(order, cause(moment - timedelta(microseconds=1))) == Change()
    assert advance(order, cause(moment)).order.state is OrderState.ACTIVATED


def test_where_clocks_skip_midnight_the_date_begins_with_the_change() -> None:
    order = scheduled(
        thing(), start_date="2026-09-06", customer={"customer_id": "c", "name": "C", "time_zone": "America/Santiago"}
    )
    assert order.due == datetime(2026, 9, 6, 4, tzinfo=UTC)


def test_an_order_made_after_its_date_is_due_at_once() -> None:
    story = Story(quoted(thing())).split(at=noon("2027-05-05"))
    order = story.book.orders[0]
    change = advance(order, cause(noon("2027-05-05")))
    assert change.order.state is OrderState.ACTIVATED
    assert [str(entry.effective) for entry in change.entries] == ["2027-05-05"]


def test_time_is_told_once() -> None:
    first = advance(scheduled(thing()), cause(START)).order
    assert advance(first, cause(START)) == Change()
    assert next_moment(first) is None


def test_an_acknowledged_order_waits_for_the_starts_of_its_services() -> None:
    lines = [seats("S", start_date="2027-03-01", term_months=12), seats("T", start_date="2027-02-01", term_months=12)]
    order = active(*lines)
    assert next_moment(order) is None
    order = acknowledge(order, cause(START)).order
    assert next_moment(order) == datetime(2027, 2, 1, 6, tzinfo=UTC)
    change = advance(order, cause(noon("2027-02-01")))
    assert change.order.state is OrderState.PARTIALLY_FULFILLED
    assert [(event.kind, event.line_id) for event in change.events] == [(OrderEventKind.STARTED, "T")]
    assert next_moment(change.order) == datetime(2027, 3, 1, 6, tzinfo=UTC)
    last = advance(change.order, cause(noon("2027-04-01")))
    assert kinds(last) == ["started", "fulfilled"]
    assert (last.order.state, next_moment(last.order)) == (OrderState.FULFILLED, None)


@pytest.mark.parametrize("state", [OrderState.DRAFT, OrderState.ON_HOLD, OrderState.CANCELLED, OrderState.CLOSED])
def test_time_changes_nothing_in_other_states(state: OrderState) -> None:
    order = scheduled(thing()).model_copy(update={"state": state})
    assert next_moment(order) is None
    assert advance(order, cause(START)) == Change()


# activation


def test_activation_books_every_item() -> None:
    change = activate(scheduled(thing("A"), seats("S", term_months=1)), cause(START))
    assert (change.order.state, change.order.version, change.order.activated_at) == (OrderState.ACTIVATED, 2, START)
    assert {item.state for item in change.order.items} == {ItemState.ACTIVATED}
    assert [(entry.kind, entry.line_id) for entry in change.entries] == [
        (EntryKind.ACTIVATED, "A"),
        (EntryKind.ACTIVATED, "S"),
    ]
    assert (change.events[0].before, change.events[0].after) == ({"state": "scheduled"}, {"state": "activated"})


def test_a_draft_is_activated_by_hand() -> None:
    draft = scheduled(thing()).model_copy(update={"state": OrderState.DRAFT})
    assert activate(draft, cause(noon("2026-12-05"))).order.state is OrderState.ACTIVATED


def test_activation_is_final() -> None:
    assert code(activate, active(thing())) == "wrong_state"


def test_a_held_order_does_not_activate() -> None:
    assert code(activate, scheduled(thing()).model_copy(update={"state": OrderState.ON_HOLD})) == "on_hold"


def test_a_broken_order_does_not_activate() -> None:
    order = scheduled(thing("A"), thing("B", component_of="A"))
    torn = order.model_copy(update={"items": order.items[1:]})
    assert code(activate, torn) == "invariant_broken"
    assert code(activate, order.model_copy(update={"items": ()})) == "invariant_broken"


# acknowledgement


def test_an_acknowledged_order_is_in_fulfilment() -> None:
    change = acknowledge(active(thing()), cause(START), document="SO-7")
    assert change.order.state is OrderState.IN_FULFILMENT
    assert change.order.acknowledgement is not None
    assert change.order.acknowledgement.document == "SO-7"
    assert kinds(change) == ["acknowledged"]


def test_services_that_have_started_are_fulfilled_with_the_acknowledgement() -> None:
    change = acknowledge(active(seats("S", term_months=12), percent("M")), cause(START))
    assert change.order.state is OrderState.FULFILLED
    assert kinds(change) == ["acknowledged", "started", "started", "fulfilled"]


def test_a_share_without_dates_is_fulfilled_with_the_acknowledgement() -> None:
    change = acknowledge(active(thing("A"), percent("M")), cause(START))
    assert [item.state for item in change.order.items] == [ItemState.ACTIVATED, ItemState.FULFILLED]
    assert change.order.state is OrderState.PARTIALLY_FULFILLED


def test_the_same_answer_again_changes_nothing() -> None:
    order = acknowledge(active(thing()), cause(START), document="SO-7").order
    assert acknowledge(order, cause(START), document="SO-7") == Change()
    assert acknowledge(order, cause(START)) == Change()


def test_another_answer_is_refused() -> None:
    order = acknowledge(active(thing()), cause(START), document="SO-7").order
    assert code(acknowledge, order, document="SO-8") == "already_acknowledged"
    assert code(acknowledge, order, outcome="rejected") == "already_acknowledged"


def test_a_rejected_order_ends() -> None:
    change = acknowledge(active(thing()), cause(START), outcome="rejected", reason="unknown ship-to")
    assert change.order.state is OrderState.REJECTED
    assert [item.state for item in change.order.items] == [ItemState.REJECTED]
    assert change.events[0].after["reason"] == "unknown ship-to"
    assert [entry.kind for entry in change.entries] == [EntryKind.REJECTED]
    assert code(deliver, change.order) == "wrong_state"
    assert acknowledge(change.order, cause(START), outcome="rejected") == Change()


def test_what_is_delivered_cannot_be_rejected() -> None:
    order = deliver(active(thing()), cause(START), line="A", quantity=Decimal(1)).order
    assert code(acknowledge, order, outcome="rejected") == "already_delivered"


def test_an_order_is_acknowledged_only_once_it_is_activated() -> None:
    assert code(acknowledge, scheduled(thing())) == "wrong_state"


# deliveries


def test_all_that_is_open_is_delivered_when_no_line_is_named() -> None:
    change = deliver(active(thing("A"), thing("B"), seats("S", term_months=1)), cause(START))
    assert quantities(change.order) == {"A": "10", "B": "10", "S": "0"}
    assert [entry.kind for entry in change.entries] == [EntryKind.DELIVERED] * 2
    assert change.order.state is OrderState.PARTIALLY_FULFILLED


def test_quantities_are_increments_and_the_order_is_fulfilled_with_the_last() -> None:
    first = deliver(active(thing()), cause(START), line="A", quantity=Decimal(4), evidence="note 1")
    assert first.order.state is OrderState.PARTIALLY_FULFILLED
    assert first.order.items[0].state is ItemState.PARTIALLY_FULFILLED
    assert first.events[0].before == {"quantity": "0"}
    assert first.events[0].after == {"quantity": "4", "evidence": "note 1"}
    last = deliver(first.order, cause(START), line="A", quantity=Decimal(6))
    assert last.order.state is OrderState.FULFILLED
    assert kinds(last) == ["delivered", "fulfilled"]
    assert [str(receipt.quantity) for receipt in last.order.items[0].delivered] == ["4", "6"]


def test_a_delivery_is_dated_at_the_customer() -> None:
    late_evening = datetime(2027, 1, 3, 5, tzinfo=UTC)
    change = deliver(active(thing()), cause(late_evening))
    assert change.order.items[0].delivered[0].on == day("2027-01-02")
    assert str(change.entries[0].effective) == "2027-01-02"


def test_a_delivery_may_be_recorded_later() -> None:
    change = deliver(active(thing()), cause(noon("2027-02-01")), on=day("2027-01-04"))
    assert (change.entries[0].effective, change.entries[0].recorded_at) == (day("2027-01-04"), noon("2027-02-01"))


def test_a_bundle_brings_its_components_along_in_ratio() -> None:
    lines = [thing("A", "4"), thing("B", "8", component_of="A"), thing("C", "24", component_of="B")]
    order = deliver(active(*lines), cause(START), line="A", quantity=Decimal(1)).order
    assert quantities(order) == {"A": "1", "B": "2", "C": "6"}
    order = deliver(order, cause(START), line="B", quantity=Decimal(3)).order
    assert quantities(order) == {"A": "1", "B": "5", "C": "15"}
    order = deliver(order, cause(START), line="A", quantity=Decimal(2)).order
    assert quantities(order) == {"A": "3", "B": "6", "C": "18"}
    order = deliver(order, cause(START), line="A").order
    assert quantities(order) == {"A": "4", "B": "8", "C": "24"}
    assert order.state is OrderState.FULFILLED


def test_components_in_pieces_come_whole_and_the_rest_with_the_last() -> None:
    lines = [thing("A", "3"), thing("B", "1", component_of="A"), thing("C", "1", component_of="A", unit="m")]
    order = deliver(active(*lines), cause(START), line="A", quantity=Decimal(2)).order
    assert quantities(order) == {"A": "2", "B": "0", "C": "0.666666"}
    assert quantities(deliver(order, cause(START), line="A").order) == {"A": "3", "B": "1", "C": "1.000000"}


def test_work_by_milestone_in_a_bundle_is_not_delivered_with_it() -> None:
    order = active(thing("A", "1"), thing("B", "1", component_of="A", revenue="on_milestone"))
    assert quantities(deliver(order, cause(START), line="A").order) == {"A": "1", "B": "0"}


def test_a_line_at_several_places_is_filled_in_their_order_or_by_item() -> None:
    order = active(thing("A", "5", deliveries=to(("2027-01-01", "N", "2"), ("2027-01-01", "S", "3"))))
    order = deliver(order, cause(START), line="A", quantity=Decimal(3)).order
    assert [str(item.delivered_quantity) for item in order.items] == ["2", "1"]
    order = deliver(order, cause(START), line="Q-1-1/A#2").order
    assert order.state is OrderState.FULFILLED


@pytest.mark.parametrize("quantity", ["0", "-1", "11", "1.5"])
def test_a_quantity_out_of_range_is_refused(quantity: str) -> None:
    assert code(deliver, active(thing()), line="A", quantity=Decimal(quantity)) == "quantity_out_of_range"


def test_what_is_measured_is_delivered_in_fractions() -> None:
    order = active(thing(unit="m"))
    assert quantities(deliver(order, cause(START), line="A", quantity=Decimal("1.5")).order) == {"A": "1.5"}


def test_more_than_is_left_is_refused() -> None:
    order = deliver(active(thing()), cause(START), line="A", quantity=Decimal(4)).order
    assert code(deliver, order, line="A", quantity=Decimal(7)) == "quantity_out_of_range"


def test_a_quantity_needs_its_line() -> None:
    assert code(deliver, active(thing()), quantity=Decimal(1)) == "missing_field"


def test_what_is_delivered_is_not_delivered_again() -> None:
    order = deliver(active(thing("A"), thing("B")), cause(START), line="A").order
    assert code(deliver, order, line="A") == "already_delivered"
    order = deliver(order, cause(START)).order
    assert order.state is OrderState.FULFILLED
    assert code(deliver, order) == "already_delivered"


@pytest.mark.parametrize(
    "line", [seats("A", term_months=1), thing("A", revenue="on_milestone"), {**seats("A"), "kind": "evergreen"}]
)
def test_services_and_milestones_are_not_delivered(line: dict[str, Any]) -> None:
    assert code(deliver, active(line), line="A") == "not_deliverable"
    assert code(deliver, active(line)) == "not_deliverable"


def test_nothing_is_delivered_before_activation() -> None:
    assert code(deliver, scheduled(thing())) == "wrong_state"
    assert code(deliver, scheduled(thing()).model_copy(update={"state": OrderState.ON_HOLD})) == "on_hold"


def test_a_line_of_another_order_is_refused() -> None:
    assert code(deliver, active(thing()), line="Z") == "unknown_line"


def test_tomorrow_s_delivery_is_refused() -> None:
    assert code(deliver, active(thing()), on=day("2027-01-02")) == "in_the_future"


def test_a_delivery_before_the_order_s_date_is_refused() -> None:
    assert code(deliver, active(thing()), on=day("2026-12-31")) == "dates_out_of_order"


def test_an_order_activated_early_is_delivered_early() -> None:
    order = activate(scheduled(thing()), cause(noon("2026-12-20"))).order
    assert deliver(order, cause(noon("2026-12-21"))).order.state is OrderState.FULFILLED
    assert code(deliver, order, noon("2026-12-21"), on=day("2026-12-19")) == "dates_out_of_order"


# acceptance


def under_test() -> Order:
    """An order of things that need acceptance, and one that does not, all delivered on the first day."""
    return deliver(active(thing("A", acceptance="required"), thing("B")), cause(START)).order


def test_where_acceptance_is_required_the_order_waits_for_it() -> None:
    order = under_test()
    assert order.state is OrderState.PARTIALLY_FULFILLED
    change = accept_item(order, cause(noon("2027-01-05")))
    assert change.order.state is OrderState.FULFILLED
    assert kinds(change) == ["accepted", "fulfilled"]
    assert [(entry.kind, str(entry.quantity)) for entry in change.entries] == [(EntryKind.ACCEPTED, "10")]


def test_acceptance_goes_up_to_what_was_delivered() -> None:
    order = deliver(active(thing("A", acceptance="required")), cause(START), line="A", quantity=Decimal(4)).order
    assert code(accept_item, order, line="A", quantity=Decimal(5)) == "quantity_out_of_range"
    order = accept_item(order, cause(START), line="A").order
    assert order.items[0].accepted_quantity == 4
    assert code(accept_item, order, line="A") == "quantity_out_of_range"
    order = deliver(order, cause(START)).order
    order = accept_item(order, cause(START), line="A", quantity=Decimal(6)).order
    assert code(accept_item, order, line="A") == "already_accepted"


def test_nothing_is_accepted_before_it_was_delivered() -> None:
    order = active(thing("A", acceptance="required"))
    assert code(accept_item, order) == "quantity_out_of_range"
    order = deliver(order, cause(noon("2027-01-09")), line="A", quantity=Decimal(4)).order
    assert code(accept_item, order, noon("2027-01-10"), on=day("2027-01-08")) == "dates_out_of_order"


def test_an_earlier_acceptance_counts_against_what_had_arrived_by_then() -> None:
    order = deliver(active(thing("A", acceptance="required")), cause(START), line="A", quantity=Decimal(4)).order
    order = accept_item(order, cause(noon("2027-01-05")), line="A").order
    order = deliver(order, cause(noon("2027-01-09"))).order
    at = noon("2027-01-10")
    assert code(accept_item, order, at, line="A", quantity=Decimal(1), on=day("2027-01-03")) == "dates_out_of_order"
    assert accept_item(order, cause(at), on=day("2027-01-09")).order.state is OrderState.FULFILLED


def test_a_line_that_needs_no_acceptance_is_refused() -> None:
    assert code(accept_item, under_test(), line="B") == "acceptance_not_required"
    assert code(accept_item, active(thing("B"))) == "acceptance_not_required"


def test_acceptance_has_the_checks_of_a_delivery() -> None:
    order = under_test()
    assert code(accept_item, order, on=day("2027-01-02")) == "in_the_future"
    assert code(accept_item, order, quantity=Decimal(1)) == "missing_field"
    assert code(accept_item, scheduled(thing("A", acceptance="required"))) == "wrong_state"


# milestones

STEPS = [{"name": "frame", "percent": "40"}, {"name": "roof", "percent": "35"}, {"name": "keys", "percent": "25"}]


def work(**more: Any) -> Order:
    return active(thing("A", "1", "1000.00", revenue="on_milestone", **more))


def test_an_item_without_named_milestones_has_one() -> None:
    change = reach(work(), cause(START))
    assert change.order.state is OrderState.FULFILLED
    assert kinds(change) == ["reached", "fulfilled"]
    assert code(reach, change.order) == "already_reached"


def test_the_last_milestone_fulfils() -> None:
    order = reach(work(milestones=STEPS), cause(START), line="A", milestone="roof").order
    assert order.state is OrderState.PARTIALLY_FULFILLED
    order = reach(order, cause(START), milestone="frame").order
    change = reach(order, cause(START), milestone="keys")
    assert change.order.state is OrderState.FULFILLED
    assert (change.entries[0].milestone, change.entries[0].milestone_percent) == ("keys", Decimal(25))


def test_without_a_name_the_next_in_the_list_is_reached() -> None:
    order = reach(work(milestones=STEPS), cause(START), milestone="frame").order
    change = reach(order, cause(START))
    assert change.order.items[0].reached[-1].milestone == "roof"


def test_a_milestone_is_reached_once() -> None:
    order = reach(work(milestones=STEPS), cause(START), milestone="frame").order
    assert code(reach, order, milestone="frame") == "already_reached"


def test_a_milestone_that_is_not_in_the_list_is_refused() -> None:
    assert code(reach, work(milestones=STEPS), milestone="cellar") == "unknown_milestone"


def test_things_have_no_milestones() -> None:
    assert code(reach, active(thing())) == "no_milestone"
    assert code(reach, active(thing()), line="A") == "no_milestone"


def test_milestones_have_the_checks_of_a_delivery() -> None:
    assert code(reach, work(), on=day("2027-01-02")) == "in_the_future"
    assert code(reach, scheduled(thing("A", revenue="on_milestone"))) == "wrong_state"


def test_versions_and_ids_grow_by_one_with_every_change() -> None:
    story = Story(quoted(thing("A"), seats("S", term_months=1))).split().until(START)
    story.do(deliver, "Q-1-1", START, line="A", quantity=Decimal(1))
    story.do(deliver, "Q-1-1", START)
    assert story.order("Q-1-1").version == 5
    ids = [event.event_id for event in story.events]
    assert len(set(ids)) == len(ids)
    assert len({entry.entry_id for entry in story.entries}) == len(story.entries)
    assert {entry.event_id for entry in story.entries} <= set(ids)
