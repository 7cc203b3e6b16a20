"""Policies: 1,000 rules over quotes of 10, 200 and 2,000 lines, beside the same rules in other engines, in one run.

Half of the rules test header fields, half aggregates of the lines under a ``where``, a fifth has numbered logic. The
peers get what suits them best: zen-engine all rules as one decision graph and one call, rule-engine compiled rules
over plain dictionaries. What would take minutes is measured on a part of the rules and multiplied; the figures say so.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bench.measure import Figures
from domain.policy.document import Policy, read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from tests.domain.policy import oracle

RULES = 1000
SIZES = (10, 200, 2000)
DAY = date(2027, 2, 1)
FAMILIES = [f"F{number}" for number in range(20)]
PART = 40
"""How many rules a slow peer is measured on."""
SECONDS = 2.0
"""About how long each figure may take."""


class Rules:
    """The same rules in the words of each engine, the same for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.variables: dict[str, Any] = {}
        self.ours: list[dict[str, Any]] = []
        self.zen: list[str] = []
        self.python: list[str] = []
        for number in range(RULES):
            self._add(number)

    def _add(self, number: int) -> None:
        tests = [self._header() for _ in range(2)] if number % 2 == 0 else [self._aggregate(number), self._header()]
        if number % 5 == 0:
            tests.append(self._header())
            when: Any = {"conditions": [test[0] for test in tests], "logic": "1 AND (2 OR NOT 3)"}
            joined = "({0}) and (({1}) or not ({2}))"
        else:
            when, joined = {"all": [test[0] for test in tests]}, "({0}) and ({1})"
        self.ours.append({"id": f"r{number}", "approver": "ann", "when": when})
        self.zen.append(joined.format(*(test[1] for test in tests)))
        self.python.append(joined.format(*(test[2] for test in tests)))

    def _header(self) -> tuple[str, str, str]:
        kind = self._random.randrange(3)
        if kind == 0:
            text = f"net_total > {self._random.randint(1_000, 900_000)}"
            return text, text, text
        if kind == 1:
            text = f"score >= {self._random.randint(0, 100)}"
            return text, text, text
        region = self._random.choice(("US", "EU", "JP"))
        return f"region = {region}", f"region == '{region}'", f"region == '{region}'"

    def _aggregate(self, number: int) -> tuple[str, str, str]:
        name, family = f"v{number}", self._random.choice(FAMILIES)
        discount, limit = self._random.randint(0, 40), self._random.randint(1, 1_000)
        field = self._random.choice(("net_total", "quantity"))
        self.variables[name] = {
            "sum": f"lines.{field}",
            "where": {"all": [f"family = {family}", f"discount_percent > {discount}"]},
        }
        zen = (
            f"sum(map(filter(lines, #.family == '{family}' and #.discount_percent > {discount}), #.{field})) > {limit}"
        )
        picked = f"[l.{field} for l in lines if l.family == '{family}' and l.discount_percent > {discount}]"
        return f"{name} > {limit}", zen, f"$sum({picked}) > {limit}"

    def policy(self) -> Policy:
        return read_policy({"policy": "bench", "variables": self.variables, "rules": self.ours})


def quote_of(lines: int, seed: int) -> PricedQuote:
    """A random quote with so many lines."""
    dice = random.Random(seed)
    document = {
        "quote_id": "Q", "title": "bench", "owner": "rosa", "currency": "USD",
        "customer": {"customer_id": "c", "name": "C"},
        "fields": {"region": dice.choice(("US", "EU", "JP")), "score": str(dice.randint(0, 100))},
        "lines": [
            {
                "line_id": f"L{number}", "product": f"P{dice.randint(0, 50)}", "family": dice.choice(FAMILIES),
                "kind": "one_time", "quantity": str(dice.randint(1, 50)),
                "list_price": f"{dice.randint(1, 99_999) / 100:.2f}", "discount_percent": str(dice.randint(0, 45)),
            }
            for number in range(lines)
        ],
    }  # fmt: skip
    return price(read_quote(document))


def plain(priced: PricedQuote) -> dict[str, Any]:
    """The quote as the plain values that the peers take: floats, where they know no decimals."""
    return {
        "net_total": float(priced.net_total),
        "region": priced.quote.fields["region"],
        "score": float(priced.quote.fields["score"]),
        "lines": [
            {
                "family": each.line.family,
                "discount_percent": float(each.line.discount_percent),
                "net_total": float(each.net_total),
                "quantity": float(each.line.quantity),
            }
            for each in priced.lines
        ],
    }


