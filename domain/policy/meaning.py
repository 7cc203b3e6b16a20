"""What conditions mean, apart from how they are written; and conditions in words.

Two trees with the same meaning are true and false for the same quotes. The reverse is not promised: ``not (a > 5)``
and ``a <= 5`` count as different, and they are, where ``a`` is blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.policy.conditions import (
    Amount,
    Combination,
    Condition,
    Group,
    Literal,
    Node,
    Operator,
    Reference,
    leaves,
    read_when,
)

Meaning = tuple[Any, ...]
"""Nested tuples that are equal for conditions of one meaning."""
Leaf = tuple[Condition, bool]


def meaning(node: Node | None) -> Meaning:
    """The meaning of a tree: spaces, case of texts, order of parts and needless nesting do not count."""
    if node is None:
        return ("always",)
    if isinstance(node, Condition):
        return ("test", node.name, str(node.operator), _right(node.right))
    if node.combination is Combination.NOT:
        inner = meaning(node.parts[0])
        return inner[1] if inner[0] == "not" else ("not", inner)
    word = str(node.combination)
    parts: set[Meaning] = set()
    for part in map(meaning, node.parts):
        parts.update(part[1] if part[0] == word else (part,))
    return next(iter(parts)) if len(parts) == 1 else (word, tuple(sorted(parts, key=repr)))


def _right(right: Any) -> Any:
    if isinstance(right, tuple):
        return ("list", *sorted({_literal(each) for each in right}, key=repr))
    if isinstance(right, Reference):
        return ("name", right.name)
    return None if right is None else _literal(right)


def _literal(value: Literal) -> Meaning:
    if isinstance(value, Amount):
        return ("amount", value.currency, value.number.normalize())
    if isinstance(value, Decimal):
        return ("number", value.normalize())
    return ("text", value.casefold())


def meaning_of_spec(spec: Any, path: str) -> Any:
    """The meaning of a variable as it is written."""
    if isinstance(spec, Mapping):
        where = spec.get("where")
        found = {word: meaning_of_spec(part, path) for word, part in spec.items() if word != "where"}
        return found if where is None else {**found, "where": meaning(read_when(where, path))}
    return " ".join(str(spec).split())


# -- in words


def in_words(node: Any) -> str:
    """A condition tree, or a variable as it is written, as one line."""
    if isinstance(node, Condition):
        return node.text
    if isinstance(node, Group):
        return _group(node)
    if isinstance(node, Mapping):
        return ", ".join(_part(word, part) for word, part in node.items())
    return "always" if node is None else str(node)


def _group(node: Group) -> str:
    inner = [in_words(part) for part in node.parts]
    nested = [f"({text})" if isinstance(part, Group) else text for part, text in zip(node.parts, inner, strict=True)]
    if node.combination is Combination.NOT:
        return f"not {nested[0]}"
    return (" and " if node.combination is Combination.ALL else " or ").join(nested)


def _part(word: str, part: Any) -> str:
    if word == "where":
        return f"where {in_words(read_when(part, 'where'))}"
    if isinstance(part, Mapping):
        return f"{word} of {' and '.join(f'{name} {each}' for name, each in part.items())}"
    return f"{word} of {part}"


# -- what is different


def condition_changes(old: Node | None, new: Node | None) -> Iterator[str]:
    """How ``new`` differs from ``old``, one sentence for each condition; at least one where the meanings differ."""
    gone, come = _unmatched(list(leaves(old)), list(leaves(new)))
    pairs = [*_paired(gone, come, lambda leaf: (leaf[0].name, leaf[0].operator, leaf[1]))]
    pairs += _paired(gone, come, lambda leaf: leaf[0].name)
    yield from (_pair(before, after) for before, after in pairs)
    yield from (f"no longer tests {_shown(leaf)}" for leaf in gone)
    yield from (f"now also tests {_shown(leaf)}" for leaf in come)
    if gone or come or _combined_otherwise(old, new, pairs):
        yield f"now fires {'when ' + in_words(new) if new is not None else 'always'}"


def _unmatched(old: list[Leaf], new: list[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    """The conditions of each side that the other does not have, one for one."""
    come = list(new)
    gone = []
    for leaf in old:
        twin = next((each for each in come if _same(leaf, each)), None)
        if twin is None:
            gone.append(leaf)
        else:
            come.remove(twin)
    return gone, come


def _same(one: Leaf, other: Leaf) -> bool:
    return one[1] == other[1] and meaning(one[0]) == meaning(other[0])


def _paired(gone: list[Leaf], come: list[Leaf], kind: Any) -> list[tuple[Leaf, Leaf]]:
    """Conditions of the same ``kind`` from both sides; they are taken out of both lists."""
    pairs = []
    for leaf in list(gone):
        twin = next((each for each in come if kind(each) == kind(leaf)), None)
        if twin is not None:
            pairs.append((leaf, twin))
            gone.remove(leaf)
            come.remove(twin)
    return pairs


def _pair(before: Leaf, after: Leaf) -> str:
    one, two = before[0], after[0]
    text = f"{_shown(before)} is now {_shown(after)}"
    if one.operator is two.operator and one.operator.orders and before[1] == after[1]:
        less = _met_less_often(one, two)
        if less is not None:
            return f"{text} (met {'less' if less != before[1] else 'more'} often)"
    return text


def _met_less_often(one: Condition, two: Condition) -> bool | None:
    if not isinstance(one.right, Decimal) or not isinstance(two.right, Decimal):
        return None
    up = one.operator in (Operator.GREATER, Operator.AT_LEAST)
    return (two.right > one.right) == up


def _shown(leaf: Leaf) -> str:
    return f"not {leaf[0].text}" if leaf[1] else leaf[0].text


def _combined_otherwise(old: Node | None, new: Node | None, pairs: list[tuple[Leaf, Leaf]]) -> bool:
    """Whether more is different than the conditions in ``pairs``."""
    if old is None or new is None:
        return False
    before = {after[0].text: former[0] for former, after in pairs}

    def restored(node: Node) -> Node:
        if isinstance(node, Condition):
            return before.get(node.text, node)
        return Group(node.combination, tuple(restored(part) for part in node.parts))

    return meaning(restored(new)) != meaning(old)
