"""Money: exact decimals with a currency, one rounding rule, and splits whose parts always add up.

Rounding is half away from zero, so that a credit mirrors its charge (``spec/orders.md`` 2). Arithmetic that ends
in a rounding is done in fractions: no intermediate result is ever cut short.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.refusal import Refusal

DECIMAL_TEXT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", re.ASCII)
NUMBER_NOT_TEXT = 'give money, quantities and percents as text in quotes, such as "12.50"'


def read_decimal_text(value: Any) -> Decimal:
    """The exact decimal in a text such as ``"1250000.00"``; a JSON number is refused, for it may already be corrupt.

    At most 18 digits before the point and 6 behind it. Codes: ``number_not_text``, ``invalid_number``.
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, str):
        raise PydanticCustomError("number_not_text", NUMBER_NOT_TEXT)
    if not DECIMAL_TEXT.fullmatch(value):
        raise PydanticCustomError(
            "invalid_number",
            "write a plain decimal with at most 18 digits before the point and 6 behind it, such as 12.50",
        )
    return Decimal(value)


def read_decimal(text: Any, path: str = "") -> Decimal:
    """The exact decimal in ``text``, or a :class:`Refusal` with ``number_not_text`` or ``invalid_number``."""
    try:
        return read_decimal_text(text)
    except PydanticCustomError as error:
        raise Refusal(error.type, error.message(), path) from None


def decimal_text(value: Decimal) -> str:
    """``value`` as plain digits, never in exponent form, with the scale it has."""
    return format(value, "f")


ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(read_decimal_text),
    PlainSerializer(decimal_text, return_type=str, when_used="unless-none"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,18}(\.\d{1,6})?$"}),
]
"""A decimal that crosses every wire as text."""


@cache
def minor_digits(currency: str) -> int:
    """How many digits the minor unit of ``currency`` (ISO 4217) has: 2 for USD, 0 for JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


@cache
def is_currency(code: str) -> bool:
    """Whether ``code`` is a currency of ISO 4217, written in capitals."""
    from babel.core import get_global

    return len(code) == 3 and code.isupper() and code in get_global("all_currencies")


def round_half_away(value: Fraction | Decimal | int, digits: int) -> Decimal:
    """``value`` rounded to ``digits`` decimals, a half away from zero; the result has exactly that scale."""
    numerator, denominator = value.as_integer_ratio()
    return _rounded(numerator, denominator, digits)


def _rounded(numerator: int, denominator: int, digits: int) -> Decimal:
    """In whole numbers: to make fractions and shorten them takes longer than all else."""
    whole = (abs(numerator) * 10**digits * 2 + denominator) // (denominator * 2)
    return Decimal(f"{'-' if numerator < 0 and whole else ''}{whole}E-{digits}")


def round_money(value: Fraction | Decimal | int, currency: str) -> Decimal:
    """``value`` rounded to the minor unit of ``currency``, a half away from zero."""
    return round_half_away(value, minor_digits(currency))


def share_of(amount: Decimal, share: Fraction, currency: str) -> Decimal:
    """That share of ``amount``, rounded to the minor unit of ``currency``, a half away from zero."""
    numerator, denominator = amount.as_integer_ratio()
    return _rounded(numerator * share.numerator, denominator * share.denominator, minor_digits(currency))


def total_of(amounts: Iterable[Decimal], currency: str) -> Decimal:
    """The sum of ``amounts`` at the scale of ``currency`` (so that nothing to add is ``0.00``)."""
    return sum(amounts, _nothing(currency))


@cache
def _nothing(currency: str) -> Decimal:
    return round_half_away(0, minor_digits(currency))


def cumulative_split(amount: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """``amount`` over ``weights`` so that the parts add up to it, to the minor unit of ``currency``.

    Part k is ``round(T·Qk/Q) - round(T·Qk-1/Q)`` with Qk the running weight (``spec/orders.md`` 2, cumulative split).
    Weights that sum to nothing have no parts to give: a ``ValueError`` unless the amount is zero as well.
    """
    running = list(accumulate((Fraction(weight) for weight in weights), initial=Fraction(0)))
    whole = running[-1]
    if whole == 0:
        if amount != 0:
            raise ValueError("an amount cannot be split over weights that sum to nothing")
        return tuple(round_money(0, currency) for _ in weights)
    marks = [round_money(Fraction(amount) * part / whole, currency) for part in running]
    return tuple(after - before for before, after in pairwise(marks))
