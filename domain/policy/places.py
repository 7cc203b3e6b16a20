"""Where rules and conditions stand in a policy document, as paths that lead to a line of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.policy.conditions import Condition, read_condition
from domain.policy.document import Policy, RulePart
from domain.policy.matrix import read_matrices


@dataclass(frozen=True, slots=True)
class Placed:
    """A condition and the path at which it is written."""

    condition: Condition
    path: str


class Places:
    """The paths of the rules of one policy; a row of a table stands where the table is."""

    def __init__(self, policy: Policy) -> None:
        self._rows: dict[str, str] = {}
        self._tables: dict[str, str] = {}
        for table in read_matrices(policy):
            for at, row in enumerate(table.rows):
                rule = f"{table.id}-{row.get('id', at + 1)}"
                self._rows[rule], self._tables[rule] = f"matrix.{table.id}.rows.{at}", table.id

    def of(self, rule: RulePart) -> str:
        """The path of ``rule``."""
        return self._rows.get(rule.id, f"rules.{rule.id}")

    def is_row(self, rule: RulePart) -> bool:
        """Whether ``rule`` is a row of a table."""
        return rule.id in self._rows

    def are_of_one_table(self, one: RulePart, other: RulePart) -> bool:
        """Whether both rules are rows of the same table."""
        return self.is_row(one) and self._tables[one.id] == self._tables.get(other.id)

    def when(self, rule: RulePart) -> str:
        """The path of the conditions of ``rule``."""
        return self.of(rule) if self.is_row(rule) else f"{self.of(rule)}.when"

    def conditions(self, rule: RulePart) -> Iterator[Placed]:
        """The conditions of ``rule``, each with its path; of a row, with that of its cell."""
        for placed in conditions_of(rule.when, self.when(rule)):
            yield Placed(placed.condition, f"{self.of(rule)}.{placed.condition.name}") if self.is_row(rule) else placed


def conditions_of(when: Any, path: str) -> Iterator[Placed]:
    """The conditions written in a ``when`` or ``where`` that can be read, each with its path."""
    if isinstance(when, str):
        yield Placed(read_condition(when, path), path)
    elif isinstance(when, list | tuple):
        for at, part in enumerate(when):
            yield from conditions_of(part, f"{path}.{at}")
    elif isinstance(when, Mapping) and "logic" in when:
        yield from conditions_of(when["conditions"], f"{path}.conditions")
    elif isinstance(when, Mapping):
        for word, part in when.items():
            yield from conditions_of(part, f"{path}.{word}")
