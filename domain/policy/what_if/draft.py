"""A quote with edits made, for asking "what if": quickly while one searches, and as a document when one proves.

Edits are keyed by path: ``("lines", "L1", "discount_percent")``. ``None`` removes, a mapping under ``("lines", id)``
adds a line. Values are exact decimals, dates, whole numbers or texts, as the quote has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from domain.money import decimal_text
from domain.pricing import PricedQuote, price
from domain.quote import Quote, QuoteLine, read_quote

Key = tuple[str, ...]
Edits = Mapping[Key, Any]

MOVES_DATES = frozenset(("start_date", "end_date", "term_months"))


def paths(edits: Edits) -> dict[str, Any]:
    """The edits as changes of a document: dotted paths to texts."""
    return {".".join(key): document_value(value) for key, value in edits.items()}


def document_value(value: Any) -> Any:
    """``value`` as a quote document has it."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def document_of(quote: Quote) -> dict[str, Any]:
    """The document that is read as ``quote``."""
    document: dict[str, Any] = quote.model_dump(mode="json", exclude_unset=True)
    return document


def proven_draft(document: Mapping[str, Any], edits: Edits) -> PricedQuote:
    """The edited document, read, checked and priced as if it was handed in. Codes: those of ``read_quote``."""
    return price(read_quote(_edited(document, edits)))


def _edited(document: Mapping[str, Any], edits: Edits) -> dict[str, Any]:
    """What :func:`~domain.changes.changed` makes of :func:`paths`; that looks for each line among all lines."""
    lines = {str(line["line_id"]): line for line in document["lines"]}
    result: dict[str, Any] = {**document, "lines": lines}
    copied: set[Key] = {("lines",)}
    for key, value in edits.items():
        here: Any = result
        for depth, name in enumerate(key[:-1], start=1):
            below = here[int(name)] if isinstance(here, list) else here.get(name, {})
            if key[:depth] not in copied:
                copied.add(key[:depth])
                below = list(below) if isinstance(below, list) else dict(below)
                here[int(name) if isinstance(here, list) else name] = below
            here = below
        if value is None:
            del here[key[-1]]
        else:
            here[key[-1]] = document_value(value)
    return {**result, "lines": list(lines.values())}


def quick_draft(priced: PricedQuote, edits: Edits) -> PricedQuote:
    """The same without the checks of a document: only good for a search whose result is proven.

    Lines are priced anew only where the edits can touch their price. Codes: those of ``price``.
    """
    header = {key: value for key, value in edits.items() if key[0] != "lines"}
    touched = {key[1] for key in edits if key[0] == "lines"}
    quote = _with_lines(_with_header(priced.quote, header), edits) if touched else _with_header(priced.quote, header)
    if not touched and not {("start_date",), ("currency",)} & header.keys():
        return PricedQuote(quote, priced.lines)
    if header or not _stands_alone(priced.quote, edits):
        return price(quote)
    some = price(_copied(quote, lines=tuple(line for line in quote.lines if line.line_id in touched)))
    return PricedQuote(quote, tuple(some.by_id.get(each.line.line_id, each) for each in priced.lines))


def _stands_alone(quote: Quote, edits: Edits) -> bool:
    """Whether no line but the edited ones gets another price: no share of others, no line more or less, no dates."""
    return (
        all(len(key) > 2 and key[2] not in MOVES_DATES for key in edits)
        and not any(line.is_share for line in quote.lines)
        and not any(quote.by_id[key[1]].component_of for key in edits)
    )


def _copied(quote: Quote, **values: Any) -> Quote:
    """``model_construct`` and not ``model_copy``: the latter would take cached properties along."""
    fields = {name: getattr(quote, name) for name in type(quote).model_fields}
    return Quote.model_construct(quote.model_fields_set | values.keys(), **{**fields, **values})


def _with_header(quote: Quote, edits: Edits) -> Quote:
    values: dict[str, Any] = {}
    for (name, *rest), value in edits.items():
        if not rest:
            values[name] = value
        elif name == "customer":
            values[name] = values.get(name, quote.customer).model_copy(update={rest[0]: value})
        else:
            free = dict(values.get(name, getattr(quote, name)))
            values[name] = {**free, rest[0]: value}
            if value is None:
                del values[name][rest[0]]
    return _copied(quote, **values) if values else quote


def _with_lines(quote: Quote, edits: Edits) -> Quote:
    by_line: dict[str, dict[Key, Any]] = {}
    for key, value in edits.items():
        if key[0] == "lines":
            by_line.setdefault(key[1], {})[key[2:]] = value
    lines: list[QuoteLine] = []
    for line in quote.lines:
        mine = by_line.pop(line.line_id, None)
        if mine is None:
            lines.append(line)
        elif () not in mine:
            lines.append(_with_fields(line, mine))
    lines.extend(QuoteLine.model_validate(each[()]) for each in by_line.values())
    return _copied(quote, lines=tuple(lines))


def _with_fields(line: QuoteLine, edits: Mapping[Key, Any]) -> QuoteLine:
    values: dict[str, Any] = {}
    for (name, *rest), value in edits.items():
        if not rest:
            values[name] = value
        elif name == "fields":
            values[name] = {**values.get(name, line.fields), rest[0]: value}
        else:  # deliveries.N.quantity
            deliveries = list(values.get(name, line.deliveries) or ())
            deliveries[int(rest[0])] = deliveries[int(rest[0])].model_copy(update={rest[1]: value})
            values[name] = tuple(deliveries)
    return line.model_copy(update=values)
