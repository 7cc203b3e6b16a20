"""The policy document: variables, chains and rules as a policy owner writes them (``spec/approvals.md`` 2).

A published version never changes. Rows of ``matrix`` tables become rules when the document is read
(:mod:`domain.policy.matrix`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from domain.calendar import Sla
from domain.policy.conditions import Node, leaves, names_in, read_when
from domain.policy.variables import Variable, read_variable
from domain.quote import AnyDate, FreeText, Identifier, Text
from domain.reading import problem_error, read_model
from domain.refusal import Refusal

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


ConditionNumber = Annotated[int, Field(strict=True, ge=1)]
Smart = Annotated[
    Annotated[bool, Tag("(all)")] | Annotated[tuple[ConditionNumber | Text, ...], Tag("(some)")],
    Discriminator(
        _kind_of_smart,
        custom_error_type="invalid_choice",
        custom_error_message="write true, or a list of conditions of this rule (or their numbers)",
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
    from_: AnyDate | None = Field(default=None, alias="from")
    until: AnyDate | None = None
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
        return frozenset(self._watched(each) for each in self.smart)

    def _watched(self, named: int | str) -> str:
        """The condition that ``smart`` names by its text, or by its number in ``conditions``."""
        if isinstance(named, str):
            return " ".join(named.split())
        numbered = self.when.get("conditions", ()) if isinstance(self.when, Mapping) else ()
        return " ".join(str(numbered[named - 1]).split()) if named <= len(numbered) else f"condition {named}"


class Policy(Part):
    """One versioned policy; ``version`` is set when it is published. ``reasons`` are those a rejection may have."""

    policy: Identifier
    version: Annotated[int, Field(ge=1)] | None = None
    description: FreeText | None = None
    fallback: Identifier | None = None
    self_approval: Literal["next_manager", "fail"] = "next_manager"
    smart_mode: Literal["any_worse", "salesforce"] = "any_worse"
    watchers: tuple[Identifier, ...] = ()
    reasons: Mapping[Identifier, FreeText | None] = Field(default_factory=dict)
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
        return self.variable[variable].names


def read_policy(data: Any) -> Policy:
    """The policy in ``data`` (a decoded document), or a :class:`Refusal` that names every problem by its path.

    Codes: those of the document, ``duplicate_id``, ``unknown_chain``, ``cycle``, ``invalid_condition``,
    ``invalid_variable``, ``invalid_matrix``, ``unknown_condition``, ``unknown_field``.
    """
    from domain.policy.document_checks import policy_problems
    from domain.policy.matrix import expanded

    policy = expanded(read_model(Policy, data))
    problems = list(policy_problems(policy))
    if problems:
        raise Refusal.of(problems)
    return policy
