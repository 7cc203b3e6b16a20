"""What a story says of an operation on an order, as the change that both stages carry out."""

from __future__ import annotations

from typing import Any

from domain.order.book import OrderBook
from domain.reading import read_date
from domain.refusal import Refusal
from starter.stories.order_verbs import (
    Cancelling,
    ClosingShort,
    Dated,
    Dividing,
    Invoicing,
    Lined,
    Merging,
    Progressing,
    Supplementing,
    Using,
)

OPERATIONS = (
    "split", "move", "merge", "cancel", "hold", "release", "supplement", "close_short", "return", "rollback", "close",
    "progress", "usage", "invoice",
)  # fmt: skip


def subject_of(given: Any) -> str:
    """The order that a verb is done to, as the story names it: a merge keeps the one that the others go into."""
    return given.target if isinstance(given, Merging) else str(given.order)


def fields_of(given: Any, book: OrderBook, names: dict[str, str]) -> dict[str, Any]:
    """The fields of an :class:`~activities.requests.OrderChange`; orders that the story names are found by their keys.

    ``to`` names another order, or is the date of a new one. Codes: ``unknown_order``, ``invalid_date``,
    ``conflicting_fields`` (two orders, or two dates).
    """
    fields: dict[str, Any] = {"comment": given.comment, "reason": given.reason}
    if isinstance(given, Lined):
        fields["lines"] = given.lines
    if isinstance(given, Cancelling | Supplementing | ClosingShort):
        fields["disposition"] = given.disposition
    if isinstance(given, Dated):
        fields |= {"name": given.as_, **_whereto(given, book, names)}
    elif isinstance(given, Merging):
        fields["orders"] = tuple(_order_id(each, book, names) for each in given.absorbed)
    elif isinstance(given, Progressing | Using | Invoicing):
        fields |= given.model_dump(exclude={"order", "by", "comment", "reason", "on"})
        fields["on"] = read_date(given.on) if given.on else None
    return fields


def _whereto(given: Dated, book: OrderBook, names: dict[str, str]) -> dict[str, Any]:
    """The order that lines go into, or the date of a new one."""
    into, date = getattr(given, "into", None), given.order_date
    if given.to is not None:
        is_order = isinstance(given, Dividing) and _is_order(given.to, book, names)
        if (into if is_order else date) is not None:
            raise Refusal("conflicting_fields", "say once to which order, or to which date", "to")
        into, date = (given.to, date) if is_order else (into, given.to)
    order = _order_id(into, book, names) if into is not None else None
    return {"into": order, "order_date": read_date(date) if date else None}


def _order_id(name: str, book: OrderBook, names: dict[str, str]) -> str:
    return book.order(names.get(name, name)).order_id


def _is_order(name: str, book: OrderBook, names: dict[str, str]) -> bool:
    key = names.get(name, name)
    return any(key in (order.order_id, order.key) for order in book.orders)
