"""Fractions and quantities that cross every wire as text (``spec/orders.md`` 2).

A frozen unit price keeps its full precision; a quantity has at most 6 decimals.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.money import decimal_text, read_decimal_text
from domain.refusal import Refusal


def read_fraction(value: Any) -> Fraction:
    """The fraction in a text such as ``62/5``. Code: ``invalid_number``."""
    if isinstance(value, Fraction):
        return value
    try:
        if isinstance(value, str):
            return Fraction(value)
    except (ValueError, ZeroDivisionError):
        pass
    raise PydanticCustomError("invalid_number", "write a fraction as text, such as 62/5")


class _AnyFraction:
    """Lets pydantic take the class as it is; reading and writing are done by the annotation."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(Fraction)


ExactFraction = Annotated[
    Fraction,
    _AnyFraction,
    BeforeValidator(read_fraction),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(/\d+)?$"}),
]


FINE = re.compile(r"-?[0-9]{1,18}\.[0-9]{7,}", re.ASCII)


def read_quantity_text(value: Any) -> Decimal:
    """The quantity in a text such as ``"2.5"``.

    Codes: ``number_not_text``, ``invalid_number``, ``quantity_out_of_range`` (a number, but finer than a millionth).
    """
    if isinstance(value, str) and FINE.fullmatch(value):
        raise PydanticCustomError("quantity_out_of_range", "a quantity has at most 6 decimals")
    return read_decimal_text(value)


def read_quantity(text: Any, path: str) -> Decimal:
    """The quantity in ``text``, or a :class:`Refusal` with the code of :func:`read_quantity_text`."""
    try:
        return read_quantity_text(text)
    except PydanticCustomError as error:
        raise Refusal(error.type, error.message(), path) from None


ExactQuantity = Annotated[
    Decimal,
    BeforeValidator(read_quantity_text),
    PlainSerializer(decimal_text, return_type=str, when_used="unless-none"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,18}(\.\d{1,6})?$"}),
]
"""A quantity that crosses every wire as text; one below the finest scale is told as a quantity, not as a misprint."""
