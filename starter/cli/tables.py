"""What commands print of the API's documents: short lines and tables in plain text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer

from starter.explanations import change_line

Json = dict[str, Any]


def show(document: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print the document as JSON, or the lines."""
    if as_json:
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(line)


def table(rows: Iterable[Sequence[str | None]], *, right: Sequence[int] = ()) -> Iterator[str]:
    """Columns as wide as they must be; those in ``right`` end at the right."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not texts:
        return
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def amount(money: Json) -> str:
    """An amount for people: ``1,911,201.11 USD``."""
    return f"{figure(money['amount'])} {money['currency']}"


def figure(text: str) -> str:
    """A decimal text with its thousands set apart."""
    from decimal import Decimal

    return f"{Decimal(text):,}"


def plan_lines(plan: Json) -> Iterator[str]:
    """The path of a round: lanes, steps, who is asked, in which state, why, and until when."""
    yield f"round {plan['round']} · {amount(plan['net_total'])} · policy {plan['policy']} {plan['policy_version']}" + (
        f" · {plan['outcome']}" if plan["outcome"] else ""
    )
    rows = [
        (
            f"  {lane['lane']} {step['step']}",
            approval["rule"],
            approval["state"],
            ", ".join(approval["asks"] or _settled_by(approval)),
            f"{approval['needed']} of {len(approval['seats'])}" if len(approval["seats"]) > 1 else "",
            approval["reason"],
            f"due {approval['due'][:16]}" if approval["due"] else "",
        )
        for lane in plan["lanes"]
        for step in lane["steps"]
        for approval in step["approvals"]
    ]
    yield from table(rows)
    for rule, told in plan.get("explain", {}).items():
        line = change_line(told)
        if line is not None:
            yield f"  {rule} {line}"


def _settled_by(approval: Json) -> list[str]:
    """Who decided it: by votes, in everybody's place, or in an earlier round or another approval."""
    basis = approval["basis"]
    return [vote["by"] for vote in approval["votes"]] or (list(basis["persons"]) if basis else [])


def quote_lines(quote: Json) -> Iterator[str]:
    """A quote with its latest round."""
    accepted = " · accepted" if quote["accepted_at"] else ""
    yield f"{quote['quote_id']} {quote['title']}"
    yield f"{quote['state']}{accepted} · {amount(quote['net_total'])} · version {quote['version']}"
    if quote.get("approval"):
        yield from plan_lines(quote["approval"])


def inbox_lines(inbox: Json) -> Iterator[str]:
    """The approvals that wait for somebody."""
    if not inbox["approvals"]:
        yield "nothing waits for you"
    yield from table(
        (
            each["approval_id"],
            each["state"],
            amount(each["net_total"]),
            f"due {each['due_at'][:16]}" if each["due_at"] else "",
            each["title"],
        )
        for each in inbox["approvals"]
    )
    if inbox["next"]:
        yield f"more: --cursor {inbox['next']}"


def book_lines(book: Json) -> Iterator[str]:
    """The orders of a quote and its totals."""
    yield from table(
        (
            (order["order_id"], order["order_date"], order["ship_to"], order["state"], amount(order["total"]))
            for order in book["orders"]
        ),
        right=(4,),
    )
    told = book["totals"]
    yield f"ordered {amount(told['ordered'])} of {amount(told['quote'])}, unordered {amount(told['unordered'])}" + (
        f", variance {amount(told['variance'])}" if float(told["variance"]["amount"]) else ""
    )


def order_lines(order: Json) -> Iterator[str]:
    """An order and its items."""
    place = f" to {order['ship_to']}" if order["ship_to"] else ""
    yield f"{order['order_id']} of {order['order_date']}{place} · {order['state']} · {amount(order['total'])}"
    yield from table(
        (
            (
                f"  {item['line_id']}",
                item["product"],
                item["quantity"],
                amount(item["amount"]),
                f"{item['start']} to {item['end'] or '…'}" if item["start"] else "",
                item["state"],
            )
            for item in order["items"]
        ),
        right=(2, 3),
    )


def contract_lines(found: Json) -> Iterator[str]:
    """The contracts of a customer."""
    yield from table(
        (
            (
                each["contract_id"],
                each["start"],
                each["end"] or "no end",
                amount(each["value"]),
                " ".join(each["lines"]),
            )
            for each in found["contracts"]
        ),
        right=(3,),
    )


def entitled_lines(entitled: Json) -> Iterator[str]:
    """What a customer may use on a date."""
    known = f", as known at {entitled['known']}" if entitled["known"] else ""
    yield f"{entitled['customer_id']} on {entitled['on']} ({entitled['view']}{known})"
    yield from table(((f"  {row['product']}", row["ship_to"], row["quantity"]) for row in entitled["rows"]), right=(2,))
    for product, sites in entitled["covers"].items():
        yield f"  {product} covers {', '.join(sites)}"


def earned_lines(earned: Json) -> Iterator[str]:
    """Revenue by month."""
    months = [(month, figure(amount_)) for month, amount_ in earned["months"].items()]
    sums = [("total", figure(earned["total"])), ("remaining", figure(earned["remaining"]))]
    yield from table((*months, *sums, ("contracted", figure(earned["contracted"]))), right=(1,))
    yield f"in {earned['currency']}" if earned["currency"] else "nothing is ordered"


def credit_lines(words: Iterable[Json]) -> Iterator[str]:
    """Who is on credit hold or not any more, since when, by whom and why."""
    for word in words:
        held = "on credit hold" if word["held"] else "credit hold lifted"
        yield f"{word['customer_id']} {held} since {word['at'][:16]} by {word['by']}: {word['reason']}"


def customer_lines(page: Json) -> Iterator[str]:
    """A customer in one look."""
    yield f"{page['customer_id']} {page['name']} on {page['on']}"
    if page["credit_hold"]:
        yield f"  credit hold by {page['credit_hold']['by']}: {page['credit_hold']['reason']}"
    for quote in page["quotes"]:
        terms = ", ".join(f"{name} {value}" for name, value in quote["terms"].items())
        yield f"  {quote['quote_id']} {quote['state']} {amount(quote['net_total'])} {terms}".rstrip()
    yield from contract_lines({"contracts": page["contracts"]})
    for title, rows in (("runs", page["running"]), ("comes", page["coming"]["services"])):
        yield from table(
            (
                (
                    f"  {title}",
                    row["product"],
                    row["ship_to"],
                    row["quantity"],
                    f"{row['start']} to {row['end'] or '…'}",
                )
                for row in rows
            ),
            right=(3,),
        )
    for row in page["delivered"]:
        yield f"  delivered {row['quantity']} of {row['ordered']} {row['product']} {row['ship_to'] or ''}".rstrip()
    for order in page["coming"]["orders"]:
        yield f"  order {order['order_id']} {order['state']} {order['order_date']} {amount(order['total'])}"
    for money in page["money"]:
        yield f"  recognised {figure(money['recognised'])}, remaining {figure(money['remaining'])} {money['currency']}"
