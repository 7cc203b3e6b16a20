"""Moving an order's date: which dates follow, what is repriced, what the shares do, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.ledger.entries import EntryKind
from domain.order.activation import activate
from domain.order.event import OrderEventKind
from domain.order.fulfilment import deliver
from domain.order.item import Item
from domain.order.order import OrderState
from domain.refusal import Refusal
from tests.domain.order.story import Story, cause, day, noon, percent, quoted, seats, thing, to

JAN, FEB = "2027-01-10", "2027-02-10"


def one_item(line: Mapping[str, Any]) -> Story:
    return Story(quoted(dict(line))).split()


def moved(line: Mapping[str, Any], *days: str) -> Item:
    """The item of a line whose one order was moved to each of ``days`` in turn."""
    story = one_item(line)
    for on in days:
        story.move("Q-1-1", on)
    return story.order("Q-1-1").items[0]


def refused(story: Story, name: str, on: str, **more: Any) -> Refusal:
    before = story.book
    with pytest.raises(Refusal) as refusal:
        story.move(name, on, **more)
    assert story.book == before
    return refusal.value


def test_the_order_moves_and_keeps_its_key() -> None:
    story = one_item(thing())
    change = story.move("2027-01-01", "2027-03-05")
    assert (change.order.order_date, change.order.key, change.order.version) == (date(2027, 3, 5), "2027-01-01", 2)
    assert story.order("2027-01-01").due == noon("2027-03-05") - timedelta(hours=12)
    assert story.book.totals.variance == 0


def test_the_same_date_changes_nothing() -> None:
    change = one_item(thing()).move("Q-1-1", "2027-01-01")
    assert change == type(change)()


def test_an_order_may_move_to_today() -> None:
    story = one_item(thing())
    assert story.move("Q-1-1", "2026-12-01").order.order_date == date(2026, 12, 1)


# which starts move


def test_a_start_on_the_old_date_moves_along_in_both_directions() -> None:
    assert moved(seats(end_date="2027-12-31"), "2027-03-01").start == date(2027, 3, 1)
    assert moved(seats(end_date="2027-12-31"), "2026-12-15").start == date(2026, 12, 15)


def test_another_start_stays() -> None:
    line = seats(start_date="2027-06-01", end_date="2027-12-31")
    item = moved(line, "2027-03-01")
    assert (item.start, item.variance) == (date(2027, 6, 1), Decimal(0))


def test_another_start_that_would_fall_before_the_new_date_becomes_it() -> None:
    line = seats(start_date="2027-06-01", end_date="2027-12-31")
    item = moved(line, "2027-08-01")
    assert (item.start, str(item.amount), str(item.variance)) == (date(2027, 8, 1), "500.00", "-200.00")


def test_an_evergreen_start_moves_and_costs_the_same() -> None:
    item = moved({**seats(), "kind": "evergreen"}, "2027-03-01")
    assert (item.start, item.end, item.variance) == (date(2027, 3, 1), None, Decimal(0))


# repricing


@pytest.mark.parametrize(
    ("proration", "months"),
    [
        ("calendar_months", Decimal(17) / 31 + 11),
        ("months_rounded_up", Decimal(12)),
        ("days", Decimal(12) * 351 / 365),
    ],
)
def test_end_fixed_reprices_by_the_line_s_method(proration: str, months: Decimal) -> None:
    item = moved(seats(price="9.00", end_date="2027-12-31", proration=proration), "2027-01-15")
    assert item.amount == round(90 * months, 2)
    assert item.variance == item.amount - item.quote_amount


def test_a_price_by_the_year_is_repriced_by_twelfths() -> None:
    item = moved(seats(price="120.00", price_per="year", end_date="2027-12-31"), "2027-07-01")
    assert (str(item.quote_amount), str(item.amount)) == ("1200.00", "600.00")


def test_a_lump_sum_over_a_term_is_repriced_from_its_frozen_unit_price() -> None:
    item = moved(seats(net_total="1000.00", end_date="2027-12-31"), "2027-05-01")
    assert str(item.amount) == "666.67"


def test_a_price_paid_once_is_not_repriced() -> None:
    item = moved(seats(price_per="once", end_date="2027-12-31"), "2027-05-01")
    assert (item.start, item.variance) == (date(2027, 5, 1), Decimal(0))


def test_term_fixed_keeps_months_and_amount() -> None:
    item = moved(seats(term_months=12, date_change="term_fixed"), "2027-02-28")
    assert (item.start, item.end, item.variance) == (date(2027, 2, 28), date(2028, 2, 27), Decimal(0))


def test_term_fixed_without_months_keeps_days_and_amount() -> None:
    line = seats(end_date="2027-01-31", date_change="term_fixed")
    item = moved(line, "2027-02-01")
    assert (item.start, item.end, item.variance) == (date(2027, 2, 1), date(2027, 3, 3), Decimal(0))


def test_months_with_a_fixed_end_shrink_by_the_proration() -> None:
    item = moved(seats(term_months=12), "2027-04-01")
    assert (item.end, str(item.amount)) == (date(2027, 12, 31), "900.00")


def test_several_moves_come_to_what_one_would() -> None:
    line = seats(quantity="7", price="9.99", end_date="2027-12-31")
    assert moved(line, "2027-03-03", "2027-07-19", "2027-05-11").amount == moved(line, "2027-05-11").amount


def test_there_and_back_leaves_no_variance() -> None:
    parts = to(("2027-01-01", "N", "1"), ("2027-01-01", "S", "2"))
    story = Story(quoted(seats(quantity="3", price="33.33", end_date="2027-10-10", deliveries=parts))).split()
    before = story.book.totals
    story.move("2027-01-01/N", "2027-03-17")
    assert story.book.totals.variance != 0
    story.move("2027-01-01/N", "2027-01-01")
    assert story.book.totals == before


def test_only_the_moved_part_is_repriced() -> None:
    parts = to(("2027-01-01", "N", "5"), ("2027-01-01", "S", "5"))
    story = Story(quoted(seats(end_date="2027-12-31", deliveries=parts))).split()
    story.move("2027-01-01/S", "2027-07-01")
    assert story.amounts("S") == ["600.00", "300.00"]
    assert str(story.book.balance("S").variance) == "-300.00"
    assert [str(figure) for figure in story.book.totals.model_dump().values()] == [
        "1200.00",
        "900.00",
        "0.00",
        "0.00",
        "0.00",
        "-300.00",
    ]


# shares


def services(**more: Any) -> Story:
    """Seats in two orders of 600 each, and ten percent of them."""
    parts = to(("2027-01-01", "N", "5"), ("2027-01-01", "S", "5"))
    return Story(quoted(seats(end_date="2027-12-31", deliveries=parts), percent("M", **more))).split()


def test_a_share_follows_its_base_when_that_is_repriced() -> None:
    story = services()
    change = story.move("2027-01-01/S", "2027-07-01")
    assert story.amounts("M") == ["60.00", "30.00"]
    assert str(story.book.balance("M").variance) == "-30.00"
    assert [order.key for order in change.orders] == ["2027-01-01/S"]


def test_a_share_in_another_order_follows_too_and_tells() -> None:
    story = services(deliveries=to(("2027-06-01", None, None)))
    change = story.move("2027-01-01/S", "2027-07-01")
    assert story.amounts("M") == ["90.00"]
    assert [(order.key, order.version) for order in change.orders] == [("2027-01-01/S", 2), ("2027-06-01", 2)]
    repriced = [event for event in change.events if event.kind is OrderEventKind.REPRICED]
    assert [(event.key, event.line_id) for event in repriced] == [("2027-06-01", None), ("2027-06-01", "M")]
    assert repriced[1].before["amount"] == "120.00"
    assert repriced[1].after["amount"] == "90.00"


def test_by_site_only_the_share_of_that_site_follows() -> None:
    places = to(("2027-06-01", "N", None), ("2027-06-01", "S", None))
    story = services(deliveries=places, by="site")
    story.move("2027-01-01/S", "2027-07-01")
    assert story.amounts("M") == ["60.00", "30.00"]


def test_a_share_that_is_activated_stays() -> None:
    story = services(deliveries=to(("2026-12-20", None, None)))
    story.until(noon("2026-12-21"))
    story.move("2027-01-01/S", "2027-07-01", noon("2026-12-21"))
    assert story.amounts("M") == ["120.00"]


def test_shares_come_back_when_their_base_does() -> None:
    story = services(of="3.33")
    story.move("2027-01-01/S", "2027-07-11")
    story.move("2027-01-01/N", "2027-02-02")
    story.move("2027-01-01/S", "2027-01-01")
    story.move("2027-01-01/N", "2027-01-01")
    assert story.amounts("M") == ["19.98", "19.98"]
    assert story.book.totals.variance == 0


def test_a_share_without_term_takes_the_new_dates_of_its_base() -> None:
    story = services(deliveries=to(("2027-06-01", None, None)))
    story.move("2027-01-01/N", "2027-03-01")
    story.move("2027-01-01/S", "2027-02-01")
    (share,) = story.order("2027-06-01").items
    assert (share.start, share.end) == (date(2027, 2, 1), date(2027, 12, 31))


def test_a_share_moved_itself_keeps_its_amount() -> None:
    place = to(("2027-06-01", None, None))
    story = services(deliveries=place, term_months=12, date_change="term_fixed", revenue="daily")
    story.move("2027-06-01", "2027-08-01")
    (share,) = story.order("2027-06-01").items
    assert (share.start, share.end, share.variance) == (date(2027, 8, 1), date(2028, 7, 31), Decimal(0))


# what the ledger keeps


def test_the_old_plan_is_taken_back_and_a_new_one_added() -> None:
    story = one_item(seats(end_date="2027-12-31"))
    rows = story.move("Q-1-1", "2027-07-01").entries
    assert [(row.kind, row.counter, str(row.quantity), str(row.amount), str(row.start)) for row in rows] == [
        (EntryKind.SCHEDULED, True, "-10", "-1200.00", "2027-01-01"),
        (EntryKind.SCHEDULED, False, "10", "600.00", "2027-07-01"),
    ]
    assert [str(row.effective) for row in rows] == ["2027-01-01", "2027-07-01"]
    assert len({row.entry_id for row in story.entries}) == 3


def test_events_hold_before_and_after() -> None:
    change = one_item(seats(end_date="2027-12-31")).move("Q-1-1", "2027-07-01")
    order, item = change.events
    assert (order.before, order.after) == (
        {"order_date": "2027-01-01", "total": "1200.00"},
        {"order_date": "2027-07-01", "total": "600.00"},
    )
    assert item.line_id == "S"
    assert item.after == {"start": "2027-07-01", "end": "2027-12-31", "amount": "600.00"}


# refusals


def test_a_date_in_the_customer_s_past_is_refused() -> None:
    story = one_item(thing())
    late = noon("2026-12-05") + timedelta(hours=11, minutes=59)
    assert refused(story, "Q-1-1", "2026-12-04", at=late).code == "in_the_past"
    assert story.move("Q-1-1", "2026-12-05", at=late).order.order_date == date(2026, 12, 5)


def test_after_the_cut_off_the_date_stands() -> None:
    story = one_item(thing())
    due = story.order("Q-1-1").due
    hours = timedelta(hours=48)
    assert refused(story, "Q-1-1", "2027-02-01", at=due - hours, cut_off=hours).code == "after_cut_off"
    story.move("Q-1-1", "2027-02-01", at=due - hours - timedelta(seconds=1), cut_off=hours)


def test_without_a_cut_off_a_scheduled_order_moves_on_its_own_day() -> None:
    story = one_item(thing())
    assert story.move("Q-1-1", "2027-02-01", at=noon("2027-01-01")).order.state is OrderState.SCHEDULED


def test_a_start_after_a_fixed_end_is_refused() -> None:
    story = one_item(seats(end_date="2027-12-31"))
    refusal = refused(story, "Q-1-1", "2028-01-01")
    assert (refusal.code, refusal.path) == ("dates_out_of_order", "to")
    assert story.move("Q-1-1", "2027-12-31").order.items[0].start == date(2027, 12, 31)


def test_an_activated_order_keeps_its_date() -> None:
    story = one_item(thing()).until(noon("2027-01-02"))
    assert refused(story, "Q-1-1", "2027-02-01", at=noon("2027-01-02")).code == "wrong_state"


def test_a_delivered_order_is_past_its_point_of_no_return() -> None:
    story = one_item(thing()).until(noon("2027-01-02"))
    story.do(deliver, "Q-1-1", noon("2027-01-02"), quantity=Decimal(1), line="A")
    assert refused(story, "Q-1-1", "2027-02-01", at=noon("2027-01-02")).code == "past_no_return"


def test_activation_may_be_the_point_of_no_return() -> None:
    story = one_item(thing(point_of_no_return="activation")).until(noon("2027-01-02"))
    assert refused(story, "Q-1-1", "2027-02-01", at=noon("2027-01-02")).code == "past_no_return"


def test_a_scheduled_order_that_was_sent_ahead_may_be_past_it_too() -> None:
    story = Story(quoted(thing("A"), thing("B", component_of="A", point_of_no_return="sent"))).split()
    sent = story.order("Q-1-1").model_copy(update={"sent_at": noon("2026-12-01")})
    story.book = story.book.model_copy(update={"orders": (sent,)})
    assert refused(story, "Q-1-1", "2027-02-01").code == "past_no_return"


def test_a_held_order_is_refused_as_held() -> None:
    story = one_item(thing())
    held = story.order("Q-1-1").model_copy(update={"state": OrderState.ON_HOLD})
    story.book = story.book.model_copy(update={"orders": (held,)})
    assert refused(story, "Q-1-1", "2027-02-01").code == "on_hold"


def test_an_order_that_is_not_there_is_refused() -> None:
    assert refused(one_item(thing()), "Q-1-9", "2027-02-01").code == "unknown_order"


def test_a_move_that_would_break_the_book_is_refused() -> None:
    story = one_item(seats(end_date="2027-12-31"))
    wrong = story.book.balances[0].model_copy(update={"variance": Decimal("0.01")})
    story.book = story.book.model_copy(update={"balances": (wrong,)})
    assert refused(story, "Q-1-1", "2027-02-01").code == "invariant_broken"


def test_an_order_activated_by_hand_before_its_date_keeps_it() -> None:
    story = one_item(thing())
    story.keep(activate(story.order("Q-1-1"), cause(noon("2026-12-05"))))
    assert refused(story, "Q-1-1", "2027-02-01", at=noon("2026-12-06")).code == "wrong_state"
    assert day("2027-01-01") == story.order("Q-1-1").order_date
