"""Decision tables: one row for each band or value, expanded to rules when the policy is read (``spec/approvals.md`` 2).

.. code-block:: yaml

    matrix:
      - id: discount
        chain: commercial
        columns: [max_discount, region]
        reason: Discount by region
        rows:
          - {max_discount: "5..10", region: "US, CA", approver: sales-manager, step: 1}
          - {id: deep, max_discount: "10..", approver: sales-director, step: 2}

A cell is a band (``5..10``: above 5, up to and including 10; either end may be open), a value, a list, or the rest of
a condition (``>= 5``, ``not in A, B``, ``starts with US``, ``is blank``); ``*`` or nothing is anything. A row becomes
the rule ``{matrix}-{row id or number}``; what the row leaves out, the table says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from domain.money import decimal_text
from domain.policy.conditions import NAME, Operator
from domain.policy.document import Part, Policy, RulePart, Smart
from domain.quote import FreeText, Identifier, Text
from domain.reading import read_model
from domain.refusal import Problem, Refusal

NUMBER = r"-?[0-9]{1,18}(?:\.[0-9]{1,6})?"
BAND = re.compile(rf"({NUMBER})?\s*\.\.\s*({NUMBER})?", re.ASCII)
WORDS = tuple(operator.value for operator in Operator if operator.value.isalpha() or " " in operator.value)
RULE_FIELDS = frozenset(RulePart.model_fields) - {"when", "from_"} | {"from"}
MOST_ROWS = 1000


class MatrixPart(Part):
    """A table. Everything but ``columns`` and ``rows`` is the default of its rules."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    id: Identifier
    columns: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    rows: Annotated[tuple[Mapping[str, Any], ...], Field(min_length=1, max_length=MOST_ROWS)]
    smart: Smart = False
    reason: FreeText | None = None


def read_matrices(policy: Policy) -> tuple[MatrixPart, ...]:
    """The tables of a policy. Codes: those of the document, ``invalid_matrix``."""
    if policy.matrix is None:
        return ()
    tables = policy.matrix if isinstance(policy.matrix, list | tuple) else [policy.matrix]
    found = tuple(read_model(MatrixPart, table, root=f"matrix.{_name(table, at)}") for at, table in enumerate(tables))
    problems = [problem for table in found for problem in _table_problems(table)]
    if problems:
        raise Refusal.of(problems)
    return found


def _name(table: Any, at: int) -> str:
    return str(table["id"]) if isinstance(table, Mapping) and isinstance(table.get("id"), str) else str(at)


def _table_problems(table: MatrixPart) -> Iterator[Problem]:
    path = f"matrix.{table.id}"
    for column in table.columns:
        if not re.fullmatch(NAME, column, re.ASCII) or column in RULE_FIELDS:
            yield Problem(
                "invalid_matrix", f"{column!r} is no field or variable that can be a column", f"{path}.columns"
            )
    for name in table.model_extra or {}:
        if name not in RULE_FIELDS:
            yield Problem("unknown_field", f"{name} is no field of a matrix or a rule", f"{path}.{name}")
    for at, row in enumerate(table.rows):
        for name in row:
            if name not in table.columns and name not in RULE_FIELDS:
                yield Problem(
                    "unknown_field", f"{name} is no column and no field of a rule", f"{path}.rows.{at}.{name}"
                )


def expanded(policy: Policy) -> Policy:
    """``policy`` with the rules of its tables behind its own."""
    tables = read_matrices(policy)
    if not tables:
        return policy
    rules = tuple(rule for table in tables for rule in table_rules(table))
    return policy.model_copy(update={"rules": (*policy.rules, *rules)})


def table_rules(table: MatrixPart) -> tuple[RulePart, ...]:
    """The rules that the rows of a table stand for, in their order."""
    defaults = {**(table.model_extra or {}), "smart": table.smart, "reason": table.reason}
    rules = []
    for at, row in enumerate(table.rows):
        path = f"matrix.{table.id}.rows.{at}"
        own = {name: value for name, value in row.items() if name in RULE_FIELDS}
        conditions = [text for column in table.columns for text in cell_conditions(column, row.get(column), path)]
        rule = {**defaults, **own, "id": f"{table.id}-{row.get('id', at + 1)}"}
        if conditions:
            rule["when"] = {"all": conditions}
        rules.append(read_model(RulePart, rule, root=path))
    return tuple(rules)


def cell_conditions(column: str, cell: Any, path: str) -> tuple[str, ...]:
    """The conditions that a cell stands for; none where anything goes. Code: ``invalid_matrix``."""
    if isinstance(cell, list | tuple):
        return (f"{column} in {', '.join(_quoted(each) for each in cell)}",)
    if isinstance(cell, (Mapping, bool)):
        raise Refusal(
            "invalid_matrix", "a cell is a band, a value, a list, or the rest of a condition", f"{path}.{column}"
        )
    text = "" if cell is None else _plain(cell)
    if text in ("", "*"):
        return ()
    band = BAND.fullmatch(text)
    if band is not None:
        return _band(column, band[1], band[2], f"{path}.{column}")
    if text[0] in "<>=!" or any(text.casefold().startswith(f"{word} ") or text == word for word in WORDS):
        return (f"{column} {text}",)
    return (f"{column} in {text}",) if "," in text else (f"{column} = {text}",)


def _band(column: str, low: str | None, high: str | None, path: str) -> tuple[str, ...]:
    if low is None and high is None:
        raise Refusal("invalid_matrix", "a band needs at least one end, such as 5..10, ..5 or 10..", path)
    if low is not None and high is not None and float(high) <= float(low):
        raise Refusal("invalid_matrix", f"the band {low}..{high} is empty: it goes from above the first end", path)
    above = () if low is None else (f"{column} > {low}",)
    return above if high is None else (*above, f"{column} <= {high}")


def _plain(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else decimal_text(cell) if hasattr(cell, "as_tuple") else str(cell)


def _quoted(value: Any) -> str:
    text = _plain(value)
    return f'"{text}"' if "," in text and '"' not in text else text
