"""The difference of two policies in words, and whether it can change what becomes of a quote.

A change is *cosmetic* when nobody is asked, told or reminded otherwise, and no round ends otherwise, because of it.
Where that cannot be seen from the two documents alone, it is not cosmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.approvers import name_of
from domain.calendar import Sla
from domain.policy.conditions import leaves, names_in
from domain.policy.document import UNCHAINED, ChainPart, Policy, RulePart
from domain.policy.meaning import condition_changes, in_words, meaning, meaning_of_spec


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different: ``path`` says where (``rules.discount-director.step``)."""

    path: str
    text: str
    cosmetic: bool = False

    def __str__(self) -> str:
        return f"{self.text} (cosmetic)" if self.cosmetic else self.text


@dataclass(frozen=True, slots=True)
class Difference:
    """All that is different between two policies, in the order of the document."""

    changes: tuple[Change, ...]

    @property
    def can_change_outcomes(self) -> bool:
        """Whether a quote may be decided by others, in another order, at another time, or otherwise."""
        return any(not change.cosmetic for change in self.changes)

    @property
    def summary(self) -> str:
        """The difference in one sentence."""
        if not self.changes:
            return "they mean the same"
        count = f"{len(self.changes)} {'change' if len(self.changes) == 1 else 'changes'}"
        return f"{count}: {'outcomes can change' if self.can_change_outcomes else 'cosmetic only'}"


def difference(old: Policy, new: Policy) -> Difference:
    """What ``new`` says otherwise than ``old``. Versions are not looked at; tables are compared as their rules."""
    rules = list(_rules(old, new))
    return Difference((*_header(old, new), *_variables(old, new), *_chains(old, new), *rules))


# -- header


