"""Operations on existing orders, one by one: what they do, and every refusal of the table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entries import EntryKind
from domain.order.activation import activate
from domain.order.block import blockers
from domain.order.cancel import cancel, cancel_fulfilment
from domain.order.close_short import close_short
from domain.order.closing import close
from domain.order.divide import divide
from domain.order.event import Change, OrderEventKind
from domain.order.fulfilment import deliver
from domain.order.give_back import give_back
from domain.order.hold import hold, release
from domain.order.merge import merge
from domain.order.move_lines import move_lines
from domain.order.order import OrderState
from domain.order.permission import Operation, allowed
from domain.order.recording import invoice, progress
from domain.order.rollback import roll_back
from domain.order.supplement import supplement
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to

JAN, FEB = "2027-01-10", "2027-02-10"
D = Decimal


def two(**more: Any) -> Story:
    """Ten things, four in January and six in February, and a tenth of each order as care."""
    things = thing(deliveries=to((JAN, "N", "4"), (FEB, "N", "6")), **more)
    return Story(quoted(things, percent(of="10"))).split()


def running(*lines: Any) -> Story:
    """A story in which everything of January is activated and acknowledged."""
    return Story(quoted(*lines)).split().until(noon(JAN))


def do(
    story: Story, operation: Callable[..., Change], name: str, *more: Any, at: str = "2026-12-01", **named: Any
) -> Change:
    return story.keep(operation(story.book, name, *more, cause(noon(at), why="so it is"), **named))


def refused(story: Story, operation: Callable[..., Change], name: str, *more: Any, **named: Any) -> str:
    before = story.book
    with pytest.raises(Refusal) as refusal:
        do(story, operation, name, *more, **named)
    assert story.book == before
    return refusal.value.code


def figures(story: Story, line: str) -> list[tuple[str, str, str]]:
    return [
        (order.order_id, str(item.quantity), str(item.amount))
        for order in story.book.orders
        for item in order.items
        if item.line_id == line and item.counts
    ]


def test_lines_move_with_their_part_of_the_share() -> None:
    story = two()
    do(story, move_lines, "Q-1-1", ["A"], to="Q-1-2")
    assert figures(story, "A") == [("Q-1-2", "6", "600.00"), ("Q-1-2", "4", "400.00")]
    assert figures(story, "M") == [("Q-1-2", "1", "100.00")]
    assert story.order("Q-1-1").state is OrderState.SUPERSEDED
    assert story.order("Q-1-1").superseded_by == "Q-1-2"


def test_lines_move_to_a_new_order_under_a_name() -> None:
    story = Story(quoted(thing(), thing("B", "2"))).split()
    change = do(story, move_lines, "Q-1-1", ["B"], order_date=day(FEB), key="later")
    assert story.order("later").order_date == day(FEB)
    assert [event.kind for event in change.events][:1] == [OrderEventKind.LINES_MOVED]
    assert refused(story, move_lines, "Q-1-1", ["A"], order_date=day(FEB), key="later") == "key_taken"
    assert refused(story, move_lines, "Q-1-1", ["A"], to="Q-1-1") == "same_order"
    assert refused(story, move_lines, "Q-1-1", ["A"], order_date=day("2026-11-30")) == "in_the_past"
    assert refused(story, move_lines, "Q-1-1", ["A"], to="later", cut_off=timedelta(days=90)) == "after_cut_off"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("customer_id", "customer_differs"),
        ("bill_to", "bill_to_differs"),
        ("currency", "currency_differs"),
        ("quote_id", "quote_differs"),
    ],
)
def test_orders_for_others_are_not_joined(field: str, code: str) -> None:
    story = two()
    stranger = story.order("Q-1-2").model_copy(update={field: "EUR"})
    assert refused(story, move_lines, "Q-1-1", ["A"], to=stranger) == code
    assert refused(story, merge, "Q-1-1", [stranger]) == code


def test_a_bundle_moves_and_divides_as_a_whole() -> None:
    story = Story(quoted(thing(quantity="4"), thing("C", "8", component_of="A"))).split()
    do(story, divide, "Q-1-1", {"A": D(1)}, order_date=day(FEB))
    assert figures(story, "C") == [("Q-1-1", "6", "600.00"), ("Q-1-2", "2", "200.00")]
    assert refused(story, divide, "Q-1-1", {"C": D(1)}) == "bundle_broken"
    do(story, move_lines, "Q-1-2", ["C"], to="Q-1-1")
    assert figures(story, "A") == [("Q-1-1", "3", "300.00"), ("Q-1-1", "1", "100.00")]


@pytest.mark.parametrize("quantity", ["0", "-1", "10", "11", "2.5"])
def test_a_split_leaves_something_on_both_sides(quantity: str) -> None:
    assert refused(Story(quoted(thing())).split(), divide, "Q-1-1", {"A": D(quantity)}) == "quantity_out_of_range"


def test_an_amount_that_rounds_away_is_not_split() -> None:
    story = Story(quoted(thing(quantity="10", net_total="0.01"))).split()
    assert refused(story, divide, "Q-1-1", {"A": D(1)}) == "amount_too_small"


def test_merged_items_of_the_same_line_and_dates_add_up() -> None:
    story = two()
    do(story, merge, "Q-1-1", ["Q-1-2"])
    assert figures(story, "A") == [("Q-1-1", "10", "1000.00")]
    assert figures(story, "M") == [("Q-1-1", "1", "100.00")]
    assert story.order("Q-1-2").state is OrderState.SUPERSEDED


def test_orders_to_different_places_are_not_merged() -> None:
    story = Story(quoted(thing(deliveries=to((JAN, "N", "4"), (FEB, "S", "6"))))).split()
    assert refused(story, merge, "Q-1-1", ["Q-1-2"]) == "ship_to_differs"


def test_what_is_cancelled_goes_where_it_is_sent() -> None:
    story = two()
    do(story, cancel, "Q-1-1", lines={"A": D(1)})
    do(story, cancel, "Q-1-2", disposition="cancelled")
    totals = story.book.totals
    assert (str(totals.ordered), str(totals.unordered), str(totals.cancelled)) == ("330.00", "110.00", "660.00")
    assert story.order("Q-1-2").state is OrderState.CANCELLED


def test_what_returns_to_unordered_returns_at_its_quote_amount_and_what_is_cancelled_keeps_its_variance() -> None:
    for disposition, unordered, cancelled, variance in (
        ("unordered", "1200.00", "0.00", "0.00"),
        ("cancelled", "0.00", "600.00", "-600.00"),
    ):
        story = Story(quoted(seats(end_date="2027-12-31"))).split()
        story.move("Q-1-1", "2027-07-01")
        do(story, cancel, "Q-1-1", disposition=disposition)
        totals = story.book.totals
        assert (str(totals.unordered), str(totals.cancelled), str(totals.variance)) == (unordered, cancelled, variance)


def test_what_is_delivered_or_invoiced_is_not_cancelled() -> None:
    story = running(thing(deliveries=to((JAN, None, "10"))))
    assert refused(story, cancel, "Q-1-1") == "wrong_state"
    story.do(invoice, "Q-1-1", noon(JAN), line="A", amount=D("100.00"))
    assert refused(story, cancel, "Q-1-1") == "already_invoiced"
    story.do(deliver, "Q-1-1", noon(JAN), line="A", quantity=D(1))
    assert refused(story, cancel, "Q-1-1") == "already_delivered"


def test_a_held_order_waits_and_is_due_at_once_when_released_after_its_date() -> None:
    story = two()
    before = story.book
    with pytest.raises(Refusal) as refusal:
        hold(before, "Q-1-1", cause())
    assert refusal.value.code == "reason_missing"
    do(story, hold, "Q-1-1")
    assert refused(story, hold, "Q-1-1") == "on_hold"
    assert refused(story, cancel, "Q-1-1") == "on_hold"
    story.until(noon(JAN))
    assert story.order("Q-1-1").state is OrderState.ON_HOLD
    do(story, release, "Q-1-1", at="2027-01-12")
    assert story.order("Q-1-1").state is OrderState.SCHEDULED
    story.until(noon("2027-01-12"))
    assert story.order("Q-1-1").activated_at == noon("2027-01-12") or story.order("Q-1-1").activated_at is not None
    marks = [entry.kind for entry in story.entries if entry.kind in (EntryKind.HELD, EntryKind.RELEASED)]
    assert marks == [EntryKind.HELD] * 2 + [EntryKind.RELEASED] * 2


def test_an_order_whose_data_are_missing_is_blocked_until_it_is_activated_again() -> None:
    story = Story(quoted(thing())).split()
    reasons = blockers(story.order("Q-1-1"), ["bill_to", "ship_to"], "overdue invoices")
    assert len(reasons) == 3
    story.keep(activate(story.order("Q-1-1"), cause(), reasons=reasons))
    assert story.order("Q-1-1").state is OrderState.BLOCKED
    story.keep(activate(story.order("Q-1-1"), cause()))
    assert (story.order("Q-1-1").state, story.order("Q-1-1").block) == (OrderState.ACTIVATED, None)


def test_a_supplement_carries_deltas_and_supersedes() -> None:
    story = running(thing(deliveries=to((JAN, None, "10"))), percent())
    do(story, supplement, "Q-1-1", {"A": D(-3)}, at=JAN, disposition="cancelled")
    assert figures(story, "A") == [("Q-1-1", "10", "1000.00"), ("Q-1-2", "-3", "-300.00")]
    assert figures(story, "M") == [("Q-1-1", "1", "100.00"), ("Q-1-2", "0", "-30.00")]
    assert story.order("Q-1-1").state is OrderState.SUPERSEDED
    assert refused(story, supplement, "Q-1-2", {"A": D(1)}, at=JAN) == "wrong_state"
    story.do(deliver, "Q-1-1", noon(JAN), line="A")
    assert story.order("Q-1-1").items[0].delivered_quantity == 7


def test_the_share_of_what_starts_with_a_supplement_is_of_what_that_costs() -> None:
    here: dict[str, Any] = {"deliveries": to(("2027-01-01", "N", "10")), "end_date": "2027-12-31"}
    open_still = thing("A", "1", deliveries=to(("2027-01-01", "N", "1")))
    story = Story(quoted(seats(**here), open_still, percent(of="10", of_lines=["S"]))).split()
    do(story, cancel, "Q-1-1", lines={"S": D(4)})
    story.until(noon("2027-07-01"))
    do(story, supplement, "Q-1-1", {"S": D(4)}, at="2027-07-01")
    assert figures(story, "S") == [("Q-1-1", "6", "720.00"), ("Q-1-2", "4", "240.00")]
    assert figures(story, "M") == [("Q-1-1", "1", "72.00"), ("Q-1-2", "0", "24.00")]
    totals = story.book.totals
    assert (totals.unordered, totals.variance) == (D(0), D(-264))


def test_an_item_past_its_point_of_no_return_is_not_supplemented() -> None:
    story = running(thing(deliveries=to((JAN, None, "10"))))
    story.do(deliver, "Q-1-1", noon(JAN), line="A", quantity=D(1))
    assert refused(story, supplement, "Q-1-1", {"A": D(-3)}, at=JAN) == "past_no_return"
    assert refused(story, supplement, "Q-1-1", {"A": D(3)}, at=JAN) == "quantity_out_of_range"


@pytest.mark.parametrize(("delivered", "state", "erp"), [("0", "cancelled", "delete"), ("4", "fulfilled", "modify")])
def test_an_order_closed_short_keeps_what_was_delivered(delivered: str, state: str, erp: str) -> None:
    story = running(thing(deliveries=to((JAN, None, "10"))), percent())
    if delivered != "0":
        story.do(deliver, "Q-1-1", noon(JAN), line="A", quantity=D(delivered))
    change = do(story, close_short, "Q-1-1", at=JAN)
    assert (story.order("Q-1-1").state, change.events[0].after["erp"]) == (state, erp)
    assert story.book.totals.ordered == D(delivered) * 110
    assert story.book.totals.unordered == 1100 - D(delivered) * 110


def test_things_come_back_and_services_are_reduced() -> None:
    story = running(
        thing(deliveries=to((JAN, None, "3"))) | {"quantity": "3", "net_total": "100.00"},
        seats(deliveries=to((JAN, None, "10")), start_date="2027-01-10", end_date="2027-12-31", price_per="month"),
    )
    story.do(deliver, "Q-1-1", noon(JAN), line="A")
    assert refused(story, give_back, "Q-1-1", {"A": D(4)}, at=JAN) == "quantity_out_of_range"
    do(story, give_back, "Q-1-1", {"A": D(1)}, at=JAN)
    do(story, give_back, "Q-1-1", {"A": D(2), "S": D(4)}, order_date=day("2027-07-01"), at=JAN)
    assert figures(story, "A") == [("Q-1-1", "3", "100.00"), ("Q-1-2", "-1", "-33.33"), ("Q-1-3", "-2", "-66.67")]
    assert figures(story, "S")[1:] == [("Q-1-3", "-4", "-240.00")]
    assert refused(story, give_back, "Q-1-1", {"A": D(1)}, at=JAN) == "quantity_out_of_range"
    story.until(noon("2027-07-01"))
    story.do(deliver, "Q-1-3", noon("2027-07-01"), line="A", quantity=D(2))
    assert story.order("Q-1-3").state is OrderState.FULFILLED
    assert [str(entry.quantity) for entry in story.entries if entry.kind is EntryKind.DELIVERED] == ["3", "-2"]


def test_a_rolled_back_change_is_told_and_undone() -> None:
    story = two()
    before = story.book.totals
    do(story, divide, "Q-1-1", {"A": D(1)}, order_date=day(FEB), key="part")
    change = do(story, roll_back, "part")
    assert story.book.totals == before
    assert figures(story, "A") == [("Q-1-1", "4", "400.00"), ("Q-1-2", "6", "600.00")]
    assert {event.kind for event in change.events} >= {OrderEventKind.ROLLED_BACK}
    assert story.order("part").state is OrderState.CANCELLED
    assert refused(story, roll_back, "part") == "wrong_state"


def test_what_was_delivered_or_followed_by_something_else_is_not_rolled_back() -> None:
    story = two()
    assert refused(story, roll_back, "Q-1-1") == "not_the_last_change"
    story.keep(activate(story.order("Q-1-1"), cause()))
    story.do(deliver, "Q-1-1", noon("2026-12-02"), line="A", quantity=D(1))
    assert refused(story, roll_back, "Q-1-1") == "already_delivered"


def test_an_activation_ahead_of_its_date_is_taken_back() -> None:
    story = two()
    story.keep(activate(story.order("Q-1-1"), cause()))
    do(story, roll_back, "Q-1-1")
    assert (story.order("Q-1-1").state, story.order("Q-1-1").activated_at) == (OrderState.SCHEDULED, None)


def test_work_is_fulfilled_at_a_hundred_percent() -> None:
    story = running(thing(quantity="1", revenue="percent_complete", deliveries=to((JAN, None, "1"))))
    story.do(progress, "Q-1-1", noon(JAN), percent=D(60))
    story.do(progress, "Q-1-1", noon("2027-01-11"), percent=D(40))
    assert story.order("Q-1-1").state is OrderState.PARTIALLY_FULFILLED
    with pytest.raises(Refusal) as refusal:
        story.do(progress, "Q-1-1", noon("2027-01-11"), percent=D(101))
    assert refusal.value.code == "percent_out_of_range"
    story.do(progress, "Q-1-1", noon("2027-01-12"), percent=D(100))
    assert story.order("Q-1-1").state is OrderState.FULFILLED
    do(story, close, "Q-1-1", at="2027-01-13")
    assert {
        code for operation, code in allowed(story.order("Q-1-1")).items() if operation is not Operation.INVOICE
    } == {"wrong_state", "past_no_return", "already_delivered", "already_acknowledged"} - {"already_acknowledged"}


def test_a_whole_fulfilment_is_cancelled_withdrawn_or_left() -> None:
    lines = thing(deliveries=to((JAN, None, "3"), ("2027-01-11", None, "3"), (FEB, None, "4")))
    story = Story(quoted(lines)).split().until(noon("2027-01-11"))
    story.do(deliver, "Q-1-1", noon("2027-01-11"))
    done = cancel_fulfilment(story.book, cause(noon("2027-01-12")), disposition="cancelled")
    story.keep(done.change)
    assert (done.withdraw, done.kept) == (("Q-1-2",), ("Q-1-1",))
    assert story.order("Q-1-3").state is OrderState.CANCELLED
    assert str(story.book.totals.cancelled) == "400.00"
