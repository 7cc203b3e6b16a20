"""The amendments of a life in test: random ones of what runs, approved and ordered at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.ledger.entries import LedgerEntry
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.delta_order import order_amendment
from domain.order.event import Cause, Change
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from tests.domain.order.story import Story


def amended(
    stories: Sequence[Story], entries: Sequence[LedgerEntry], now: datetime, numbers: tuple[int, int, int]
) -> tuple[Story, Change] | None:
    """Quantity up or down, another price, an extension or an early end, of something that runs; none: nothing does."""
    which, line, days = numbers
    first = stories[0]
    agreement = Agreement.of(first.priced.quote, [story.book for story in stories], entries)
    services = agreement.services()
    if not services:
        return None
    family = services[line % len(services)]
    begin = now.date() + timedelta(days=days % 120)
    last = family.last_day() or begin + timedelta(days=300)
    wishes: list[dict[str, str]] = [
        {"quantity_change": str(-(1 + which % 3))},
        {"quantity_change": str(1 + which % 3)},
        {"unit_price": f"{1 + which}.25"},
        {"end_date": (last + timedelta(days=1 + which * 3)).isoformat()},
        {"end_date": (begin + timedelta(days=which)).isoformat()},
        {"quantity_change": "2", "unit_price": "3.5"},
        {"quantity_change": "-1", "end_date": (begin + timedelta(days=which * 2)).isoformat()},
    ]
    wish = {
        "quote_id": f"Q-1.{len(stories)}",
        "contract_of": "Q-1",
        "start_date": begin.isoformat(),
        "lines": [{"line": family.first.plan.item_id, **wishes[which % len(wishes)]}],
    }
    document = amend(agreement, read_model(Amendment, wish))
    story = Story(price(read_quote(document)))
    by = Cause(at=now, by="rosa")
    change = order_amendment(story.book, story.priced, agreement, ("order_date", "ship_to"), by)
    story.keep(change)
    return story, change
