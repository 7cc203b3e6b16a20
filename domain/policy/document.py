"""The policy document: variables, chains and rules as a policy owner writes them (``spec/approvals.md`` 2).

A published version never changes. What later releases bring is refused by name (``not_built_yet``), never ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from domain.calendar import Sla
from domain.policy.conditions import Condition, Node, Reference, leaves, read_when
from domain.policy.facts import LINE_FIELDS
from domain.quote import FreeText, Identifier, LocalDate, Text
from domain.reading import problem_error, read_model
from domain.refusal import Problem, Refusal

AGGREGATES = ("sum", "avg", "min", "max", "count")
UNCHAINED = "unchained"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _decimal(value: Any) -> Decimal:
    """A bare number of a policy or directory file, or a text: both are exact."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise problem_error("invalid_number", "must be a plain decimal")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise problem_error("invalid_number", f"{value!r} is no decimal") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise problem_error("invalid_number", "must be a decimal with at most 18 digits before the point")
    return number


PlainNumber = Annotated[Decimal, BeforeValidator(_decimal)]


class FieldApprover(Part):
    """The user whose id stands in a field of the quote."""

    field: Text


class ManagerApprover(Part):
    """The manager, ``level`` steps up, of the user in a field of the quote (``owner``), or of a user."""

    manager_of: Text
    level: Annotated[int, Field(ge=1, le=20)] = 1


def _kind_of_approver(value: Any) -> str | None:
    if isinstance(value, str):
        return "(id)"
    if isinstance(value, FieldApprover | ManagerApprover):
        return "(field)" if isinstance(value, FieldApprover) else "(manager)"
    if isinstance(value, Mapping) and ("field" in value or "manager_of" in value):
        return "(field)" if "field" in value else "(manager)"
    return None


ApproverName = Annotated[
    Annotated[Identifier, Tag("(id)")]
    | Annotated[FieldApprover, Tag("(field)")]
    | Annotated[ManagerApprover, Tag("(manager)")],
    Discriminator(
        _kind_of_approver,
        custom_error_type="invalid_choice",
        custom_error_message="name an approver by its id, or write {field: …} or {manager_of: …}",
    ),
]


def _kind_of_smart(value: Any) -> str | None:
    if isinstance(value, bool):
        return "(all)"
    return "(some)" if isinstance(value, list | tuple) else None


Smart = Annotated[
    Annotated[bool, Tag("(all)")] | Annotated[tuple[Text, ...], Tag("(some)")],
    Discriminator(
        _kind_of_smart,
        custom_error_type="invalid_choice",
        custom_error_message="write true, or a list of conditions of this rule",
    ),
]


class ChainPart(Part):
    """A lane; it starts when the lanes named in ``after`` are done."""

    after: tuple[Identifier, ...] = ()


class RulePart(Part):
    """When these conditions hold, this approver must approve, at a step of a chain or unchained.

    ``from`` and ``until`` are inclusive dates; outside them the rule does not fire.
    """

    id: Identifier
    chain: Identifier | None = None
    step: Annotated[int, Field(ge=0, le=10_000)] = 1
    approver: ApproverName
    when: Any = None
    smart: Smart = False
    tolerance: Mapping[Text, PlainNumber] = Field(default_factory=dict)
    reevaluate_individually: bool = False
    reason: FreeText | None = None
    sla: Sla | None = None
    explicit: bool = False
    active: bool = True
    from_: LocalDate | None = Field(default=None, alias="from")
    until: LocalDate | None = None
    skip_when_status: tuple[Text, ...] = ()

    @cached_property
    def conditions(self) -> Node | None:
        """The condition tree; ``None`` fires always."""
        return None if self.when is None else read_when(self.when, f"rules.{self.id}.when")

    @cached_property
    def smart_texts(self) -> frozenset[str]:
        """The conditions (spaces folded) that smart approval watches."""
        if isinstance(self.smart, bool):
            return frozenset(leaf.text for leaf, _ in leaves(self.conditions)) if self.smart else frozenset()
        return frozenset(" ".join(text.split()) for text in self.smart)


class Variable(Part):
    """A value computed once per evaluation: an aggregate over lines with a ``where``, or a discount in percent."""

    kind: Literal["sum", "avg", "min", "max", "count", "discount"]
    field: str | None = None
    where: Any = None
    list: str | None = None
    net: str | None = None


