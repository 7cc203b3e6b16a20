"""What a change that arrives at a door does to the orders of a quote: each verb of people, the ERP and the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from activities.requests import OrderChange
from activities.tokens import Identity
from domain.money import read_decimal
from domain.order.activation import acknowledge, activate
from domain.order.book import OrderBook
from domain.order.cancel import cancel
from domain.order.close_short import close_short
from domain.order.closing import close
from domain.order.divide import divide
from domain.order.event import Cause, Change
from domain.order.exact import read_quantity
from domain.order.fulfilment import accept_item, deliver
from domain.order.give_back import give_back
from domain.order.hold import hold, release
from domain.order.merge import merge
from domain.order.move_lines import move_lines
from domain.order.order import Order
from domain.order.recording import invoice, usage
from domain.order.reschedule import move_date
from domain.order.rollback import roll_back
from domain.order.supplement import supplement
from domain.order.work import progress_work, reach_work
from domain.refusal import Refusal

STALE = "stale"
T = TypeVar("T", str, date)
OnOrder = Callable[[Order, OrderChange, Cause], Change]
OnBook = Callable[[OrderBook, str, OrderChange, Cause, timedelta | None], Change]


def operated(
    order: Order, book: OrderBook | None, change: OrderChange, cause: Cause, *, cut_off: timedelta | None = None
) -> Change:
    """What ``change`` does to ``order``, and to others of its ``book``, which verbs on one order do without.

    Codes: ``stale``, ``missing_field``, ``invalid_number``, and those of the verb.
    """
    check_version(order, change)
    on_order = ON_ORDER.get(change.verb)
    if on_order is not None:
        return on_order(order, change, cause)
    assert book is not None, "this verb may touch other orders"
    return _on_book(book, order.order_id, change, cause, cut_off)


def check_version(order: Order, change: OrderChange) -> None:
    """Refuse (``stale``) a change that was made for another version of the order than it has."""
    if change.expected_version is not None and change.expected_version != order.version:
        raise Refusal(
            STALE,
            f"order {order.order_id} is at version {order.version}, you saw {change.expected_version}; read it again",
        )


def refuse_unpermitted(change: OrderChange, who: Identity) -> None:
    """Refuse (``not_permitted``) that somebody says in the ERP's place that it rejects an order: that gives it up."""
    if change.verb == "acknowledge" and change.outcome == "rejected" and not (who.is_service or who.is_admin):
        message = "only the ERP (role service) or an admin says that an order is rejected; cancel it, or close it short"
        raise Refusal("not_permitted", message, "outcome")


def touches_one_order(verb: str) -> bool:
    """Whether the verb changes nothing but the order it names, so that the others need not be held."""
    return verb in ON_ORDER


def _on_book(book: OrderBook, name: str, change: OrderChange, cause: Cause, cut_off: timedelta | None) -> Change:
    on_book = ON_BOOK.get(change.verb)
    if on_book is None:
        raise Refusal("not_built_yet", f"{change.verb} is not built yet", "verb")
    return on_book(book, name, change, cause, cut_off)


def _move_date(book: OrderBook, name: str, change: OrderChange, cause: Cause, cut_off: timedelta | None) -> Change:
    return move_date(book, name, _needed(change.to, "to"), cause, cut_off=cut_off)


def _split(book: OrderBook, name: str, change: OrderChange, cause: Cause, cut_off: timedelta | None) -> Change:
    return divide(
        book,
        name,
        _quantities(change),
        cause,
        to=change.into,
        order_date=change.order_date,
        key=change.name,
        cut_off=cut_off,
    )


def _move(book: OrderBook, name: str, change: OrderChange, cause: Cause, cut_off: timedelta | None) -> Change:
    return move_lines(
        book,
        name,
        tuple(change.lines or ()),
        cause,
        to=change.into,
        order_date=change.order_date,
        key=change.name,
        cut_off=cut_off,
    )


def _cancel(book: OrderBook, name: str, change: OrderChange, cause: Cause, _: timedelta | None) -> Change:
    lines = {line: _decimal(text) for line, text in change.lines.items()} if change.lines else None
    return cancel(book, name, cause, lines=lines, disposition=change.disposition)


