"""Numbered logic: ``1 AND (2 OR NOT 3)`` over a list of conditions; AND binds tighter than OR, NOT tightest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.refusal import Refusal

TOKEN = re.compile(r"\s*(\d{1,3}|[A-Za-z]+|[()])", re.ASCII)
LONGEST = 4000
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Joined:
    """``word`` is ``all``, ``any`` or ``not``; a part is joined itself, or the number of a condition (from 1)."""

    word: str
    parts: tuple[Joined | int, ...]


def read_logic(text: str, count: int, path: str) -> Joined | int:
    """The tree written as ``text`` over conditions 1 to ``count``, each of which must be used.

    Code: ``invalid_condition``.
    """
    if len(text) > LONGEST:
        raise Refusal("invalid_condition", f"logic has at most {LONGEST} characters", path)
    reader = _Reader(list(_tokens(text, path)), text, path, count)
    tree = reader.any(0)
    if reader.left:
        raise reader.wrong()
    if unused := sorted(set(range(1, count + 1)) - reader.used):
        raise Refusal("invalid_condition", f"the logic does not use condition {unused[0]}; name it or remove it", path)
    return tree


def _tokens(text: str, path: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise Refusal("invalid_condition", f"{text[at : at + 10].strip()!r} has no place in logic", path)
        at = found.end()
        yield found[1].upper()


class _Reader:
    def __init__(self, tokens: list[str], text: str, path: str, count: int) -> None:
        self.left = tokens
        self.used: set[int] = set()
        self._text, self._path, self._count = text, path, count

    def wrong(self) -> Refusal:
        what = f"unexpected {self.left[0]}" if self.left else "it ends too early"
        return Refusal("invalid_condition", f"the logic {self._text[:80]!r} cannot be read: {what}", self._path)

    def _take(self, word: str) -> bool:
        if self.left and self.left[0] == word:
            del self.left[0]
            return True
        return False

    def any(self, depth: int) -> Joined | int:
        if depth > DEEPEST:
            raise Refusal("invalid_condition", f"brackets are nested more than {DEEPEST} deep", self._path)
        parts = [self._all(depth)]
        while self._take("OR"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Joined("any", tuple(parts))

    def _all(self, depth: int) -> Joined | int:
        parts = [self._one(depth)]
        while self._take("AND"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Joined("all", tuple(parts))

    def _one(self, depth: int) -> Joined | int:
        if self._take("NOT"):
            if depth > DEEPEST:
                raise self.wrong()
            return Joined("not", (self._one(depth + 1),))
        if self._take("("):
            inner = self.any(depth + 1)
            if not self._take(")"):
                raise self.wrong()
            return inner
        if not self.left or not self.left[0].isdigit() or not 1 <= int(self.left[0]) <= self._count:
            raise self.wrong()
        number = int(self.left.pop(0))
        self.used.add(number)
        return number
