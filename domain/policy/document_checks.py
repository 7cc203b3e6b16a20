"""What must hold between the parts of a policy; each problem has its code and its path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from domain.policy.conditions import leaves
from domain.policy.document import UNCHAINED, ChainPart, Policy, RulePart
from domain.policy.variables import read_variable
from domain.refusal import Problem, Refusal


def policy_problems(policy: Policy) -> Iterator[Problem]:
    """What must hold between the parts of a policy before anybody works with it."""
    for rule_id, times in Counter(rule.id for rule in policy.rules).items():
        if times > 1:
            yield Problem("duplicate_id", f"the rule stands {times} times", f"rules.{rule_id}")
    yield from _variable_problems(policy)
    yield from _chain_problems(policy)
    for rule in policy.rules:
        yield from _rule_problems(policy, rule)


def _variable_problems(policy: Policy) -> Iterator[Problem]:
    readable = True
    for name, spec in policy.variables.items():
        try:
            read_variable(name, spec)
        except Refusal as refusal:
            readable = False
            yield from refusal.problems
    if readable:
        for name in policy.variables:
            if name in _reachable(policy, name):
                yield Problem("cycle", f"{name} is computed from itself", f"variables.{name}")


def _reachable(policy: Policy, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in policy.names_used_by(waiting.pop()):
            if name in policy.variables and name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _chain_problems(policy: Policy) -> Iterator[Problem]:
    chains = {name: chain or ChainPart() for name, chain in policy.chains.items()}
    for name, chain in chains.items():
        for other in chain.after:
            if other not in chains:
                yield Problem("unknown_chain", f"{other} is no chain of this policy", f"chains.{name}.after")
        seen, waiting = set[str](), list(chain.after)
        while waiting:
            other = waiting.pop()
            if other not in seen and other in chains:
                seen.add(other)
                waiting.extend(chains[other].after)
        if name in seen:
            yield Problem("cycle", f"the lane {name} waits for itself", f"chains.{name}.after")
    if UNCHAINED in chains:
        yield Problem("invalid_id", f"{UNCHAINED} is the name of the lane without a chain", f"chains.{UNCHAINED}")


def _rule_problems(policy: Policy, rule: RulePart) -> Iterator[Problem]:
    path = f"rules.{rule.id}"
    if rule.chain is not None and rule.chain not in policy.chains:
        yield Problem("unknown_chain", f"{rule.chain} is no chain of this policy", f"{path}.chain")
    if rule.from_ and rule.until and rule.until < rule.from_:
        yield Problem("dates_out_of_order", "until lies before from", f"{path}.until")
    try:
        texts = {leaf.text for leaf, _ in leaves(rule.conditions)}
    except Refusal as refusal:
        yield from refusal.problems
        return
    for leaf, _ in leaves(rule.conditions):
        if leaf.name.startswith("lines."):
            yield Problem(
                "unknown_field", f"{leaf.name} differs by line; test a variable that aggregates it", f"{path}.when"
            )
    yield from _tolerance_problems(rule, path)
    for text in sorted(rule.smart_texts - texts):
        yield Problem("unknown_condition", f"{text!r} is no condition of this rule", f"{path}.smart")


def _tolerance_problems(rule: RulePart, path: str) -> Iterator[Problem]:
    watched = {leaf.name for leaf, _ in leaves(rule.conditions) if leaf.text in rule.smart_texts}
    for name, value in rule.tolerance.items():
        if name not in watched:
            yield Problem(
                "unknown_condition", f"no smart condition of this rule tests {name}", f"{path}.tolerance.{name}"
            )
        if value < 0:
            yield Problem("invalid_number", "a tolerance is 0 or more", f"{path}.tolerance.{name}")
