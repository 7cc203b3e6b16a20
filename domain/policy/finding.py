"""What a check finds in a policy: an error keeps it from being published, a warning does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from domain.refusal import Problem, Refusal

Severity = Literal["error", "warning"]
Document = Literal["policy", "directory"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or looks so. ``path`` leads to it in ``document``; the code is stable."""

    severity: Severity
    code: str
    path: str
    message: str
    document: Document = "policy"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


def error(code: str, path: str, message: str, document: Document = "policy") -> Finding:
    """What keeps a policy from being published."""
    return Finding("error", code, path, message, document)


def warning(code: str, path: str, message: str, document: Document = "policy") -> Finding:
    """What its owner should look at."""
    return Finding("warning", code, path, message, document)


def of_refusal(refusal: Refusal, document: Document = "policy") -> tuple[Finding, ...]:
    """Every problem of a refusal as an error."""
    return tuple(error(each.code, each.path, each.message, document) for each in refusal.problems)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, errors first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: not finding.is_error))


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Refuse with the errors among ``findings``; warnings pass."""
    problems = [Problem(each.code, each.message, each.path) for each in findings if each.is_error]
    if problems:
        raise Refusal.of(problems)
