"""What a story says of an operation on an order, as the change that both stages carry out."""

from __future__ import annotations

from typing import Any

from domain.order.book import OrderBook
from domain.reading import read_date
from starter.stories.document import Holding, Invoicing, Lined, Merging, Progressing, Using

OPERATIONS = (
    "split", "move", "merge", "cancel", "hold", "release", "supplement", "close_short", "return", "rollback", "close",
    "progress", "usage", "invoice",
)  # fmt: skip


def fields_of(given: Any, book: OrderBook, names: dict[str, str]) -> dict[str, Any]:
    """The fields of an :class:`~activities.requests.OrderChange`; orders that the story names are found by their keys.

    ``to`` names another order, or is the date of a new one. Code: ``invalid_date``.
    """
    fields: dict[str, Any] = {"comment": given.comment}
    if isinstance(given, Lined):
        fields |= {"lines": given.lines, "disposition": given.disposition, "name": given.as_, "reason": given.reason}
        date = given.order_date
        if given.to is not None and _is_order(given.to, book, names):
            fields["into"] = book.order(names.get(given.to, given.to)).order_id
        elif given.to is not None:
            date = given.to
        fields["order_date"] = read_date(date) if date else None
    elif isinstance(given, Merging):
        fields |= {"orders": tuple(book.order(names.get(each, each)).order_id for each in given.orders)}
        fields["reason"] = given.reason
    elif isinstance(given, Holding):
        fields["reason"] = given.reason
    elif isinstance(given, Progressing | Using | Invoicing):
        fields |= given.model_dump(exclude={"order", "by", "comment", "on"})
        fields["on"] = read_date(given.on) if given.on else None
    return fields


def _is_order(name: str, book: OrderBook, names: dict[str, str]) -> bool:
    key = names.get(name, name)
    return any(key in (order.order_id, order.key) for order in book.orders)
