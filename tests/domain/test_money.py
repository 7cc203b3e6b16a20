"""Money: one rounding, half away from zero, and splits that always add up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from domain.money import (
    cumulative_split,
    decimal_text,
    is_currency,
    minor_digits,
    read_decimal_text,
    round_half_away,
    round_money,
    total_of,
)

amounts = st.integers(-(10**14), 10**14).map(lambda cents: Decimal(cents) / 100)
quantities = st.integers(0, 10**9).map(lambda millionths: Decimal(millionths) / 10**6)


@pytest.mark.parametrize(
    ("exact", "digits", "rounded"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.0049999999999999999999999999999999", 2, "0.00"),
        ("-0.004", 2, "0.00"),
        ("2.675", 2, "2.68"),
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("0.5", 0, "1"),
        ("-0.5", 0, "-1"),
        ("1.5", 0, "2"),
        ("2.5", 0, "3"),
        ("0.0005", 3, "0.001"),
        ("123456789012345678901234567890.005", 2, "123456789012345678901234567890.01"),
    ],
)
def test_a_half_is_rounded_away_from_zero_so_that_a_credit_mirrors_its_charge(
    exact: str, digits: int, rounded: str
) -> None:
    assert str(round_half_away(Fraction(exact), digits)) == rounded


@pytest.mark.parametrize(
    ("currency", "rounded"), [("USD", "1234.57"), ("JPY", "1235"), ("KWD", "1234.568"), ("EUR", "1234.57")]
)
def test_money_is_rounded_to_the_minor_unit_of_its_currency(currency: str, rounded: str) -> None:
    assert str(round_money(Fraction("1234.5675"), currency)) == rounded
    assert str(round_money(Fraction("-1234.5675"), currency)) == f"-{rounded}"


def test_one_third_is_rounded_without_an_intermediate_cut() -> None:
    assert round_money(Fraction(1, 3) * 3 / 200, "USD") == Decimal("0.01")


def test_minor_units_follow_the_standard() -> None:
    assert [minor_digits(code) for code in ("USD", "JPY", "KWD", "BHD", "CLF")] == [2, 0, 3, 3, 4]


@pytest.mark.parametrize("code", ["usd", "US", "XYZ1", "", "ZZZ"])
def test_what_is_no_currency_is_none(code: str) -> None:
    assert not is_currency(code)


@given(amounts)
def test_rounding_agrees_with_the_decimal_library(amount: Decimal) -> None:
    for digits in (0, 1):
        assert round_half_away(amount, digits) == amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_rounding_is_odd_and_never_further_than_half_a_unit(value: Fraction) -> None:
    rounded = round_half_away(value, 2)
    assert round_half_away(-value, 2) == -rounded
    assert abs(Fraction(rounded) - value) <= Fraction(1, 200)


def test_nothing_to_add_is_zero_at_the_scale_of_the_currency() -> None:
    assert str(total_of((), "USD")) == "0.00"
    assert str(total_of((), "JPY")) == "0"


# -- texts


@pytest.mark.parametrize("text", ["0", "-0", "1250000.00", "-12.5", "999999999999999999.999999", "007"])
def test_plain_decimals_are_read_exactly(text: str) -> None:
    assert read_decimal_text(text) == Decimal(text)


@pytest.mark.parametrize("value", [12, 12.5, True, None, [], float("nan")])
def test_a_number_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_decimal_text(value)
    assert caught.value.type == "number_not_text"


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1e3", "NaN", "Infinity", "1,000", "0x10", "+1", ".5", "1.", "1_0", "--1", "٣",
        "1234567890123456789", "0.1234567", "1\n",
    ],
)  # fmt: skip
def test_anything_but_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_decimal_text(text)
    assert caught.value.type == "invalid_number"


@pytest.mark.parametrize(("value", "text"), [("1E+3", "1000"), ("0.000001", "0.000001"), ("5.00", "5.00")])
def test_a_decimal_is_written_in_plain_digits(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


# -- splits


def numbers(*whole: int) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, whole))


def test_parts_are_differences_of_rounded_running_totals() -> None:
    parts = cumulative_split(Decimal("230589.45"), [Decimal(70), Decimal(40), Decimal(23)], "USD")
    assert [str(part) for part in parts] == ["121362.87", "69350.21", "39876.37"]


def test_a_cent_over_many_goes_to_somebody() -> None:
    parts = cumulative_split(Decimal("0.01"), [Decimal(1)] * 4, "USD")
    assert sum(parts) == Decimal("0.01")
    assert sorted(parts) == [0, 0, 0, Decimal("0.01")]


def test_a_part_without_weight_gets_nothing() -> None:
    assert cumulative_split(Decimal("10.00"), [Decimal(0), Decimal(3), Decimal(0)], "USD") == numbers(0, 10, 0)


def test_yen_are_split_whole() -> None:
    assert cumulative_split(Decimal(100), [Decimal(1)] * 3, "JPY") == numbers(33, 34, 33)


def test_weights_of_nothing_take_only_nothing() -> None:
    assert cumulative_split(Decimal("0.00"), [Decimal(0), Decimal(0)], "USD") == numbers(0, 0)
    assert cumulative_split(Decimal("0.00"), [], "USD") == ()
    with pytest.raises(ValueError, match="nothing"):
        cumulative_split(Decimal("0.01"), [Decimal(0)], "USD")


weights = st.lists(quantities, min_size=1, max_size=12).filter(any)


@given(amounts, weights, st.sampled_from(["USD", "JPY", "KWD"]))
def test_parts_always_add_up_and_stay_near_their_share(
    amount: Decimal, given_weights: list[Decimal], code: str
) -> None:
    amount = round_money(amount, code)
    parts = cumulative_split(amount, given_weights, code)
    assert sum(parts) == amount
    unit, whole = Fraction(1, 10 ** minor_digits(code)), sum(map(Fraction, given_weights))
    for part, weight in zip(parts, given_weights, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * Fraction(weight) / whole) <= unit
        assert weight or not part


@given(amounts, st.lists(quantities, min_size=2, max_size=8).filter(any))
def test_a_credit_splits_as_the_mirror_of_its_charge(amount: Decimal, given_weights: list[Decimal]) -> None:
    charge = cumulative_split(amount, given_weights, "USD")
    assert cumulative_split(-amount, given_weights, "USD") == tuple(-part for part in charge)


@given(amounts, weights)
@settings(max_examples=50)
def test_what_is_split_later_changes_no_part_before_it(amount: Decimal, given_weights: list[Decimal]) -> None:
    whole = cumulative_split(amount, given_weights, "USD")
    merged = cumulative_split(amount, [*given_weights[:-2], sum(given_weights[-2:], Decimal(0))], "USD")
    before = len(given_weights) - 2
    assert merged[: max(before, 0)] == whole[: max(before, 0)]


@given(amounts, st.integers(1, 12), quantities.filter(bool), quantities.filter(bool))
@settings(max_examples=50)
def test_parts_of_equal_weights_depend_on_their_number_alone(
    amount: Decimal, number: int, one: Decimal, other: Decimal
) -> None:
    assert cumulative_split(amount, [one] * number, "USD") == cumulative_split(amount, [other] * number, "USD")
