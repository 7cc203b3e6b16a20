"""Split keys: by what the parts of a quote are told apart into orders (``spec/orders.md`` 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from domain.money import decimal_text
from domain.order.parts import Part
from domain.pricing import PricedQuote
from domain.quote import QuoteLine
from domain.refusal import Refusal

BY_DATE_AND_PLACE = ("order_date", "ship_to")
NO_KEYS = frozenset({"fields", "deliveries", "milestones", "of_families", "of_lines"})
LINE_KEYS = frozenset(QuoteLine.model_fields) - NO_KEYS
FREE = "fields."
Key = tuple[str, ...]
KeyOf = Callable[[Part], Key]


def key_function(priced: PricedQuote, split_by: Sequence[str]) -> KeyOf:
    """The key of a part: its order date and ship-to when asked for, then the other keys as they were named.

    A name is a field of the lines, else one in their ``fields``; ``fields.NAME`` is always the latter. A component
    has the values of the line at the top of its bundle. Code: ``unknown_field``.
    """
    rest = [key for key in dict.fromkeys(split_by) if key not in BY_DATE_AND_PLACE]
    free = {name for line in priced.quote.lines for name in line.fields}
    for key in rest:
        if key not in LINE_KEYS and key.removeprefix(FREE) not in free:
            raise Refusal("unknown_field", f"{key} is no key of the lines; split by order_date, ship_to, …", "split_by")
    by_date, by_place = ("order_date" in split_by), ("ship_to" in split_by)

    def key_of(part: Part) -> Key:
        day = part.place.order_date.isoformat() if by_date else ""
        place = (part.place.ship_to or "") if by_place else ""
        return (day, place, *(_value(part.bundle, key) for key in rest))

    return key_of


def _value(line: QuoteLine, key: str) -> str:
    value = getattr(line, key) if key in LINE_KEYS else line.fields.get(key.removeprefix(FREE))
    if isinstance(value, Decimal):
        return decimal_text(value.normalize()) if value else "0"
    return "" if value is None else str(value)
