"""What keeps an order from being activated, what a release sets aside of it, and what frees it."""

from datetime import timedelta

import pytest

from domain.order.activation import activate, advance
from domain.order.block import asks_quote, blockers, facts_of, is_credit_blocked, read_required, unblock
from domain.order.event import Change
from domain.order.hold import hold, release
from domain.order.order import Order, OrderState
from domain.refusal import Refusal
from tests.domain.order.story import BEFORE, Story, cause, quoted, seats, thing

CREDIT = "credit block: overdue"
NO_NUMBER = "data missing: the quote has no fields.po_number"


def planned() -> Story:
    return Story(quoted(thing("A"), seats("S", end_date="2027-12-31"))).split("order_date")


def test_required_data_are_told_by_name_and_each_once() -> None:
    names = read_required([" bill_to", "fields.po_number", "terms.payment_terms", "bill_to", ""])
    assert names == ("bill_to", "fields.po_number", "terms.payment_terms")
    assert (asks_quote(names), asks_quote(["ship_to"])) == (True, False)


@pytest.mark.parametrize("name", ["po_number", "fields.", "fields", "BILL_TO"])
def test_a_name_that_nothing_has_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_required([name])
    assert refusal.value.code == "unknown_field"


def test_data_are_missing_where_the_quote_has_none_or_blanks() -> None:
    order = planned().order("Q-1-1")
    required = ("fields.po_number", "terms.payment_terms")
    for given, missing in (
        ({"po_number": "PO-1"}, []),
        ({"po_number": "  "}, [NO_NUMBER]),
        ({}, [NO_NUMBER]),
    ):
        quote = quoted(thing(), terms={"payment_terms": "Net 30"}, fields=given).quote
        facts = facts_of(quote, required)
        assert list(blockers(order, required, facts=facts)) == missing


def test_what_only_takes_back_needs_no_credit() -> None:
    order = planned().order("Q-1-1")
    back = order.model_copy(
        update={"items": tuple(each.model_copy(update={"quantity": -each.quantity}) for each in order.items)}
    )
    assert blockers(order, (), "overdue") == (CREDIT,)
    assert blockers(back, (), "overdue") == ()


def blocked(*reasons: str) -> tuple[Story, Order]:
    """A story whose order came due and was blocked."""
    story = planned()
    order = story.order("Q-1-1")
    change: Change = advance(order, cause(order.due), reasons=reasons)
    story.keep(change)
    assert change.order.state is OrderState.BLOCKED
    return story, story.order("Q-1-1")


def test_reasons_count_only_when_the_order_is_due() -> None:
    order = planned().order("Q-1-1")
    assert advance(order, cause(order.due - timedelta(seconds=1)), reasons=(CREDIT,)) == Change()


def test_a_release_sets_missing_data_aside_and_never_a_credit_block() -> None:
    story, order = blocked(NO_NUMBER, CREDIT)
    story.keep(release(story.book, order.order_id, cause(order.due)))
    after = story.order("Q-1-1")
    assert (after.state, after.block, after.waived) == (OrderState.SCHEDULED, None, (NO_NUMBER,))
    assert blockers(after, ("fields.po_number",), "overdue") == (CREDIT,)


def test_an_order_that_is_freed_is_tried_again_with_all_that_still_stands_against_it() -> None:
    _, order = blocked(NO_NUMBER, CREDIT)
    assert is_credit_blocked(order)
    change = unblock(order, cause(order.due))
    assert (change.order.state, change.order.waived) == (OrderState.SCHEDULED, ())
    assert [event.kind for event in change.events] == ["released"]
    again = activate(change.order, cause(order.due), reasons=(NO_NUMBER,))
    assert again.order.block is not None
    assert again.order.block.reasons == (NO_NUMBER,)
    assert not is_credit_blocked(again.order)


def test_only_a_blocked_order_is_freed() -> None:
    with pytest.raises(Refusal) as refusal:
        unblock(planned().order("Q-1-1"), cause(BEFORE))
    assert refusal.value.code == "wrong_state"


def test_an_order_that_was_held_while_it_was_blocked_stays_held_when_credit_is_given_again() -> None:
    story, order = blocked(CREDIT)
    story.keep(hold(story.book, order.order_id, cause(order.due, why="recall")))
    held = story.order("Q-1-1")
    assert is_credit_blocked(held)
    story.keep(unblock(held, cause(order.due)))
    freed = story.order("Q-1-1")
    assert (freed.state, freed.block, freed.hold is not None) == (OrderState.ON_HOLD, None, True)
    assert advance(freed, cause(order.due)) == Change()
    story.keep(release(story.book, order.order_id, cause(order.due)))
    assert (story.order("Q-1-1").state, story.order("Q-1-1").hold) == (OrderState.SCHEDULED, None)
