"""What the commands of orders send and print, and how they write lines, quantities and where these go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
WANTED = re.compile(r"(?P<line>[^=@/]+)(=(?P<quantity>[^=@/]+))?(@(?P<order_date>[^=@/]+))?(/(?P<ship_to>[^=@/]+))?")
Json = dict[str, Any]


def line_quantities(given: Sequence[str], *, needed: bool = False) -> dict[str, str | None]:
    """``LINE=QUANTITY`` words as a mapping; ``LINE`` alone is all of it, unless quantities are ``needed``."""
    found: dict[str, str | None] = {}
    for word in given:
        line, equals, quantity = word.partition("=")
        if not line or (equals and not quantity) or (needed and not equals):
            raise typer.BadParameter(f"{word}: write LINE=QUANTITY, such as L2=5", param_hint="LINE=QUANTITY")
        if line in found:
            raise typer.BadParameter(f"{line} is named twice", param_hint="LINE=QUANTITY")
        found[line] = quantity or None
    return found


def picks(given: Sequence[str]) -> list[Mapping[str, str]]:
    """``LINE[=QUANTITY][@DATE][/SHIP_TO]`` words as lines ordered by hand."""
    found: list[Mapping[str, str]] = []
    for word in given:
        match = WANTED.fullmatch(word)
        if match is None:
            raise typer.BadParameter(f"{word}: write LINE[=QUANTITY][@DATE][/SHIP_TO], such as L2=5@2027-02-15/NC")
        found.append({name: value for name, value in match.groupdict().items() if value is not None})
    return found


def whereto(to: str | None) -> dict[str, str]:
    """The fields for a new order's date, or for the order that lines go into."""
    if to is None:
        return {}
    return {"order_date": to} if DATE.fullmatch(to) else {"into": to}


def send(
    order: str,
    verb: str | None,
    body: Mapping[str, Any],
    *,
    user: str | None,
    api: str | None,
    only_preview: bool,
    seen: int | None,
    as_json: bool,
) -> None:
    """Do a verb (none: change the order itself) and print the order, and the others that it made or changed."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show

    line, path = Line(api, user), f"/orders/{quoted(order)}"
    preview = "true" if only_preview else None
    if verb is None:
        found = line.patch(path, body, seen=seen, preview=preview)
    else:
        found = line.post(f"{path}/{verb}", body, seen=seen, preview=preview)
    show(found, changed_lines(found), as_json)


def changed_lines(order: Json) -> Iterator[str]:
    """An order and its items, then the others that were made or changed with it."""
    from starter.cli.tables import order_lines

    yield from order_lines(order)
    for other in order.get("also_changed", ()):
        yield from order_lines(other)
    if "waiting" in order:
        yield f"  waits for approval as {order['waiting']['change_id']}: nothing has changed yet"
    for each in order.get("approval", ()):
        yield f"  {each['rule']}: {', '.join(each['asked']) or 'nobody yet'} · {each['reason'] or ''}".rstrip(" ·")


def page_lines(order: Json) -> Iterator[str]:
    """An order with what stands in its way, what can be done to it now, and the orders around it."""
    from starter.cli.tables import order_lines

    yield from order_lines(order)
    if order["hold"]:
        yield f"  held by {order['hold']['by']} since {order['hold']['at'][:16]}: {order['hold']['why']}"
    if order["block"]:
        yield f"  blocked: {'; '.join(order['block']['reasons'])}"
    for name, told in (("revises_order", "revises"), ("superseded_by", "superseded by")):
        if order[name]:
            yield f"  {told} {order[name]}"
    for each in order["revised_by"]:
        yield f"  {each['kind']} {each['order_id']} · {each['state']}"
    for each in order["changes"]:
        why = f" ({each['code']})" if each["code"] else ""
        yield f"  {each['verb'].replace('_', '-')} {each['change_id']} · {each['state']}{why}"
    yield f"  possible now: {_listed(order['allowed'])}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(word.replace("_", "-") for word in words) or "nothing"
