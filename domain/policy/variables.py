"""Variables: aggregates over lines, discounts, and formulas, as a policy writes them (``spec/approvals.md`` 2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from domain.money import decimal_text
from domain.policy.arithmetic import Expression, read_expression
from domain.policy.conditions import Node, leaves, names_in, read_when
from domain.policy.facts import LINE_FIELDS
from domain.refusal import Refusal

AGGREGATES = ("sum", "avg", "min", "max", "count")
Kind = Literal["sum", "avg", "min", "max", "count", "discount", "formula"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A value computed once per evaluation.

    An aggregate is taken of the lines' ``field`` (``count`` may be of the lines themselves) where ``condition`` holds;
    a discount is ``(1 - net / list) * 100``; a formula computes with other facts.
    """

    kind: Kind
    field: str | None = None
    where: Any = None
    condition: Node | None = None
    list: str | None = None
    net: str | None = None
    formula: Expression | None = None
    names: tuple[str, ...] = ()
    """The header fields and variables it is computed from. Fields of lines hide them in a ``where``."""


def read_variable(name: str, spec: Any) -> Variable:
    """The variable written as ``spec``. Codes: ``invalid_variable``, ``invalid_condition``."""
    path = f"variables.{name}"
    if isinstance(spec, dict):
        words = [word for word in spec if word != "where"]
        if words == ["discount"] and isinstance(spec["discount"], dict) and "where" not in spec:
            inner = spec["discount"]
            if set(inner) == {"list", "net"} and all(isinstance(value, str) for value in inner.values()):
                return Variable("discount", list=inner["list"], net=inner["net"], names=(inner["list"], inner["net"]))
        elif len(words) == 1 and words[0] in AGGREGATES and isinstance(spec[words[0]], str):
            return _aggregate(words[0], spec[words[0]], spec.get("where"), path)
    if isinstance(spec, str):
        return _formula(spec, path)
    if isinstance(spec, int | Decimal) and not isinstance(spec, bool):
        return _formula(decimal_text(Decimal(spec)), path)
    raise Refusal(
        "invalid_variable",
        "write an aggregate such as {max: lines.discount_percent, where: ...}, {discount: {list: …, net: …}},"
        " or a formula such as net_total - cost",
        path,
    )


def _formula(text: str, path: str) -> Variable:
    formula = read_expression(text, path)
    return Variable("formula", formula=formula, names=formula.names)


def _aggregate(word: Any, target: str, where: Any, path: str) -> Variable:
    field = target.removeprefix("lines.") if target.startswith("lines.") else None
    if (field is None) != (target == "lines") or (field is None and word != "count"):
        raise Refusal("invalid_variable", f"{word} is taken of lines.FIELD (count also of lines)", path)
    condition = None if where is None else read_when(where, f"{path}.where")
    found = (name for leaf, _ in leaves(condition) for name in names_in(leaf))
    names = tuple(dict.fromkeys(name for name in found if name not in LINE_FIELDS))
    return Variable(word, field, where, condition, names=names)
