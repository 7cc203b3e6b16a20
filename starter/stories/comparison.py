"""How an expectation is compared with what is there (``spec/scenarios.md``, ``expect``).

Maps are subsets, ``{}`` means empty, a key ending in ``_only`` compares the whole map, one ending in ``_any_order`` a
list without order. Decimals compare as numbers, moments as moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.policy.conditions import as_number


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that failed: where, what was expected, and what was there."""

    path: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {shown(self.expected)}, was {shown(self.actual)}"


MISSING = object()


def compare(expected: Any, actual: Any, path: str, *, whole: bool = False) -> Iterator[Mismatch]:
    """Every difference between ``expected`` and ``actual``."""
    if isinstance(expected, Mapping):
        yield from _maps(expected, actual, path, whole)
    elif isinstance(expected, list | tuple):
        yield from _lists(expected, actual, path)
    elif not _same(expected, actual):
        yield Mismatch(path, expected, actual)


def _maps(expected: Mapping[str, Any], actual: Any, path: str, whole: bool) -> Iterator[Mismatch]:
    if not isinstance(actual, Mapping):
        yield Mismatch(path, expected, actual)
        return
    if (not expected or whole) and (surplus := {str(key) for key in actual} - set(map(str, expected))):
        yield Mismatch(path, expected, {key: value for key, value in actual.items() if str(key) in surplus})
    for key, value in expected.items():
        base = key.removesuffix("_only").removesuffix("_any_order") if isinstance(key, str) else key
        here = f"{path}.{base}" if path else str(base)
        there = actual.get(key, MISSING)
        if there is not MISSING:
            yield from compare(value, there, here)
            continue
        there = actual.get(base, MISSING)
        if there is MISSING:
            if value not in ({}, None):  # nobody is not the same as not there
                yield Mismatch(here, value, None)
        elif isinstance(key, str) and key.endswith("_any_order"):
            yield from _unordered(value, there, here)
        else:
            yield from compare(value, there, here, whole=True)


def _lists(expected: Sequence[Any], actual: Any, path: str) -> Iterator[Mismatch]:
    if not isinstance(actual, list | tuple) or len(actual) != len(expected):
        yield Mismatch(path, expected, actual)
        return
    for position, (one, other) in enumerate(zip(expected, actual, strict=True)):
        if any(compare(one, other, "")):
            yield from compare(one, other, f"{path}.{position}")


def _unordered(expected: Any, actual: Any, path: str) -> Iterator[Mismatch]:
    left = list(actual) if isinstance(actual, list | tuple) else []
    if not isinstance(expected, list | tuple) or len(left) != len(expected):
        yield Mismatch(path, expected, actual)
        return
    for one in expected:
        match = next((other for other in left if not any(compare(one, other, ""))), MISSING)
        if match is MISSING:
            yield Mismatch(path, expected, actual)
            return
        left.remove(match)


def contained(expected: Any, actual: Sequence[Any], path: str) -> Iterator[Mismatch]:
    """Every element of ``expected`` that is not among ``actual``."""
    for one in expected if isinstance(expected, list | tuple) else [expected]:
        if not any(not any(compare(one, other, "")) for other in actual):
            yield Mismatch(path, one, list(actual))


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(actual, datetime):
        try:
            return datetime.fromisoformat(str(expected)) == actual
        except (ValueError, TypeError):
            return False
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return expected is actual
    one, other = _number(expected), _number(actual)
    if one is not None and other is not None:
        return one == other
    return str(expected) == str(actual)


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int) else as_number(value)


def shown(value: Any) -> str:
    """``value`` as a reader of a story would write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(each) for each in value) + "]"
    if value is None:
        return "nothing"
    return value.isoformat() if isinstance(value, datetime) else str(value)