class Policy(Part):
    """One versioned policy; ``version`` is set when it is published."""

    policy: Identifier
    version: Annotated[int, Field(ge=1)] | None = None
    description: FreeText | None = None
    fallback: Identifier | None = None
    self_approval: Literal["next_manager", "fail"] = "next_manager"
    smart_mode: Literal["any_worse", "salesforce"] = "any_worse"
    watchers: tuple[Identifier, ...] = ()
    variables: Mapping[str, Any] = Field(default_factory=dict)
    chains: Mapping[Identifier, ChainPart | None] = Field(default_factory=dict)
    rules: tuple[RulePart, ...] = ()
    matrix: Any = None

    @cached_property
    def variable(self) -> Mapping[str, Variable]:
        """The variables by name, read."""
        return {name: read_variable(name, spec) for name, spec in self.variables.items()}

    def rule(self, rule_id: str) -> RulePart | None:
        """The rule of that id."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def fingerprint(self, rule: RulePart) -> str:
        """A hash of all that makes the rule what it is: conditions, their variables, smart, tolerance, approver."""
        names = sorted(self._variables_of(rule.conditions))
        content = {
            "when": rule.when,
            "variables": {name: self.variables[name] for name in names},
            "smart": sorted(rule.smart_texts),
            "tolerance": {name: str(value.normalize()) for name, value in sorted(rule.tolerance.items())},
            "approver": rule.model_dump(mode="json")["approver"],
        }
        text = json.dumps(content, sort_keys=True, default=str, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _variables_of(self, node: Node | None) -> set[str]:
        found: set[str] = set()
        waiting = [name for leaf, _ in leaves(node) for name in names_in(leaf)]
        while waiting:
            name = waiting.pop()
            if name in self.variable and name not in found:
                found.add(name)
                waiting.extend(self.names_used_by(name))
        return found

    def names_used_by(self, variable: str) -> tuple[str, ...]:
        """The header fields and variables that a variable is computed from. Line fields hide them in a ``where``."""
        spec = self.variable[variable]
        if spec.kind == "discount":
            return (str(spec.list), str(spec.net))
        where = None if spec.where is None else read_when(spec.where, f"variables.{variable}.where")
        return tuple(name for leaf, _ in leaves(where) for name in names_in(leaf) if name not in LINE_FIELDS)


def names_in(condition: Condition) -> Iterator[str]:
    """The names that a condition reads."""
    yield condition.name
    if isinstance(condition.right, Reference):
        yield condition.right.name


def read_variable(name: str, spec: Any) -> Variable:
    """The variable written as ``spec``. Codes: ``invalid_variable``, ``not_built_yet``."""
    path = f"variables.{name}"
    if isinstance(spec, dict):
        words = [word for word in spec if word != "where"]
        if words == ["discount"] and isinstance(spec["discount"], dict) and "where" not in spec:
            inner = spec["discount"]
            if set(inner) == {"list", "net"} and all(isinstance(value, str) for value in inner.values()):
                return Variable(kind="discount", list=inner["list"], net=inner["net"])
        elif len(words) == 1 and words[0] in AGGREGATES and isinstance(spec[words[0]], str):
            return _aggregate(words[0], spec[words[0]], spec.get("where"), path)
    if isinstance(spec, str | int | Decimal) and not isinstance(spec, bool):
        raise Refusal("not_built_yet", "variables with arithmetic are not built yet", path)
    raise Refusal(
        "invalid_variable",
        "write an aggregate such as {max: lines.discount_percent, where: ...}, or {discount: {list: …, net: …}}",
        path,
    )


def _aggregate(word: str, target: str, where: Any, path: str) -> Variable:
    field = target.removeprefix("lines.") if target.startswith("lines.") else None
    if (field is None) != (target == "lines") or (field is None and word != "count"):
        raise Refusal("invalid_variable", f"{word} is taken of lines.FIELD (count also of lines)", path)
    if where is not None:
        read_when(where, f"{path}.where")
    return Variable.model_validate({"kind": word, "field": field, "where": where})


def read_policy(data: Any) -> Policy:
    """The policy in ``data`` (a decoded document), or a :class:`Refusal` that names every problem by its path."""
    policy = read_model(Policy, data)
    problems = list(_problems(policy))
    if problems:
        raise Refusal.of(problems)
    return policy


def _problems(policy: Policy) -> Iterator[Problem]:
    if policy.matrix is not None:
        yield Problem("not_built_yet", "matrix tables are not built yet; write the rules out", "matrix")
    if policy.smart_mode == "salesforce":
        yield Problem("not_built_yet", "smart_mode salesforce is not built yet; use any_worse", "smart_mode")
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
    if rule.reevaluate_individually:
        yield Problem("not_built_yet", "it goes with smart_mode salesforce", f"{path}.reevaluate_individually")
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
