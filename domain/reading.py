"""Reading documents: what pydantic found wrong becomes problems with our codes, field paths and advice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.refusal import Problem, Refusal

ModelT = TypeVar("ModelT", bound=BaseModel)

# The fields by which a path addresses an element of a list: people look for line L3, not for the fourth line.
IDENTIFIERS = ("line_id", "site_id", "id")

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
"""The calendar that we take dates from, so that a term or a month further there are still dates."""

DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

ADVICE = {
    "missing": ("missing_field", "is missing; add it"),
    "extra_forbidden": ("unknown_field", "is not a field of this document; remove it or correct its name"),
    "string_type": ("not_text", "must be a text"),
    "string_too_short": ("blank", "must not be blank"),
    "string_too_long": ("too_long", "is too long"),
    "string_pattern_mismatch": ("invalid_id", "must be made of letters, digits and _ . : - and begin with one of them"),
    "enum": ("invalid_choice", ""),
    "literal_error": ("invalid_choice", ""),
    "model_type": ("wrong_type", "must be a mapping of fields"),
    "mapping_type": ("wrong_type", "must be a mapping"),
    "dict_type": ("wrong_type", "must be a mapping"),
    "tuple_type": ("wrong_type", "must be a list"),
    "bool_parsing": ("wrong_type", "must be true or false"),
    "bool_type": ("wrong_type", "must be true or false"),
    "int_type": ("invalid_number", "must be a whole number"),
    "greater_than_equal": ("invalid_number", ""),
    "less_than_equal": ("invalid_number", ""),
    "int_from_float": ("invalid_number", "must be a whole number"),
    "too_short": ("missing_field", "needs at least one element"),
    "too_long": ("too_long", "has too many elements"),
}


def problem_error(code: str, message: str) -> PydanticCustomError:
    """An error for a validator to raise; ``code`` and ``message`` reach the caller as they are."""
    return PydanticCustomError(code, message.replace("{", "{{").replace("}", "}}"))


def _read_date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and DATE_TEXT.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise problem_error("invalid_date", "write the date as YYYY-MM-DD, such as 2027-02-15")


def _read_near_date(value: Any) -> date:
    found = _read_date(value)
    if not in_calendar(found):
        raise problem_error("invalid_date", f"give a date from {FIRST_DAY} to {LAST_DAY}")
    return found


def in_calendar(day: date) -> bool:
    """Whether ``day`` lies in the years that dates are taken from; the day of a moment counts."""
    return FIRST_DAY.year <= day.year <= LAST_DAY.year


any_date = BeforeValidator(_read_date)
iso_date = BeforeValidator(_read_near_date)


def read_date(value: Any, path: str = "") -> date:
    """The local date in ``value`` (``YYYY-MM-DD``), within the calendar. Code: ``invalid_date``."""
    try:
        return _read_near_date(value)
    except PydanticCustomError as error:
        raise Refusal(error.type, error.message(), path) from None


def read_model(model: type[ModelT], data: Any, *, root: str = "") -> ModelT:
    """``data`` as a ``model``, or a :class:`Refusal` with one problem for each wrong field.

    Paths address list elements by their id where they have one (``lines.L3.quantity``), below ``root`` when given.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        wrong = [details for details in found if not _is_consequence(details, found)]
        raise Refusal.of([problem_of(data, details, root) for details in wrong]) from None


def _is_consequence(details: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Pydantic counts the elements that were right: a list whose only one is wrong is then too short as well."""
    here = details["loc"]
    return details["type"] == "too_short" and any(
        len(other["loc"]) > len(here) and other["loc"][: len(here)] == here for other in found
    )


def problem_of(data: Any, details: ErrorDetails, root: str = "") -> Problem:
    """What pydantic found wrong in ``data``, with our code, the field's path below ``root``, and what to do."""
    path = ".".join(filter(None, (root, named_path(data, details["loc"]))))
    code, advice = ADVICE.get(details["type"], (details["type"], ""))
    if details["type"] not in ADVICE and "_" in code and code.endswith(("_type", "_parsing", "_attributes_type")):
        code = "wrong_type"
    message = advice or _sentence(details["msg"])
    return Problem(code, message, path)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return f"must be {text}" if text != message and message.startswith("Input") else text


def named_path(data: Any, location: Sequence[int | str]) -> str:
    """``location`` as a dotted path in which elements of lists are named by their id."""
    parts: list[str] = []
    here: Any = data
    for step in location:
        if isinstance(step, int) and isinstance(here, Sequence) and not isinstance(here, str) and step < len(here):
            here = here[step]
            parts.append(_name_of(here, step))
        elif isinstance(step, str) and step.startswith(("(", "[")):
            continue  # pydantic's word for one kind of several, or for a key
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
            parts.append(str(step))
    return ".".join(part for part in parts if part)


def _name_of(element: Any, position: int) -> str:
    if isinstance(element, Mapping):
        for key in IDENTIFIERS:
            if isinstance(element.get(key), str):
                return str(element[key])
    return str(position)
