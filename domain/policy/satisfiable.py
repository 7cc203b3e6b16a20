"""Whether a tree of conditions can ever hold: every way through its ``any``s is tried, each name on its own.

Only what is proven is said. Names are taken as independent of each other, a name against a name by the few ways in
which two values can stand to each other; where the work allowed runs out, everything is possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.policy.conditions import Amount, Combination, Condition, Group, Node, Operator, Reference
from domain.policy.possible import TEXTUAL, Demand, Work, is_possible
from domain.policy.vocabulary import Fact, Sort, Vocabulary

Goal = tuple[Node | None, bool]
"""A tree that must hold (or, with false, must not); no tree holds always."""
Leaf = tuple[Condition, bool]

PER_QUESTION = 20_000
"""Steps that one question may take; a policy of people is answered in a few dozen."""
NOT_BLANK = Demand(Operator.IS_NOT_BLANK, None, True)
ORDER = {
    Operator.LESS: frozenset(("less",)),
    Operator.AT_MOST: frozenset(("less", "equal")),
    Operator.GREATER: frozenset(("more",)),
    Operator.AT_LEAST: frozenset(("more", "equal")),
}
ORDERS = frozenset(("less", "equal", "more", "apart"))
EQUALITY = {Operator.EQUAL: frozenset(("same",)), Operator.NOT_EQUAL: frozenset(("other",))}
EQUALITIES = frozenset(("same", "other", "blank"))
TOGETHER = frozenset((
    ("less", "other"), ("more", "other"), ("equal", "same"), ("apart", "other"), ("apart", "blank"),
))  # fmt: skip
"""What order and equality can say of the same two values; texts may be the same number and yet different texts."""
TURNED = {
    Operator.LESS: Operator.GREATER,
    Operator.AT_MOST: Operator.AT_LEAST,
    Operator.GREATER: Operator.LESS,
    Operator.AT_LEAST: Operator.AT_MOST,
}


@dataclass(frozen=True, slots=True)
class Reader:
    """What names mean: of a quote's header, or of its lines.

    ``words_are_texts`` takes an unquoted word that is no known name as the text it most likely is. Without it nothing
    is known of it: a quote may bring a custom field of that name.
    """

    vocabulary: Vocabulary
    work: Work
    line: bool = False
    words_are_texts: bool = False

    def never(self, *goals: Goal) -> bool:
        """Whether it is proven that ``goals`` can never all be reached by one quote (or line)."""
        own = Work(min(PER_QUESTION, self.work.left))
        proven = _Search(self, own).never(goals)
        self.work.spend(own.spent)
        self.work.gave_up |= own.gave_up
        return proven

    def always(self, node: Node) -> bool:
        """Whether it is proven that ``node`` holds for every quote (or line)."""
        return self.never((node, False))


class _Search:
    """One question: the ways through the alternatives that are left to try."""

    def __init__(self, reader: Reader, work: Work) -> None:
        self._reader = reader
        self._work = work

    def never(self, goals: Sequence[Goal]) -> bool:
        waiting: list[tuple[list[Goal], list[Leaf]]] = [(list(goals), [])]
        while waiting:
            pending, found = waiting.pop()
            if not self._work.spend(1 + len(pending) + len(found)):
                return False
            choices = _settle(pending, found)
            if choices is None or not _Way(self._reader, self._work).may_hold(found):
                continue
            if not choices:
                return False
            choices.sort(key=lambda choice: len(choice[0].parts))
            (group, wanted), *others = choices
            if not self._work.spend(len(group.parts) * (len(others) + len(found))):
                return False
            waiting.extend(([*others, (part, wanted)], list(found)) for part in reversed(group.parts))
        return True


def _settle(pending: list[Goal], found: list[Leaf]) -> list[tuple[Group, bool]] | None:
    """Move what must hold in any case from ``pending`` to ``found``. What is left are choices; ``None``: a dead end."""
    choices: list[tuple[Group, bool]] = []
    while pending:
        node, wanted = pending.pop()
        if node is None:
            if not wanted:
                return None
        elif isinstance(node, Condition):
            found.append((node, wanted))
        elif node.combination is Combination.NOT:
            pending.append((node.parts[0], not wanted))
        elif (node.combination is Combination.ALL) == wanted or len(node.parts) == 1:
            pending.extend((part, wanted) for part in node.parts)
        else:
            choices.append((node, wanted))
    return choices


class _Way:
    """Conditions that must all hold (or not), sorted by the names that they are about."""

    def __init__(self, reader: Reader, work: Work) -> None:
        self._reader = reader
        self._work = work
        self._tests: dict[tuple[str, str | None], list[Demand]] = {}
        self._relations: dict[tuple[str, str], list[tuple[Operator, bool]]] = {}

    def may_hold(self, found: Sequence[Leaf]) -> bool:
        """Whether the conditions in ``found`` may hold together."""
        wanted: dict[tuple[object, ...], bool] = {}
        for condition, yes in found:
            # The same condition is as true here as there, whatever is known of it.
            if wanted.setdefault((condition.name, condition.operator, condition.right), yes) != yes:
                return False
            if isinstance(condition.right, Reference):
                self._add_reference(condition, condition.right, yes)
            else:
                self._add_value(condition, yes)
        if not all(self._may_stand(*pair, those) for pair, those in self._relations.items()):
            return False
        return all(is_possible(self._fact(name), those, self._work) for (name, _), those in self._tests.items())

    def _fact(self, name: str) -> Fact:
        return self._reader.vocabulary.fact(name, line=self._reader.line)

    def _is_fixed(self, name: str) -> bool:
        return self._reader.vocabulary.is_fixed(name, line=self._reader.line)

    def _is_name(self, name: str) -> bool:
        """Whether ``name`` on the right side is one for every quote, and never a text."""
        return self._is_fixed(name) or name.startswith(("fields.", "terms."))

    def _bare(self, name: str) -> str:
        return name.removeprefix("lines.") if self._reader.line else name

    def _test(self, name: str, test: Demand, currency: str | None = None) -> None:
        self._tests.setdefault((name, currency), []).append(test)

    def _add_value(self, condition: Condition, yes: bool) -> None:
        right = condition.right
        elements = right if isinstance(right, tuple) else (right,)
        currencies = {each.currency if isinstance(each, Amount) else None for each in elements}
        if len(currencies) > 1:
            return  # which of them is larger depends on the rate
        (currency,) = currencies
        plain = tuple(each.number if isinstance(each, Amount) else each for each in elements)
        value = plain if isinstance(right, tuple) else plain[0]
        # Amounts of one currency stay in their order at any rate, but not to those of another.
        self._test(self._bare(condition.name), Demand(condition.operator, value, yes), currency)

    def _add_reference(self, condition: Condition, right: Reference, yes: bool) -> None:
        name, other, operator = self._bare(condition.name), self._bare(right.name), condition.operator
        if right.otherwise is not None and self._is_text(name, operator, other):
            self._test(name, Demand(operator, right.otherwise, yes))
        elif operator in TEXTUAL:
            if yes:
                self._test(name, NOT_BLANK)
        else:
            # Only where both are names on either side does a > b say the same as b < a.
            if other < name and self._is_name(name) and self._is_name(other):
                name, other, operator = other, name, TURNED.get(operator, operator)
            self._relations.setdefault((name, other), []).append((operator, yes))

    def _is_text(self, name: str, operator: Operator, word: str) -> bool:
        """Whether ``word`` on the right is most likely a text: nobody orders by one, nor has a number that is one."""
        likely = operator not in ORDER and self._fact(name).sort in (Sort.TEXT, Sort.CUSTOM)
        return self._reader.words_are_texts and likely and not self._is_fixed(word)

    def _may_stand(self, left: str, right: str, those: Iterable[tuple[Operator, bool]]) -> bool:
        """Whether two values may stand to each other as all of ``those`` say."""
        order, equality = ORDERS, EQUALITIES
        for operator, yes in those:
            if operator in ORDER:
                order &= ORDER[operator] if yes else ORDERS - ORDER[operator]
            else:
                equality &= EQUALITY[operator] if yes else EQUALITIES - EQUALITY[operator]
        is_name = self._is_name(right)
        if left == right:
            order, equality = order & {"equal", "apart"}, equality & {"same", "blank"}
        if "apart" not in order or "blank" not in equality:
            self._test(left, NOT_BLANK)
            if is_name:
                self._test(right, NOT_BLANK)
        numbers = self._fact(left).sort is Sort.NUMBER or (is_name and self._fact(right).sort is Sort.NUMBER)
        allowed = TOGETHER if numbers else TOGETHER | {("equal", "other")}
        return any(one in order and two in equality for one, two in allowed)
