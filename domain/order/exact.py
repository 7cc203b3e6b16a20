"""Fractions that cross every wire as text: a frozen unit price keeps its full precision (``spec/orders.md`` 2)."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError


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
