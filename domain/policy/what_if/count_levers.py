"""Levers of counts: lines that leave or join by another value, lines removed, lines added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from domain.policy.conditions import Combination, Condition, Group, Node, Operator
from domain.policy.facts import LINE_FIELDS
from domain.policy.variables import Variable
from domain.policy.what_if.draft import document_value
from domain.policy.what_if.ground import ONE, Ground, Scale
from domain.policy.what_if.line_edits import copies, removal_edits
from domain.policy.what_if.slides import DOWN, UP, Levers, Slide, number_of, together
from domain.pricing import PricedLine

MOST_COPIES = 50


def count_levers(ground: Ground, spec: Variable, lines: Sequence[PricedLine], direction: int) -> Iterator[Levers]:
    """Lines that leave or join by another value of what is asked of them; else lines removed or added."""
    for leaf in _limits(spec.condition):
        yield (_crossing(ground, leaf, lines, direction),)
    cheapest = sorted(lines, key=lambda each: each.net_total)
    if direction == DOWN:
        yield (
            Slide(min(len(lines), len(ground.quote.lines) - 1), lambda at: removal_edits(ground.quote, cheapest[:at])),
        )
    else:
        template = _template(ground, spec, cheapest)
        yield (Slide(MOST_COPIES, lambda at: copies(ground.quote, template, at)),)


def _limits(node: Node | None) -> Iterator[Condition]:
    """The numeric limits that every counted line must keep."""
    if isinstance(node, Condition):
        if node.operator.orders and isinstance(node.right, Decimal):
            yield node
    elif isinstance(node, Group) and node.combination is Combination.ALL:
        for part in node.parts:
            yield from _limits(part)


def _crossing(ground: Ground, leaf: Condition, members: Sequence[PricedLine], direction: int) -> Slide:
    """Line by line across the limit of ``leaf``, those first that are nearest to it."""
    field = leaf.name.removeprefix("lines.")
    assert isinstance(leaf.right, Decimal)
    limit, step = leaf.right, ONE if field in ("quantity", "term_months") else Decimal("0.01")
    upwards = (leaf.operator in (Operator.GREATER, Operator.AT_LEAST)) == (direction == UP)
    inclusive = (leaf.operator in (Operator.AT_LEAST, Operator.AT_MOST)) == (direction == UP)
    target = limit if inclusive else limit + step if upwards else limit - step
    inside = {each.line.line_id for each in members}
    scale = Scale("number", step)
    moved = sorted(
        (
            (abs(number - target), each)
            for each in ground.priced.lines
            if (each.line.line_id in inside) == (direction == DOWN)
            and (number := number_of(each, field, scale)) is not None
            and (number < target if upwards else number > target)
        ),
        key=lambda pair: pair[0],
    )
    return Slide(len(moved), lambda at: together([each for _, each in moved[:at]], field, target, scale))


def _template(ground: Ground, spec: Variable, counted: Sequence[PricedLine]) -> dict[str, Any]:
    """What one more line of the kind looks like: the cheapest that is counted, or the least that would be."""
    for each in counted:
        if not each.line.is_share:
            found: dict[str, Any] = each.line.model_dump(mode="json", exclude_unset=True)
            return found
    wanted = _wanted(spec.condition)
    least = {"product": "added", "family": "added", "kind": "one_time", "quantity": "1", "list_price": "0.00"}
    custom = {name.removeprefix("fields."): value for name, value in wanted.items() if name not in LINE_FIELDS}
    line = {**least, **{name: value for name, value in wanted.items() if name in LINE_FIELDS}}
    return {**line, "fields": custom} if custom else line


def _wanted(node: Node | None, negated: bool = False) -> dict[str, str]:
    """Values of a line with which ``node`` may hold."""
    if isinstance(node, Group):
        flipped = negated != (node.combination is Combination.NOT)
        parts = node.parts[:1] if (node.combination is Combination.ANY) != negated else node.parts
        return {name: value for part in parts for name, value in _wanted(part, flipped).items()}
    if node is None or negated:
        return {}
    name = node.name.removeprefix("lines.")
    right = node.right[0] if isinstance(node.right, tuple) else getattr(node.right, "otherwise", node.right)
    right = getattr(right, "number", right)
    if isinstance(right, Decimal) and node.operator.orders:
        right += {Operator.GREATER: 1, Operator.LESS: -1}.get(node.operator, 0)
    if node.operator in (Operator.NOT_EQUAL, Operator.NOT_IN, Operator.NOT_CONTAINS, Operator.IS_BLANK):
        return {}
    return {name: str(document_value(right)) if right is not None else "any"}
