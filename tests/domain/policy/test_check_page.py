"""The page of findings names every code, and the table of errors those with which publishing is refused."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODULES = [*(ROOT / "domain/policy").glob("check*.py"), ROOT / "domain/policy/matrix_findings.py"]


def codes() -> Iterator[tuple[str, str]]:
    """Severity (``found`` is either) and code of every finding in the checks."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                literal = node.args[0] if node.args else None
                is_finding = node.func.id in ("error", "warning", "found")
                if is_finding and isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                    yield node.func.id, literal.value


def test_every_finding_is_on_the_page() -> None:
    page = (ROOT / "docs/policies-check.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_]+)`", page))
    assert {code for _, code in codes()} <= told
    assert len(set(codes())) > 40


def test_what_publishing_is_refused_with_is_in_the_table_of_errors() -> None:
    table = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    missing = {code for severity, code in codes() if severity != "warning" and f"| `{code}` | 422 |" not in table}
    assert not missing
