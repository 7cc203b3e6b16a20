"""Conditions as they are written (``when``, ``where``): where each text stands, and the tree with one part changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from domain.policy.logic import Joined, read_logic

Step = str | int
OTHER = {"all": "any", "any": "all"}
WORD = re.compile(r"\b(AND|OR)\b", re.IGNORECASE)


def leaf_texts(when: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Every condition with the way to it."""
    if isinstance(when, str):
        yield steps, when
    elif isinstance(when, list | tuple):
        for at, part in enumerate(when):
            yield from leaf_texts(part, (*steps, at))
    elif isinstance(when, dict):
        for word, part in when.items():
            if word != "logic":
                yield from leaf_texts(part, (*steps, word))


def with_text(when: Any, steps: tuple[Step, ...], text: str) -> Any:
    """The tree with another condition at ``steps``."""
    if not steps:
        return text
    here, rest = steps[0], steps[1:]
    if isinstance(when, dict):
        return {**when, here: with_text(when[here], rest, text)}
    return [with_text(part, rest, text) if at == here else part for at, part in enumerate(when)]


def without(when: Any, steps: tuple[Step, ...]) -> Any:
    """The tree without the condition at ``steps``; ``None`` when nothing is left of it."""
    if not steps:
        return None
    here, rest = steps[0], steps[1:]
    if isinstance(when, dict) and "logic" in when:
        return _nested(read_logic(when["logic"], len(when["conditions"]), ""), when["conditions"], rest[0])
    if isinstance(when, dict):
        inner = without(when[here], rest)
        return None if inner is None else {here: inner}
    parts = [without(part, rest) if at == here else part for at, part in enumerate(when)]
    return [part for part in parts if part is not None] or None


def _nested(tree: Joined | int, texts: list[str], left_out: Step) -> Any:
    """Numbered logic as nested words, in which a condition can be missing."""
    if isinstance(tree, int):
        return None if tree - 1 == left_out else texts[tree - 1]
    parts = [part for part in (_nested(each, texts, left_out) for each in tree.parts) if part is not None]
    if not parts:
        return None
    return {tree.word: parts[0] if tree.word == "not" else parts}


def swapped(when: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str, Any]]:
    """The tree with one ``all`` an ``any`` or the other way round: where, in words, and the tree."""
    if isinstance(when, dict) and "logic" in when:
        logic = when["logic"]
        for found in WORD.finditer(logic):
            other = "OR" if found[0].upper() == "AND" else "AND"
            text = logic[: found.start()] + other + logic[found.end() :]
            yield (*steps, "logic"), f"{logic} → {text}", {**when, "logic": text}
    elif isinstance(when, dict):
        [(word, parts)] = when.items()
        if word in OTHER and len(parts) > 1:
            yield steps, f"{word} of {len(parts)} → {OTHER[word]}", {OTHER[word]: parts}
        for where, words, inner in swapped(parts, (*steps, word)) if word == "not" else _inside(parts, (*steps, word)):
            yield where, words, {word: inner}
    elif isinstance(when, list | tuple):
        if len(when) > 1:
            yield steps, f"all of {len(when)} → any", {"any": when}
        yield from _inside(when, steps)


def _inside(parts: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str, Any]]:
    for at, part in enumerate(parts):
        for where, words, inner in swapped(part, (*steps, at)):
            yield where, words, [*parts[:at], inner, *parts[at + 1 :]]
