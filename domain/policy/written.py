"""The rules of a policy as they are written, with their places: the owner's own, and those of the rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.policy.document import read_policy
from domain.policy.matrix import read_matrices, table_rules
from domain.yaml_text import Path


def written_rules(document: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Where each rule of a valid policy stands in its document, and the rule, in the order of ``Policy.rules``."""
    yield from ((("rules", at), rule) for at, rule in enumerate(document.get("rules") or ()))
    for at, table in enumerate(read_matrices(read_policy(document))):
        start: Path = ("matrix", at) if isinstance(document["matrix"], list) else ("matrix",)
        for row, rule in enumerate(table_rules(table)):
            yield (*start, "rows", row), rule.model_dump(mode="python", by_alias=True, exclude_defaults=True)


def written_out(document: Mapping[str, Any]) -> dict[str, Any]:
    """``document`` with the rules of its tables behind its own, instead of the tables."""
    rules = [rule for _, rule in written_rules(document)]
    return {**{name: value for name, value in document.items() if name != "matrix"}, "rules": rules}
