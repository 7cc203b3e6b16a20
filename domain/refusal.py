"""A refusal: the answer "no" with a stable code, the field it is about, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``code`` is stable, ``path`` names the field (``lines.L3.quantity``) or is blank."""

    code: str
    message: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Refusal(Exception):
    """The request was understood and is refused; nothing was changed.

    ``code`` is the code of the first problem. Doors translate codes, never messages, into their own answers.
    """

    def __init__(self, code: str, message: str, path: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(code, message, path),)
        self.code = code
        self.path = path
        self.message = message
        super().__init__(code, message, path)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Refusal:
        """The refusal that carries all of ``problems`` (at least one), headed by the first."""
        first = problems[0]
        return cls(first.code, first.message, first.path, problems=problems)

    def __str__(self) -> str:
        return "; ".join(f"[{problem.code}] {problem}" for problem in self.problems)
