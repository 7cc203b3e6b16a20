"""Small policies for tests, and what they say of a quote."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.approval.state import TestedValue
from domain.policy.document import Policy, read_policy
from domain.policy.evaluate import Evaluation, compile_policy
from domain.pricing import PricedQuote
from domain.refusal import Refusal
from tests.domain.sample_quote import priced

DAY = date(2027, 2, 1)


def rule(rule_id: str = "r", when: Any = None, **more: Any) -> dict[str, Any]:
    whole = {"id": rule_id, "approver": "ann", "when": when, **more}
    return {name: value for name, value in whole.items() if value is not None}


def policy(*rules: dict[str, Any], **more: Any) -> Policy:
    return read_policy({"policy": "standard", "rules": list(rules), **more})


def evaluate(paper: Policy, quote: PricedQuote | None = None, on: date = DAY, status: str = "draft") -> Evaluation:
    return compile_policy(paper).evaluate(quote or priced(), on, status=status)


def shown(when: Any, quote: PricedQuote | None = None, **more: Any) -> TestedValue:
    """The first condition of a rule that fires when ``when``, as tested."""
    return evaluate(policy(rule(when=when), **more), quote).results[0].conditions[0]


def fires(when: Any, quote: PricedQuote | None = None, **more: Any) -> bool:
    return evaluate(policy(rule(when=when), **more), quote).results[0].fired


def refused(**document: Any) -> list[tuple[str, str]]:
    """Code and path of every problem with which a policy with these fields is refused."""
    try:
        read_policy({"policy": "standard", **document})
    except Refusal as refusal:
        return [(problem.code, problem.path) for problem in refusal.problems]
    return []
