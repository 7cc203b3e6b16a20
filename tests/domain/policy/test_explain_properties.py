"""Every claim that an explanation makes is true of the changed quote, and no smaller step would do."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.changes import changed
from domain.policy.document import Policy, RulePart, read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.explain import Explanation, explain
from domain.policy.what_if.draft import paths
from domain.policy.what_if.proof import Change
from domain.pricing import price
from domain.quote import read_quote
from domain.refusal import Refusal
from tests.domain.policy.random_policies import policies, quotes
from tests.domain.policy.sample_policy import DAY


def fires(policy: Policy, rule: str, document: Any) -> bool:
    evaluation = compile_policy(policy).evaluate(price(read_quote(document)), DAY)
    return rule in {result.rule.id for result in evaluation.fired}


def holds(policy: Policy, when: Any, document: Any) -> bool:
    asked = RulePart(id="asked", approver="nobody", when=when)
    return fires(Policy.model_construct(policy="p", variables=policy.variables, rules=(asked,)), "asked", document)


def check_claim(policy: Policy, document: Any, told: Explanation, change: Change) -> None:
    after = changed(document, change.paths)
    assert fires(policy, told.rule, after) is not told.fired
    assert holds(policy, change.statement.when, after)
    assert not holds(policy, change.statement.when, document)
    before = {rule.id for rule in policy.rules if fires(policy, rule.id, document)} - {told.rule}
    now = {rule.id for rule in policy.rules if fires(policy, rule.id, after)} - {told.rule}
    assert set(change.adds) == now - before
    assert set(change.drops) == before - now
    if change.nearly is not None:
        try:
            nearly = fires(policy, told.rule, changed(document, paths(change.nearly)))
        except Refusal:
            return  # one step short of it is no quote at all
        assert nearly is told.fired


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), quotes())
def test_every_claim_is_true_of_the_changed_quote_and_tight(written: dict[str, Any], document: dict[str, Any]) -> None:
    policy = read_policy(written)
    compiled, priced = compile_policy(policy), price(read_quote(document))
    told = explain(compiled, priced, DAY)
    assert {each.rule for each in told if each.fired} == set(compiled.evaluate(priced, DAY).fired_ids)
    for each in told:
        changes = [change for change in (each.change, *each.others) if change is not None]
        assert [change.size for change in changes] == sorted(change.size for change in changes)
        assert (each.change is None) is (each.note is not None)
        for change in changes:
            check_claim(policy, document, each, change)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), quotes(), st.integers(0, 2000))
def test_explanations_are_the_same_every_time_and_never_cost_more_than_they_may(
    written: dict[str, Any], document: dict[str, Any], work: int
) -> None:
    compiled, priced = compile_policy(read_policy(written)), price(read_quote(document))
    once = explain(compiled, priced, DAY, most_work=work)
    again = explain(compiled, priced, DAY, most_work=work)
    assert [(each.rule, each.change, each.note) for each in once] == [
        (each.rule, each.change, each.note) for each in again
    ]