def _header(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _value("policy", "the name", old.policy, new.policy)
    yield from _value("fallback", "the fallback", old.fallback, new.fallback)
    yield from _value("self_approval", "self_approval", old.self_approval, new.self_approval)
    yield from _value("smart_mode", "smart_mode", old.smart_mode, new.smart_mode)
    for who in _left_out(new.watchers, old.watchers):
        yield Change("watchers", f"{who} is told of outcomes from now on")
    for who in _left_out(old.watchers, new.watchers):
        yield Change("watchers", f"{who} is no longer told of outcomes")
    yield from _value("description", "the description", old.description, new.description, cosmetic=True)


def _value(path: str, what: str, old: Any, new: Any, *, cosmetic: bool = False) -> Iterator[Change]:
    if old == new:
        return
    if old is None:
        yield Change(path, f"{what} is now {new}", cosmetic)
    elif new is None:
        yield Change(path, f"{what} is gone (it was {old})", cosmetic)
    else:
        yield Change(path, f"{what} goes from {old} to {new}", cosmetic)


def _left_out(some: Iterable[str], others: Iterable[str]) -> list[str]:
    known = set(others)
    return [each for each in dict.fromkeys(some) if each not in known]


# -- variables


def _variables(old: Policy, new: Policy) -> Iterator[Change]:
    for name in dict.fromkeys((*old.variables, *new.variables)):
        path = f"variables.{name}"
        users = dict.fromkeys((*_users(old, name), *_users(new, name)))
        tail = f"; used by {', '.join(users)}" if users else "; no rule uses it"
        if name not in old.variables:
            text = f"variable {name} is added: {in_words(new.variables[name])}"
        elif name not in new.variables:
            text = f"variable {name} is removed (it was {in_words(old.variables[name])})"
        elif meaning_of_spec(old.variables[name], path) != meaning_of_spec(new.variables[name], path):
            text = f"variable {name} goes from {in_words(old.variables[name])} to {in_words(new.variables[name])}"
        else:
            continue
        yield Change(path, text + tail, cosmetic=not users)


def _users(policy: Policy, name: str) -> list[str]:
    return [rule.id for rule in policy.rules if name in _variables_of(policy, rule)] if name in policy.variables else []


def _variables_of(policy: Policy, rule: RulePart) -> set[str]:
    """The variables that the conditions of a rule are computed from."""
    found: set[str] = set()
    waiting = [name for leaf, _ in leaves(rule.conditions) for name in names_in(leaf)]
    while waiting:
        name = waiting.pop()
        if name in policy.variables and name not in found:
            found.add(name)
            waiting.extend(policy.names_used_by(name))
    return found


# -- chains


def _chains(old: Policy, new: Policy) -> Iterator[Change]:
    for name in dict.fromkeys((*old.chains, *new.chains)):
        path, used = f"chains.{name}", _is_used(old, name) or _is_used(new, name)
        before, after = (policy.chains.get(name) or ChainPart() for policy in (old, new))
        if name not in old.chains:
            waits = f", which starts after {', '.join(after.after)}" if after.after else ""
            yield Change(path, f"lane {name} is added{waits}", cosmetic=not used)
        elif name not in new.chains:
            yield Change(path, f"lane {name} is removed", cosmetic=not used and not before.after)
        elif set(before.after) != set(after.after):
            text = f"lane {name} starts {_waits(after)} (it started {_waits(before)})"
            yield Change(f"{path}.after", text)
    if _reordered(list(old.chains), list(new.chains)):
        yield Change("chains", f"lanes are shown in another order: {', '.join(new.chains)}", cosmetic=True)


def _is_used(policy: Policy, chain: str) -> bool:
    return any(rule.chain == chain for rule in policy.rules)


def _waits(chain: ChainPart) -> str:
    return f"after {', '.join(chain.after)}" if chain.after else "at once"


def _reordered(old: Sequence[str], new: Sequence[str]) -> bool:
    return [each for each in old if each in new] != [each for each in new if each in old]


# -- rules


def _rules(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = ({rule.id: rule for rule in policy.rules} for policy in (old, new))
    for name in dict.fromkeys((*after, *before)):
        path = f"rules.{name}"
        if name not in before:
            yield Change(path, f"rule {name} is added: {_told(after[name])}", cosmetic=not after[name].active)
        elif name not in after:
            yield Change(path, f"rule {name} is removed (it was: {_told(before[name])})", not before[name].active)
        else:
            yield from _rule(old, new, before[name], after[name])
    if _reordered(list(before), list(after)):
        yield Change("rules", "rules stand in another order; side by side they are shown in it", cosmetic=True)


def _told(rule: RulePart) -> str:
    place = f"step {rule.step} of {rule.chain}" if rule.chain else f"step {rule.step} outside chains"
    when = in_words(rule.conditions) if rule.conditions is not None else None
    state = "" if rule.active else "not active; "
    return f"{state}{name_of(rule.approver)} approves at {place} {f'when {when}' if when else 'always'}"


def _rule(old: Policy, new: Policy, before: RulePart, after: RulePart) -> Iterator[Change]:
    dead = not before.active and not after.active
    found = list(_rule_fields(old, new, before, after))
    for change in found:
        yield Change(change.path, f"rule {after.id}: {change.text}", dead or change.cosmetic)
    if not dead and after.smart_texts and _is_only_rewritten(old, new, before, after, found):
        # Smart approval compares the rule as it is written: a new spelling is a rule that nobody approved yet.
        text = "is written otherwise and means the same; who approved it before is asked once more"
        yield Change(f"rules.{after.id}", f"rule {after.id}: {text}")


def _is_only_rewritten(old: Policy, new: Policy, before: RulePart, after: RulePart, found: Sequence[Change]) -> bool:
    told = any(change.path.rpartition(".")[2] in ("when", "smart", "approver") for change in found)
    told = told or any("tolerance" in change.path for change in found)
    changed = {change.path.removeprefix("variables.") for change in _variables(old, new)}
    told = told or bool(changed & {*_variables_of(old, before), *_variables_of(new, after)})
    return not told and old.fingerprint(before) != new.fingerprint(after)


def _rule_fields(old: Policy, new: Policy, before: RulePart, after: RulePart) -> Iterator[Change]:
    path = f"rules.{after.id}"
    yield from _value(f"{path}.active", "active", before.active, after.active)
    yield from _value(f"{path}.chain", "the lane", before.chain or UNCHAINED, after.chain or UNCHAINED)
    if before.step != after.step:
        moved = before.chain != after.chain or _passes_another(old, new, before, after)
        text = f"moves from step {before.step} to step {after.step}" + ("" if moved else ", in the same order")
        yield Change(f"{path}.step", text, cosmetic=not moved)
    if before.approver != after.approver:
        text = f"is decided by {name_of(after.approver)}, no longer by {name_of(before.approver)}"
        yield Change(f"{path}.approver", text)
    if meaning(before.conditions) != meaning(after.conditions):
        for text in condition_changes(before.conditions, after.conditions):
            yield Change(f"{path}.when", text)
    yield from _smart(path, before, after)
    yield from _sla(path, before.sla, after.sla)
    yield from _value(f"{path}.explicit", "explicit", before.explicit, after.explicit)
    yield from _value(f"{path}.from", "the first day", before.from_, after.from_)
    yield from _value(f"{path}.until", "the last day", before.until, after.until)
    statuses = [", ".join(sorted({each.casefold() for each in rule.skip_when_status})) for rule in (before, after)]
    yield from _value(f"{path}.skip_when_status", "skip_when_status", statuses[0] or None, statuses[1] or None)
    one, two = before.reevaluate_individually, after.reevaluate_individually
    yield from _value(f"{path}.reevaluate_individually", "reevaluate_individually", one, two)
    yield from _value(f"{path}.reason", "the reason", _quoted(before.reason), _quoted(after.reason), cosmetic=True)


def _passes_another(old: Policy, new: Policy, before: RulePart, after: RulePart) -> bool:
    """Whether it comes before, beside or behind another rule of its lane that it did not before."""
    steps = {rule.id: rule.step for rule in old.rules if rule.chain == before.chain}
    others = {rule.id: rule.step for rule in new.rules if rule.chain == after.chain and rule.id in steps}
    return any(_side(before.step, steps[name]) != _side(after.step, step) for name, step in others.items())


def _side(one: int, other: int) -> int:
    return (one > other) - (one < other)


def _smart(path: str, before: RulePart, after: RulePart) -> Iterator[Change]:
    # A watched condition that went or changed is told as such already.
    both = {text for rule in (before, after) for text in rule.smart_texts}
    kept = [text for text in sorted(both) if text in _texts(before) and text in _texts(after)]
    for text in kept:
        if text not in before.smart_texts:
            yield Change(f"{path}.smart", f"smart approval watches {text}")
        elif text not in after.smart_texts:
            yield Change(f"{path}.smart", f"smart approval no longer watches {text}")
    for name in dict.fromkeys((*before.tolerance, *after.tolerance)):
        one, two = before.tolerance.get(name), after.tolerance.get(name)
        yield from _value(f"{path}.tolerance.{name}", f"the tolerance of {name}", one, two)


def _texts(rule: RulePart) -> set[str]:
    from domain.policy.conditions import leaves

    return {leaf.text for leaf, _ in leaves(rule.conditions)}


def _sla(path: str, before: Sla | None, after: Sla | None) -> Iterator[Change]:
    words = {"remind": "is reminded after", "again": "is reminded again every", "escalate": "is handed over after"}
    words |= {"to": "is handed over to", "on_timeout": "at the end of the ladder:"}
    one: Mapping[str, Any] = before.model_dump() if before else {}
    two: Mapping[str, Any] = after.model_dump() if after else {}
    for name, what in words.items():
        was, now = one.get(name), two.get(name)
        if was != now:
            yield Change(f"{path}.sla.{name}", f"{what} {now or 'never'} (it was {was or 'never'})")


def _quoted(text: str | None) -> str | None:
    return f"“{text}”" if text is not None else None