def best(call: Callable[[], object]) -> float:
    """The shortest of several calls in milliseconds: what the work takes when nothing else is in the way."""
    found, spent = float("inf"), 0.0
    for _ in range(200):
        begin = time.perf_counter()
        call()
        took = time.perf_counter() - begin
        found, spent = min(found, took), spent + took
        if spent > SECONDS:
            break
    return found * 1000


def run() -> tuple[list[Figures], Mapping[str, Any]]:
    """A line for each size, and the figures for the results file. All engines are checked to agree first."""
    rules = Rules()
    policy = rules.policy()
    compiled = compile_policy(policy)
    lines: list[Figures] = []
    for size in SIZES:
        quote = quote_of(size, seed=size)
        _check(rules, policy, compiled, quote)
        ours = best(lambda quote=quote: compiled.evaluate(quote, DAY))  # type: ignore[misc]
        explained = best(lambda quote=quote: _explained(compiled, quote))  # type: ignore[misc]
        zen = best(_zen(rules, quote))
        other = best(_rule_engine(rules, quote)) * RULES / PART
        naive = best(lambda quote=quote: oracle.fired(_part(policy), quote, DAY)) * RULES / PART  # type: ignore[misc]
        lines.append(
            {
                "lines": size,
                "ms": round(ours, 2),
                "explained_ms": round(explained, 2),
                "zen_ms": round(zen, 1),
                "rule_engine_ms": round(other),
                "naive_ms": round(naive),
                "vs_zen": round(zen / ours, 1),
                "vs_rule_engine": round(other / ours),
            }
        )
    at_200 = next(line for line in lines if line["lines"] == 200)
    return lines, {
        "policy.eval_ms": at_200["ms"],
        "policy.eval_explained_ms": at_200["explained_ms"],
        "policy.vs_zen": at_200["vs_zen"],
        "policy.vs_rule_engine": at_200["vs_rule_engine"],
        "policy.vs_naive": round(float(at_200["naive_ms"]) / float(at_200["ms"])),
        "policy.sizes": {"rules": RULES, "lines": list(SIZES), "part_of_slow_peers": PART},
    }


def _explained(compiled: CompiledPolicy, quote: PricedQuote) -> list[object]:
    return [result.conditions for result in compiled.evaluate(quote, DAY).results]


def _part(policy: Policy) -> Policy:
    """The first rules with the variables they need."""
    kept = policy.rules[:PART]
    names = {f"v{number}" for number in range(PART)}
    variables = {name: spec for name, spec in policy.variables.items() if name in names}
    rules = [rule.model_dump(by_alias=True, exclude_defaults=True) for rule in kept]
    return read_policy({"policy": "bench", "variables": variables, "rules": rules})


def _zen(rules: Rules, quote: PricedQuote) -> Callable[[], Any]:
    import zen

    expressions = [{"id": str(at), "key": f"r{at}", "value": text} for at, text in enumerate(rules.zen)]
    graph = {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in"},
            {"id": "rules", "type": "expressionNode", "name": "rules", "content": {"expressions": expressions}},
            {"id": "out", "type": "outputNode", "name": "out"},
        ],
        "edges": [
            {"id": "a", "sourceId": "in", "targetId": "rules", "type": "edge"},
            {"id": "b", "sourceId": "rules", "targetId": "out", "type": "edge"},
        ],
    }
    decision = zen.ZenEngine().create_decision(json.dumps(graph))
    facts = plain(quote)
    return lambda: decision.evaluate(facts)


def _rule_engine(rules: Rules, quote: PricedQuote) -> Callable[[], list[bool]]:
    import rule_engine

    context = rule_engine.Context(resolver=rule_engine.resolve_item)
    compiled = [rule_engine.Rule(text, context=context) for text in rules.python[:PART]]
    facts = plain(quote)
    return lambda: [rule.matches(facts) for rule in compiled]


def _check(rules: Rules, policy: Policy, compiled: CompiledPolicy, quote: PricedQuote) -> None:
    """Every engine must say the same of every rule it is measured on, or the figures would compare nothing."""
    truths = compiled.evaluate(quote, DAY).truths
    theirs = _zen(rules, quote)()["result"]
    if [theirs[f"r{at}"] for at in range(RULES)] != truths:
        raise RuntimeError("zen-engine and ours differ on some rule")
    if _rule_engine(rules, quote)() != truths[:PART]:
        raise RuntimeError("rule-engine and ours differ on some rule")
    if list(oracle.fired(_part(policy), quote, DAY).values()) != truths[:PART]:
        raise RuntimeError("the naive loop and ours differ on some rule")
