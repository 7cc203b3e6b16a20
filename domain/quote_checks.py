"""What must hold between the fields of a quote before anybody works with it (``spec/orders.md`` 2 and 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.money import decimal_text
from domain.quote import Kind, PricePer, Quote, QuoteLine
from domain.refusal import Problem, Refusal

if TYPE_CHECKING:
    from domain.pricing import PricedQuote

LARGEST_QUANTITY = Decimal(10) ** 12


def check_quote(quote: Quote) -> PricedQuote:
    """Refuse a quote whose parts do not fit together, naming every problem at once; also when it cannot be priced."""
    from domain.pricing import price

    problems = [*_document_problems(quote)]
    for line in quote.lines:
        problems.extend(_line_problems(quote, line))
    if problems:
        raise Refusal.of(problems)
    return price(quote)


def _document_problems(quote: Quote) -> Iterator[Problem]:
    yield from _repeated("lines", (line.line_id for line in quote.lines))
    yield from _repeated("sites", (site.site_id for site in quote.sites))
    for currency, rate in quote.rates.items():
        if rate <= 0:
            yield Problem("invalid_rate", "a rate must be greater than zero", f"rates.{currency}")
    if quote.amends == quote.quote_id:
        yield Problem("conflicting_fields", "a quote does not amend itself; give it an id of its own", "amends")


def _repeated(path: str, ids: Iterable[str]) -> Iterator[Problem]:
    for name, times in Counter(ids).items():
        if times > 1:
            yield Problem("duplicate_id", f"the id stands {times} times; give each element its own", f"{path}.{name}")


def _line_problems(quote: Quote, line: QuoteLine) -> Iterator[Problem]:
    path = f"lines.{line.line_id}"
    yield from _quantity_problems(line, path)
    yield from _price_problems(line, path)
    yield from _share_problems(quote, line, path)
    yield from _term_problems(line, path)
    yield from _bundle_problems(quote, line, path)
    yield from _delivery_problems(quote, line, path)
    yield from _milestone_problems(line, path)
    yield from _change_problems(quote, line, path)


def _change_problems(quote: Quote, line: QuoteLine, path: str) -> Iterator[Problem]:
    """What does not fit in a line that changes another quote's: an amendment names both what and by how much."""
    change = line.quantity_change
    given = [field for field in ("quantity_change", "revises") if getattr(line, field) is not None]
    if quote.amends is None:
        for field in given:
            yield Problem("conflicting_fields", "only an amendment has it; name the quote in amends", f"{path}.{field}")
        return
    if len(given) == 1:
        missing = "revises" if given == ["quantity_change"] else "quantity_change"
        yield Problem("missing_field", "quantity_change and revises go together; add it", f"{path}.{missing}")
    if given and line.is_share:
        yield Problem("conflicting_fields", "a percent-of-total line follows its base", f"{path}.{given[0]}")
    if change is not None and change == 0:
        message = "a change of nothing is none; leave the line out"
        yield Problem("quantity_out_of_range", message, f"{path}.quantity_change")
    elif change is not None and abs(change) != line.quantity:
        message = f"the quantity is the size of the change, {decimal_text(abs(change))}; make them equal"
        yield Problem("conflicting_fields", message, f"{path}.quantity")
    if line.takes_away and line.kind is Kind.ONE_TIME:
        message = "things come back by a return, not by an amendment"
        yield Problem("conflicting_fields", message, f"{path}.quantity_change")


def _quantity_problems(line: QuoteLine, path: str) -> Iterator[Problem]:
    if not 0 < line.quantity <= LARGEST_QUANTITY:
        yield Problem(
            "quantity_out_of_range",
            f"the quantity must be greater than 0 and at most {LARGEST_QUANTITY:,}",
            f"{path}.quantity",
        )
    elif line.is_share and line.quantity != 1:
        yield Problem("quantity_out_of_range", "a percent-of-total line has quantity 1", f"{path}.quantity")


def _price_problems(line: QuoteLine, path: str) -> Iterator[Problem]:
    if line.is_share:
        for field in ("list_price", "net_price", "net_total"):
            if getattr(line, field) is not None:
                yield Problem(
                    "conflicting_fields", "a percent-of-total line has a percent, no price", f"{path}.{field}"
                )
        if line.discount_percent != 0:
            yield Problem("conflicting_fields", "give the percent that is meant", f"{path}.discount_percent")
        return
    nets = [field for field in ("net_price", "net_total") if getattr(line, field) is not None]
    if line.percent is not None:
        yield Problem("conflicting_fields", "only a percent_of_total line has a percent", f"{path}.percent")
    if not nets and line.list_price is None:
        yield Problem("missing_field", "give list_price, net_price or net_total", f"{path}.list_price")
    if len(nets) > 1:
        yield Problem("conflicting_fields", "give net_price or net_total, not both", f"{path}.net_total")
    if nets and line.discount_percent != 0:
        yield Problem("conflicting_fields", "a discount_percent goes with list_price alone", f"{path}.discount_percent")
    if abs(line.discount_percent) > 100:
        yield Problem("percent_out_of_range", "a discount lies between -100 and 100", f"{path}.discount_percent")


