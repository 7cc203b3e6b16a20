"""Contracts as live views: methods, dates, value, and what was known before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from domain.ledger.contract import contracts
from domain.refusal import Refusal
from tests.domain.order.story import BEFORE, Story, noon, percent, quoted, seats, thing, to

PARTS = to(("2027-01-01", "N", "5"), ("2027-02-01", "S", "5"))


def mixed() -> Story:
    lines = [
        thing("A"),
        seats("S", end_date="2027-12-31", deliveries=PARTS),
        seats("T", term_months=24),
        {**seats("E"), "kind": "evergreen"},
    ]
    return Story(quoted(*lines, contracting={"method": "by_end_date"})).split()


def test_by_end_date_groups_what_has_an_end_and_evergreen_sorts_last() -> None:
    found = contracts(mixed().entries)
    assert [(contract.end, contract.lines) for contract in found] == [
        (date(2027, 12, 31), ("S",)),
        (date(2028, 12, 31), ("T",)),
        (None, ("E",)),
    ]
    assert [contract.contract_id for contract in found] == ["Q-1/2027-12-31", "Q-1/2028-12-31", "Q-1/evergreen"]
    assert (found[0].start, found[0].value, found[0].currency) == (date(2027, 1, 1), Decimal(1200), "USD")
    assert found[0].items == ("Q-1-2/S", "Q-1-3/S")


def test_single_has_everything_in_it() -> None:
    story = mixed()
    (contract,) = contracts(story.entries, "single")
    assert contract.lines == ("A", "S", "T", "E")
    assert (contract.start, contract.end) == (date(2027, 1, 1), None)
    assert contract.value == story.book.totals.ordered


def test_each_quote_has_its_own_method() -> None:
    other = Story(quoted(seats("S", term_months=6), thing("A"), quote_id="Q-2")).split()
    found = contracts([*mixed().entries, *other.entries])
    assert [(contract.quote_id, contract.end) for contract in found] == [
        ("Q-2", date(2027, 6, 30)),
        ("Q-1", date(2027, 12, 31)),
        ("Q-1", date(2028, 12, 31)),
        ("Q-1", None),
    ]


def test_a_contract_of_things_starts_with_the_first_order_and_has_no_end() -> None:
    (contract,) = contracts(Story(quoted(thing("A"))).split().entries)
    assert (contract.start, contract.end) == (date(2027, 1, 1), None)


def test_a_share_ends_with_its_term() -> None:
    lines = [thing("A"), percent("M", term_months=12, revenue="daily")]
    found = contracts(Story(quoted(*lines)).split().entries, "by_end_date")
    assert [(contract.end, contract.lines) for contract in found] == [(date(2027, 12, 31), ("M",))]


def test_a_share_without_dates_is_in_no_contract_by_end() -> None:
    assert contracts(Story(quoted(thing("A"), percent("M"))).split().entries, "by_end_date") == ()


def test_separate_items_have_contracts_of_their_own_and_none_has_none() -> None:
    line = seats("S", end_date="2027-12-31", deliveries=PARTS)
    separate = Story(quoted(line, contracting={"method": "by_end_date", "setting": "separate"})).split()
    assert [contract.items for contract in contracts(separate.entries)] == [("Q-1-1/S",), ("Q-1-2/S",)]
    none = Story(quoted(line, contracting={"method": "by_end_date", "setting": "none"})).split()
    assert contracts(none.entries) == ()


def test_value_and_dates_follow_a_move_and_the_past_stays_known() -> None:
    story = mixed()
    story.move("2027-02-01/S", "2027-07-01", noon("2026-12-20"))
    now, before = contracts(story.entries)[0], contracts(story.entries, known=BEFORE)[0]
    assert (now.value, before.value) == (Decimal("900.00"), Decimal("1200.00"))
    assert contracts(story.entries, known=noon("2026-11-01")) == ()


def test_another_method_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        contracts([], "by_moon")
    assert refusal.value.code == "unknown_method"


def test_by_group_makes_one_for_each_group_of_lines() -> None:
    lines = [thing("A", group="hardware"), seats("S", term_months=12, group="software"), thing("B", group="hardware")]
    found = contracts(Story(quoted(*lines, thing("C"), contracting={"method": "by_group"})).split().entries)
    assert {contract.contract_id: contract.lines for contract in found} == {
        "Q-1/hardware": ("A", "B"),
        "Q-1/software": ("S",),
        "Q-1/ungrouped": ("C",),
    }


def test_a_line_may_have_a_contract_of_its_own_or_none() -> None:
    lines = [thing("A"), seats("S", term_months=12, contracting="separate"), thing("B", contracting="none")]
    found = contracts(Story(quoted(*lines)).split().entries)
    assert [(contract.contract_id, contract.lines) for contract in found] == [("Q-1-1/S", ("S",)), ("Q-1", ("A",))]