def _supplement(book: OrderBook, name: str, change: OrderChange, cause: Cause, _: timedelta | None) -> Change:
    return supplement(
        book,
        name,
        _quantities(change),
        cause,
        disposition=change.disposition,
        order_date=change.order_date,
        key=change.name,
    )


def _give_back(book: OrderBook, name: str, change: OrderChange, cause: Cause, _: timedelta | None) -> Change:
    return give_back(book, name, _quantities(change), cause, order_date=change.order_date, key=change.name)


def _reach(book: OrderBook, name: str, change: OrderChange, cause: Cause, _: timedelta | None) -> Change:
    stone = change.milestone
    return reach_work(book, name, cause, line=change.line, milestone=stone, on=change.on, evidence=change.evidence)


def _progress(book: OrderBook, name: str, change: OrderChange, cause: Cause, _: timedelta | None) -> Change:
    percent = read_decimal(_needed(change.percent, "percent"), "percent")
    evidence = change.evidence
    return progress_work(book, name, cause, percent=percent, line=change.line, on=change.on, evidence=evidence)


ON_BOOK: Mapping[str, OnBook] = {
    "move_date": _move_date,
    "split": _split,
    "move": _move,
    "merge": lambda book, name, change, cause, cut_off: merge(book, name, change.orders, cause, cut_off=cut_off),
    "cancel": _cancel,
    "hold": lambda book, name, change, cause, _: hold(book, name, cause),
    "release": lambda book, name, change, cause, _: release(book, name, cause),
    "supplement": _supplement,
    "close_short": lambda book, name, change, cause, _: close_short(book, name, cause, disposition=change.disposition),
    "return": _give_back,
    "rollback": lambda book, name, change, cause, _: roll_back(book, name, cause),
    "close": lambda book, name, change, cause, _: close(book, name, cause),
    "reach": _reach,
    "progress": _progress,
}


def _acknowledge(order: Order, change: OrderChange, cause: Cause) -> Change:
    return acknowledge(order, cause, outcome=change.outcome, document=change.document, reason=change.reason)


def _deliver(order: Order, change: OrderChange, cause: Cause) -> Change:
    quantity = _quantity(change)
    return deliver(order, cause, line=change.line, quantity=quantity, on=change.on, evidence=change.evidence)


def _accept(order: Order, change: OrderChange, cause: Cause) -> Change:
    quantity = _quantity(change)
    return accept_item(order, cause, line=change.line, quantity=quantity, on=change.on, evidence=change.evidence)


def _usage(order: Order, change: OrderChange, cause: Cause) -> Change:
    amount = read_decimal(change.amount, "amount") if change.amount is not None else None
    return usage(
        order,
        cause,
        line=_needed(change.line, "line"),
        quantity=read_decimal(_needed(change.quantity, "quantity"), "quantity"),
        amount=amount,
        on=change.on,
        evidence=change.evidence,
    )


def _invoice(order: Order, change: OrderChange, cause: Cause) -> Change:
    amount = read_decimal(_needed(change.amount, "amount"), "amount")
    line = _needed(change.line, "line")
    return invoice(order, cause, line=line, amount=amount, on=change.on, document=change.document)


ON_ORDER: Mapping[str, OnOrder] = {
    "activate": lambda order, change, cause: activate(order, cause),
    "acknowledge": _acknowledge,
    "deliver": _deliver,
    "accept_item": _accept,
    "usage": _usage,
    "invoice": _invoice,
}


def _quantity(change: OrderChange) -> Decimal | None:
    return read_decimal(change.quantity, "quantity") if change.quantity is not None else None


def _quantities(change: OrderChange) -> dict[str, Decimal]:
    """The quantities of the lines, each of which must be there. Code: ``missing_field``."""
    return {
        line: read_quantity(_needed(text, f"lines.{line}"), f"lines.{line}")
        for line, text in (change.lines or {}).items()
    }


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else read_quantity(text, "lines")


def _needed(value: T | None, path: str) -> T:
    if value is None:
        raise Refusal("missing_field", "is missing; add it", path)
    return value