def _share_problems(quote: Quote, line: QuoteLine, path: str) -> Iterator[Problem]:
    chosen = [field for field in ("of_families", "of_lines", "of") if getattr(line, field) is not None]
    if not line.is_share:
        for field in chosen:
            yield Problem("conflicting_fields", "only a percent_of_total line has a base", f"{path}.{field}")
        return
    if line.percent is None:
        yield Problem("missing_field", "a percent_of_total line needs its percent", f"{path}.percent")
    elif not 0 < line.percent <= 1000:
        yield Problem("percent_out_of_range", "the percent lies above 0 and at most at 1000", f"{path}.percent")
    if len(chosen) != 1:
        code = "conflicting_fields" if chosen else "missing_field"
        yield Problem(code, "give exactly one of of_families, of_lines and of", f"{path}.of")
    for line_id in line.of_lines or ():
        base = quote.by_id.get(line_id)
        if base is None or base.is_share:
            reason = "is no line of this quote" if base is None else "is itself a percent of others"
            yield Problem("unknown_line", f"{line_id} {reason}; name lines with a price", f"{path}.of_lines")


def _term_problems(line: QuoteLine, path: str) -> Iterator[Problem]:
    if line.kind in (Kind.ONE_TIME, Kind.EVERGREEN):
        for field in ("end_date", "term_months"):
            if getattr(line, field) is not None:
                yield Problem("conflicting_fields", f"a line of kind {line.kind} has no term", f"{path}.{field}")
    if line.kind is Kind.ONE_TIME and line.price_period is not PricePer.ONCE:
        yield Problem("conflicting_fields", "a one-time line is priced once", f"{path}.price_per")
    if line.kind is Kind.SUBSCRIPTION and not line.has_term:
        yield Problem("missing_field", "a subscription needs end_date or term_months", f"{path}.end_date")
    if line.end_date is not None and line.term_months is not None:
        yield Problem("conflicting_fields", "give end_date or term_months, not both", f"{path}.term_months")


def _bundle_problems(quote: Quote, line: QuoteLine, path: str) -> Iterator[Problem]:
    if line.component_of is None:
        return
    if line.is_share:
        yield Problem("conflicting_fields", "a percent-of-total line is no component", f"{path}.component_of")
    seen = {line.line_id}
    here: QuoteLine | None = line
    while here is not None and here.component_of is not None:
        parent = quote.by_id.get(here.component_of)
        if here is line and (parent is None or parent.is_share or parent is line):
            yield Problem(
                "component_without_parent",
                f"{line.component_of} is no line that can have components; name the parent's line_id",
                f"{path}.component_of",
            )
            return
        if parent is not None and parent.line_id in seen:
            yield Problem("component_without_parent", "the components go round in a circle", f"{path}.component_of")
            return
        seen.add(parent.line_id if parent else "")
        here = parent


def _delivery_problems(quote: Quote, line: QuoteLine, path: str) -> Iterator[Problem]:
    if line.deliveries is None:
        return
    if line.component_of is not None:
        yield Problem(
            "component_with_deliveries",
            "a component follows its parent; leave out its deliveries",
            f"{path}.deliveries",
        )
    sites = {site.site_id for site in quote.sites}
    for position, delivery in enumerate(line.deliveries):
        here = f"{path}.deliveries.{position}"
        if sites and delivery.ship_to is not None and delivery.ship_to not in sites:
            yield Problem("unknown_site", f"{delivery.ship_to} is not among the quote's sites", f"{here}.ship_to")
        if line.is_share and delivery.quantity is not None:
            yield Problem("conflicting_fields", "a percent-of-total line carries no quantities", f"{here}.quantity")
        elif not line.is_share and delivery.quantity is None:
            yield Problem("missing_field", "is missing; say how much goes there", f"{here}.quantity")
        elif delivery.quantity is not None and delivery.quantity <= 0:
            yield Problem("quantity_out_of_range", "a delivery's quantity must be above 0", f"{here}.quantity")
        if line.end_date is not None and delivery.order_date > line.end_date:
            message = f"lies after the line's end {line.end_date}; deliver earlier, or let the line end later"
            yield Problem("dates_out_of_order", message, f"{here}.order_date")
    yield from _sum_problems(line, path)


def _sum_problems(line: QuoteLine, path: str) -> Iterator[Problem]:
    deliveries = line.deliveries or ()
    if not deliveries:
        yield Problem("missing_field", "name at least one delivery, or leave deliveries out", f"{path}.deliveries")
        return
    if line.is_share or any(delivery.quantity is None for delivery in deliveries):
        return
    given = sum((delivery.quantity for delivery in deliveries if delivery.quantity is not None), Decimal(0))
    if given != line.quantity:
        yield Problem(
            "deliveries_do_not_add_up",
            f"the deliveries come to {decimal_text(given)}, the line's quantity is {line.quantity}; make them equal",
            f"{path}.deliveries",
        )


def _milestone_problems(line: QuoteLine, path: str) -> Iterator[Problem]:
    if not line.milestones:
        return
    yield from _repeated(f"{path}.milestones", (milestone.name for milestone in line.milestones))
    for milestone in line.milestones:
        if not 0 < milestone.percent <= 100:
            here = f"{path}.milestones.{milestone.name}.percent"
            yield Problem("percent_out_of_range", "a milestone's percent lies above 0 and at most at 100", here)
    if sum(milestone.percent for milestone in line.milestones) != 100:
        yield Problem("percent_out_of_range", "the milestones must add up to 100 percent", f"{path}.milestones")
