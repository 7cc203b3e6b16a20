"""Questions of an ``expect`` step that carry parameters of their own: entitlements, coverage, revenue.

Each can fail: what expects nothing at all is refused, ``{}`` expects that there is nothing, ``_only`` nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.ledger.contract import contracts
from domain.ledger.entitlement import Entitlements, View, covers, entitlements
from domain.ledger.entries import LedgerEntry
from domain.ledger.known import end_of_day
from domain.ledger.revenue import RevenueReport, report, revenue
from domain.reading import read_date
from domain.refusal import Refusal
from starter.stories.comparison import Mismatch, compare
from starter.stories.stage import Facts


def _known(value: Any, facts: Facts, zone: str) -> datetime:
    """The moment from which one looks back; a bare date is the end of that local day, nothing is now."""
    if value is None:
        return facts.now
    if len(str(value)) == 10:
        return end_of_day(read_date(str(value), "known"), zone)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=facts.now.tzinfo)


def _questions(expected: Any, name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each question, and what it expects (``is`` and its kin); one that expects nothing could never fail."""
    for question in expected if isinstance(expected, list) else [expected]:
        wanted = {key: value for key, value in question.items() if key in ("is", "is_only")}
        strange = set(question) - set(wanted) - {"on", "known", "view", "of"}
        if not wanted or strange:
            what = f"{', '.join(sorted(strange))} cannot be asked" if strange else "say what it is"
            raise Refusal("unknown_expectation", f"{what}: write on, known, view, and is or is_only", name)
        yield question, wanted


def base_of(key: str) -> str:
    """The key without what says how its value is compared."""
    return key.removesuffix("_any_order").removesuffix("_only")


def _of(question: Mapping[str, Any], facts: Facts) -> Sequence[LedgerEntry]:
    """The entries that a question is about: the customer's, or those ``of`` one order, contract or quote."""
    if "of" not in question:
        return facts.entries
    items = _items_of(str(question["of"]), facts)
    return [entry for entry in facts.entries if entry.item_id in items]


def _items_of(name: str, facts: Facts) -> frozenset[str]:
    """The items of an order (by its key, name or id), of a contract or of a quote (by its id).

    Code: ``unknown_contract``.
    """
    key = facts.names.get(name, name)
    orders = [order for book in facts.books for order in book.orders if key in (order.key, order.order_id)]
    if orders:
        return frozenset(item.item_id for order in orders for item in order.items)
    for method in (None, "single"):
        for contract in contracts(facts.entries, method):
            told = contract.contract_id.replace(facts.suffix, "") if facts.suffix else contract.contract_id
            if name in (told, contract.contract_id):
                return frozenset(contract.items)
    raise Refusal("unknown_contract", f"{name} is no order and no contract of this story", "of")


def ask_entitlements(_key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    for question, wanted in _questions(expected, "entitlements"):
        on = _day(question, facts)
        held = _held(question, on, View(question.get("view", "contracted")), facts)
        for key, products in wanted.items():
            actual: dict[str, Any] = dict(held.by_product)
            for name, quantity in products.items():
                product = base_of(name)
                if isinstance(quantity, Mapping):
                    named = {base_of(site): held.of(product, base_of(site)) for site in quantity}
                    actual[product] = {**_by_site(held, product), **named}
                else:
                    actual.setdefault(product, held.of(product))
            yield from compare({key: products}, {"is": actual}, f"entitlements[{on}]")


def _day(question: Mapping[str, Any], facts: Facts) -> date:
    """The local date that is asked about; today, where none is named. Code: ``invalid_date``."""
    if "on" not in question:
        return facts.now.astimezone(ZoneInfo(facts.time_zone)).date()
    return read_date(str(question["on"]))


def _held(question: Mapping[str, Any], on: date, view: View, facts: Facts) -> Entitlements:
    """What is held on ``on``. What is unordered is a quote's: an order or one of several contracts has none of it."""
    if view is not View.UNORDERED:
        return entitlements(_of(question, facts), on, _known(question.get("known"), facts, facts.time_zone), view)
    known = _known(question["known"], facts, facts.time_zone) if "known" in question else None
    names = {each.quote_id: each.quote_id.replace(facts.suffix, "") for each in facts.promises}
    of = question.get("of")
    if of is not None and of not in {*names, *names.values()}:
        _of(question, facts)
    promised = [each for each in facts.promises if of in (None, each.quote_id, names[each.quote_id])]
    return entitlements(facts.entries, on, known, view, promises=promised)


def _by_site(held: Entitlements, product: str) -> dict[str, Any]:
    """What is held of ``product`` by place; nowhere is a place too."""
    sites = dict.fromkeys(row.ship_to for row in held.rows if row.product == product)
    rows = [
        (site, [row.quantity for row in held.rows if (row.product, row.ship_to) == (product, site)]) for site in sites
    ]
    return {str(site): sum(found[1:], found[0]) for site, found in rows}


def ask_covers(_key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    for question, wanted in _questions(expected, "covers"):
        on = _day(question, facts)
        known = _known(question.get("known"), facts, facts.time_zone)
        found = covers(_of(question, facts), on, known, View(question.get("view", "contracted")))
        asked = [base_of(product) for value in wanted.values() for product in value]
        there: dict[str, list[str]] = {product: [] for product in asked}
        there.update({product: list(sites) for product, sites in found.items()})
        yield from compare(wanted, {"is": there}, f"covers[{on}]")


def ask_revenue(key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    schedules = revenue(facts.entries, facts.now, facts.closed)
    if "of" in expected:
        items = _items_of(str(expected["of"]), facts)
        schedules = tuple(each for each in schedules if each.plan.item_id in items)
        expected = {name: value for name, value in expected.items() if name != "of"}
    told = report(schedules)
    periods = {name: value for name, value in expected.items() if base_of(name) != "by_line"}
    if periods or not expected or key.endswith("_only"):
        yield from _in_periods(periods, told, "revenue", whole=key.endswith("_only"))
    for name, lines in expected.items():
        if base_of(name) == "by_line":
            named = {base_of(line) for line in lines}
            surplus = [line for line, found in told.lines.items() if found.total and line not in named]
            if surplus and (not lines or name.endswith("_only")):
                yield Mismatch("revenue.by_line", lines, surplus)
            for line, of_line in lines.items():
                found = told.lines.get(base_of(line), NOTHING)
                yield from _in_periods(of_line, found, f"revenue.by_line.{base_of(line)}", whole=line.endswith("_only"))


def _in_periods(expected: Mapping[str, Any], told: RevenueReport, path: str, *, whole: bool) -> Iterator[Mismatch]:
    """The named periods; with none named, or the ``whole``, no other month has revenue (a year names its months)."""
    for period, value in expected.items():
        yield from compare({period: value}, {period: told.amount(period)}, path)
    if whole or not expected:
        surplus = {
            month: amount for month, amount in told.months.items() if amount and not {month, month[:4]} & {*expected}
        }
        if surplus:
            yield Mismatch(path, expected, surplus)


NOTHING = report(())
