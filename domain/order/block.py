"""What keeps an order from being activated although its date has come (``spec/orders.md`` 3, activate)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from domain.order.event import Cause, Change, OrderEventKind
from domain.order.journal import Journal
from domain.order.order import Block, Order, OrderState
from domain.order.permission import Operation, refuse_state
from domain.quote import Quote
from domain.refusal import Refusal

OF_ORDER = frozenset({"bill_to", "ship_to"})
OF_QUOTE = ("fields.", "terms.")
CREDIT = "credit block: "
MISSING = "data missing: "
NO_FACTS: Mapping[str, str | None] = MappingProxyType({})


def read_required(names: Iterable[str]) -> tuple[str, ...]:
    """The data that a house will not activate without, each once: ``bill_to`` of the order, ``ship_to`` of every thing
    in it, and free fields and terms of its quote, ``fields.po_number``. Code: ``unknown_field``."""
    found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in found:
        if name not in OF_ORDER and not any(name.startswith(each) and name != each for each in OF_QUOTE):
            raise Refusal("unknown_field", f"{name} is none of bill_to, ship_to, fields.NAME, terms.NAME", name)
    return found


def asks_quote(required: Iterable[str]) -> bool:
    """Whether some of the required data are the quote's."""
    return any(name not in OF_ORDER for name in required)


def facts_of(quote: Quote, required: Iterable[str]) -> dict[str, str | None]:
    """What ``quote`` says of the required data that are its own."""
    known = {**{f"fields.{name}": value for name, value in quote.fields.items()}}
    known |= {f"terms.{name}": value for name, value in quote.terms.items()}
    return {name: None if known.get(name) is None else str(known[name]) for name in required if name not in OF_ORDER}


def blockers(
    order: Order,
    required: Iterable[str] = (),
    credit_block: str | None = None,
    facts: Mapping[str, str | None] = NO_FACTS,
) -> tuple[str, ...]:
    """Why ``order`` cannot be activated, in words; empty: it can.

    ``required`` are data that a house will not activate without (:func:`read_required`), ``facts`` what the quote says
    of those that are its own. ``credit_block`` is why the customer gets nothing at present; what only takes back or
    reduces goes on. Missing data that a release has set aside count no more.
    """
    found = [f"{MISSING}{what}" for name in required for what in _missing(order, name, facts)]
    if credit_block is not None and any(item.counts and item.quantity > 0 for item in order.items):
        found.append(f"{CREDIT}{credit_block}")
    return tuple(reason for reason in found if reason not in order.waived)


def _missing(order: Order, name: str, facts: Mapping[str, str | None]) -> Iterator[str]:
    if name == "bill_to":
        if order.bill_to is None:
            yield "the order has no bill_to"
    elif name == "ship_to":
        nowhere = [item.line_id for item in order.items if item.counts and item.kind == "one_time" and not item.ship_to]
        if nowhere:
            yield f"{', '.join(nowhere)} has no ship_to"
    elif not (facts.get(name) or "").strip():
        yield f"the quote has no {name}"


def waivable(order: Order) -> tuple[str, ...]:
    """The reasons that ``order`` is blocked for and that a release sets aside: all but a credit block."""
    return tuple(reason for reason in order.block.reasons if not reason.startswith(CREDIT)) if order.block else ()


def is_credit_blocked(order: Order) -> bool:
    """Whether the customer's credit is among the reasons why ``order`` is blocked."""
    return order.block is not None and any(reason.startswith(CREDIT) for reason in order.block.reasons)


def block(order: Order, reasons: tuple[str, ...], cause: Cause) -> Change:
    """The order ``blocked`` with its reasons; activating it again, or releasing it, ends that.

    The same reasons again change nothing. Codes: ``wrong_state``, ``on_hold``.
    """
    refuse_state(order, Operation.ACTIVATE)
    if order.block is not None and order.block.reasons == reasons:
        return Change()
    before = order.block.state_before if order.block else order.state
    journal = Journal.of_change(order, cause)
    blocked = Block(at=cause.at, reasons=reasons, state_before=before)
    after = order.model_copy(update={"state": OrderState.BLOCKED, "block": blocked})
    facts = {"state": after.state, "reasons": "; ".join(reasons)}
    journal.event(OrderEventKind.BLOCKED, before={"state": order.state}, after=facts)
    return journal.change(after)


def unblock(order: Order, cause: Cause) -> Change:
    """The order back in the state that it was blocked in, to be tried again: after its date it is due at once.

    Other reasons for which it was blocked are looked at again then. One that was held since stays held, and goes back
    there when it is released. Code: ``wrong_state`` (it is not blocked).
    """
    if order.block is None:
        raise Refusal("wrong_state", f"order {order.order_id} is not blocked", "order")
    journal = Journal.of_change(order, cause)
    update: dict[str, object] = {"state": order.block.state_before, "block": None}
    if order.hold is not None:
        held = order.hold.model_copy(update={"state_before": order.block.state_before})
        update = {"hold": held, "block": None}
    after = order.model_copy(update=update)
    blocked = "; ".join(order.block.reasons)
    journal.event(
        OrderEventKind.RELEASED, before={"state": order.state, "blocked": blocked}, after={"state": after.state}
    )
    return journal.change(after)
