"""The invariants can fail: each is broken on purpose in an otherwise sound book."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.order.book import OrderBook
from domain.order.invariants import order_violations, refuse_broken, violations
from domain.order.item import Item, ItemState
from domain.refusal import Refusal
from tests.domain.order.story import Story, percent, quoted, seats, thing, to


def sound() -> OrderBook:
    parts = to(("2027-01-10", "N", "2"), ("2027-02-10", "S", "4"))
    lines = [thing("A", "6", deliveries=parts), thing("B", "12", component_of="A"), seats("S", term_months=3)]
    story = Story(quoted(*lines, percent("M", of_lines=["A"]))).split()
    assert violations(story.book) == ()
    return story.book


def with_item(book: OrderBook, item_id: str, **update: Any) -> OrderBook:
    return _items(book, lambda item: item.model_copy(update=update) if item.item_id == item_id else item)


def _items(book: OrderBook, change: Callable[[Item], Item]) -> OrderBook:
    orders = tuple(
        order.model_copy(update={"items": tuple(change(item) for item in order.items)}) for order in book.orders
    )
    return book.model_copy(update={"orders": orders})


def with_balance(book: OrderBook, line_id: str, **update: Any) -> OrderBook:
    balances = tuple(
        balance.model_copy(update=update) if balance.line_id == line_id else balance for balance in book.balances
    )
    return book.model_copy(update={"balances": balances})


def without(book: OrderBook, item_id: str) -> OrderBook:
    orders = tuple(
        order.model_copy(update={"items": tuple(item for item in order.items if item.item_id != item_id)})
        for order in book.orders
    )
    return book.model_copy(update={"orders": orders})


def broken(book: OrderBook) -> set[tuple[str, str]]:
    return {(problem.code, problem.path) for problem in violations(book)}


ONE = Decimal(1)


@pytest.mark.parametrize("figure", ["unordered_quantity", "cancelled_quantity", "returned_quantity", "quoted_quantity"])
def test_i1_every_quantity_of_a_line_is_accounted_for(figure: str) -> None:
    assert ("i1_quantity", "lines.S") in broken(with_balance(sound(), "S", **{figure: ONE}))


def test_i1_an_item_that_grows_is_seen() -> None:
    assert ("i1_quantity", "lines.S") in broken(with_item(sound(), "Q-1-1/S", quantity=Decimal(11)))


def test_i1_a_cancelled_item_needs_its_quantity_elsewhere() -> None:
    book = with_item(sound(), "Q-1-1/S", state=ItemState.CANCELLED)
    assert {("i1_quantity", "lines.S"), ("i2_money", "lines.S")} <= broken(book)
    moved = with_balance(book, "S", cancelled_quantity=Decimal(10), cancelled_amount=Decimal("300.00"))
    assert violations(moved) == ()


def test_i1_a_superseded_item_still_counts() -> None:
    assert broken(with_item(sound(), "Q-1-1/S", state=ItemState.SUPERSEDED)) == set()


def test_i1_a_share_has_quantity_one() -> None:
    path = "orders.Q-1-2.items.Q-1-2/M"
    assert broken(with_item(sound(), "Q-1-2/M", quantity=Decimal(2))) == {("i1_quantity", path)}


@pytest.mark.parametrize("figure", ["unordered_amount", "cancelled_amount", "returned_amount", "variance"])
def test_i2_every_cent_of_a_line_is_accounted_for(figure: str) -> None:
    assert broken(with_balance(sound(), "M", **{figure: Decimal("0.01")})) == {("i2_money", "lines.M")}


def test_i2_an_amount_changed_without_variance_is_seen() -> None:
    assert broken(with_item(sound(), "Q-1-1/S", amount=Decimal("299.99"))) == {("i2_money", "lines.S")}


def test_i2_the_lines_come_to_the_quote() -> None:
    book = sound().model_copy(update={"quote_total": ONE})
    assert broken(book) == {("i2_money", "quote_total")}


def test_i3_a_component_is_in_ratio() -> None:
    book = with_item(sound(), "Q-1-2/B", quantity=Decimal(3))
    assert ("i3_bundle", "orders.Q-1-2.items.Q-1-2/B") in broken(book)


def test_i3_a_component_is_with_its_parent() -> None:
    path = "orders.Q-1-2.items.Q-1-2/B"
    assert ("i3_bundle", path) in broken(with_item(sound(), "Q-1-2/B", parent_item=None))
    assert ("i3_bundle", path) in broken(with_item(sound(), "Q-1-2/B", parent_item="Q-1-3/A"))
    assert ("i3_bundle", path) in broken(with_item(sound(), "Q-1-2/B", ship_to="S"))


def test_i3_no_bundle_lacks_a_component() -> None:
    book = with_balance(
        without(sound(), "Q-1-2/B"), "B", unordered_quantity=Decimal(4), unordered_amount=Decimal("400")
    )
    assert broken(book) == {("i3_bundle", "orders.Q-1-2.items.Q-1-2/A")}


def test_i4_every_item_knows_its_line_and_order() -> None:
    assert ("i4_lineage", "orders.Q-1-1.items.Q-1-1/S") in broken(with_item(sound(), "Q-1-1/S", line_id="Z"))
    assert ("i4_lineage", "orders.Q-1-1.items.Q-1-1/S") in broken(with_item(sound(), "Q-1-1/S", order_id="Q-1-3"))


def test_i4_roots_and_revisions_are_sound() -> None:
    path = "orders.Q-1-1.items.Q-1-1/S"
    assert broken(with_item(sound(), "Q-1-1/S", root_item="Q-1-2/A")) == {("i4_lineage", path)}
    assert broken(with_item(sound(), "Q-1-1/S", revises="Q-1-9/S")) == {("i4_lineage", path)}
    assert broken(with_item(sound(), "Q-1-1/S", revises="Q-1-2/A")) == {("i4_lineage", path)}
    other = with_item(sound(), "Q-1-3/A", revises="Q-1-2/A")
    assert broken(other) == {("i4_lineage", "orders.Q-1-3.items.Q-1-3/A")}
    assert broken(with_item(sound(), "Q-1-3/A", revises="Q-1-2/A", root_item="Q-1-2/A")) == set()


def test_i4_nothing_exists_twice() -> None:
    book = with_item(sound(), "Q-1-3/A", key="2027-01-10/N")
    assert [problem.message for problem in violations(book)] == [
        "the line, split key and version A, 2027-01-10/N, version 1 stands 2 times"
    ]
    assert violations(with_item(sound(), "Q-1-3/A", key="2027-01-10/N", version=2)) == ()


def test_i4_orders_are_told_apart_and_belong_to_the_quote() -> None:
    book = sound()
    first, second, third = book.orders
    twin = book.model_copy(update={"orders": (first, second, third.model_copy(update={"key": second.key}))})
    assert broken(twin) == {("i4_lineage", "orders")}
    other = book.model_copy(update={"orders": (first.model_copy(update={"quote_id": "Q-2"}), second, third)})
    assert broken(other) == {("i4_lineage", "orders.Q-1-1")}
    again = book.model_copy(update={"orders": (first, second, third, third)})
    assert {"i1_quantity", "i2_money", "i4_lineage"} <= {code for code, _ in broken(again)}


def test_an_order_is_checked_alone() -> None:
    order = sound().orders[1]
    assert order_violations(order) == ()
    assert [problem.code for problem in order_violations(order.model_copy(update={"items": order.items[1:]}))] == [
        "i3_bundle"
    ]


def test_a_broken_book_refuses_the_change_and_says_which_invariant() -> None:
    with pytest.raises(Refusal) as refusal:
        refuse_broken(with_balance(sound(), "S", variance=ONE))
    assert refusal.value.code == "invariant_broken"
    assert refusal.value.message.startswith("i2_money")


@pytest.mark.parametrize("where", ["unordered", "cancelled", "returned"])
def test_nothing_is_taken_from_where_nothing_is_left(where: str) -> None:
    book = Story(quoted(thing("A", "10"))).split().book
    other = "cancelled" if where == "unordered" else "unordered"
    figures = {f"{where}_quantity": Decimal(-1), f"{other}_quantity": Decimal(1)}
    broken = book.model_copy(update={"balances": (book.balance("A").model_copy(update=figures),)})
    (problem,) = violations(broken)
    assert (problem.code, problem.path) == ("i1_quantity", "lines.A")
    assert f"{where} -1" in problem.message


def test_of_nothing_a_percent_is_taken_twice() -> None:
    book = sound()
    first, second = (item for order in book.orders for item in order.items if item.line_id == "M")
    broken = with_item(book, second.item_id, base=(*second.base, *first.base))
    (problem,) = violations(broken)
    assert problem.code == "i4_lineage"
    assert f"{first.base[0].item_id} in shares of M" in problem.message
