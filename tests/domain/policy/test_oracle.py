"""The fast evaluator against the straightforward one, on random policies and quotes (``--oracle-cases N``)."""

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.policy.document import Policy, read_policy
from domain.policy.evaluate import compile_policy
from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from tests.domain.policy import oracle

DAY = date(2027, 2, 1)
RULES = 100
FAMILIES = ("Imaging", "Software", "Services", "net_total", "Gold")
TEXTS = ("Gold", "silver", "Net 60", "12", "12.0", "-3.5", "2027-01-31", "region", "tier", " ")
NAMES = ("net_total", "list_total", "line_count", "tier", "region", "score", "fields.score", "terms.payment_terms",
         "start_date", "owner", "missing", "payment_terms")  # fmt: skip
LINE_NAMES = ("family", "product", "quantity", "discount_percent", "net_total", "list_price", "grade", "fields.grade",
              "description", "end_date", "tier", "score", "v0")  # fmt: skip
ORDERS = ("<", "<=", ">", ">=")
VALUES = ("0", "5", "12", "12.0", "7.5", "100", "1000.00", "-3.5", "Gold", "silver", "Net 60", "Imaging", "tier",
          "score", "grade", "net_total", "list_price", "fields.score", "500 EUR", "2027-01-31", '"Gold"')  # fmt: skip


class Dice:
    """Random documents, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def condition(self, names: tuple[str, ...]) -> str:
        name = self.random.choice(names)
        kind = self.random.randrange(10)
        if kind < 5:
            value = self.random.choice(VALUES)
            operator = self.random.choice((*ORDERS, "=", "!="))
            return f"{name} {operator} {value}"
        if kind < 7:
            listed = ", ".join(self.random.sample(VALUES, self.random.randint(1, 3)))
            return f"{name} {self.random.choice(('in', 'not in'))} {listed}"
        if kind < 9:
            word = self.random.choice(("contains", "not contains", "starts with", "ends with"))
            return f"{name} {word} {self.random.choice(('o', 'Go', '1', 'Net', 'tier'))}"
        return f"{name} {self.random.choice(('is blank', 'is not blank'))}"

    def when(self, names: tuple[str, ...], depth: int = 0) -> Any:
        kind = self.random.randrange(8)
        if depth > 2 or kind < 3:
            return self.condition(names)
        if kind == 3:
            return {"not": self.when(names, depth + 1)}
        if kind == 4:
            texts = [self.condition(names) for _ in range(3)]
            return {"conditions": texts, "logic": self.random.choice(("1 AND (2 OR NOT 3)", "not 1 or 2 and 3"))}
        parts = [self.when(names, depth + 1) for _ in range(self.random.randint(1, 3))]
        return {self.random.choice(("all", "any")): parts}

    def variable(self, earlier: tuple[str, ...]) -> Any:
        kind = self.random.choice(("sum", "avg", "min", "max", "count", "count", "formula", "discount"))
        if kind == "discount":
            return {"discount": {"list": "list_total", "net": "net_total"}}
        if kind == "formula":
            one, two = (self.random.choice((*NAMES[:7], *earlier, "2", "0")) for _ in range(2))
            return f"({one} {self.random.choice('+-*/×÷−')} {two}) * 2 - 1.5"
        field = self.random.choice(("quantity", "net_total", "discount_percent", "grade", "end_date", "list_price"))
        target = "lines" if kind == "count" and self.random.random() < 0.5 else f"lines.{field}"
        spec: dict[str, Any] = {kind: target}
        if self.random.random() < 0.8:
            spec["where"] = self.when(LINE_NAMES[:-1])
        return spec

    def policy(self) -> Policy:
        variables: dict[str, Any] = {}
        for number in range(20):
            variables[f"v{number}"] = self.variable(tuple(variables))
        names = (*NAMES, *variables)
        rules = [
            {"id": f"r{number}", "approver": "ann", "when": self.when(names), "until": until}
            for number, until in enumerate(self.random.choices((None, "2027-01-31"), (4, 1), k=RULES))
        ]  # fmt: skip
        return read_policy({"policy": "p", "variables": variables, "rules": rules})

    def quote(self) -> PricedQuote:
        lines = [self.line(number) for number in range(self.random.choice((1, 3, 10, 40)))]
        fields = {
            name: self.random.choice(TEXTS)
            for name in ("tier", "region", "score", "Gold")
            if self.random.random() < 0.7
        }
        document = {
            "quote_id": "Q", "title": "t", "owner": "rosa", "currency": "USD", "rates": {"EUR": "1.08"},
            "customer": {"customer_id": "c", "name": "C"}, "start_date": "2027-01-01", "fields": fields,
            "terms": {"payment_terms": self.random.choice(TEXTS)}, "lines": lines,
        }  # fmt: skip
        return price(read_quote(document))

    def line(self, number: int) -> dict[str, Any]:
        line: dict[str, Any] = {
            "line_id": f"L{number}", "product": self.random.choice("ABC"), "family": self.random.choice(FAMILIES),
            "quantity": str(Decimal(self.random.randint(1, 5000)) / 100), "kind": "one_time",
            "list_price": str(Decimal(self.random.randint(-200, 100_000)) / 100),
            "discount_percent": str(self.random.choice((0, 5, 7.5, 12, 40))),
        }  # fmt: skip
        if self.random.random() < 0.3:
            line |= {"kind": "subscription", "end_date": self.random.choice(("2027-12-31", "2027-01-31"))}
        if self.random.random() < 0.4:
            line["fields"] = {"grade": self.random.choice(TEXTS), "tier": self.random.choice(TEXTS)}
        if self.random.random() < 0.3:
            line["description"] = self.random.choice(TEXTS)
        return line


def test_the_fast_evaluator_agrees_with_the_straightforward_one(request: pytest.FixtureRequest) -> None:
    cases, done, seed = request.config.getoption("--oracle-cases"), 0, 0
    while done < cases:
        dice = Dice(seed)
        policy = dice.policy()
        compiled = compile_policy(policy)
        for _ in range(10):
            quote = dice.quote()
            evaluation = compiled.evaluate(quote, DAY)
            told = {result.rule.id: result.fired for result in evaluation.results}
            assert told == oracle.fired(policy, quote, DAY), f"seed {seed}"
            done += len(told)
        seed += 1


def test_variables_have_the_values_that_the_straightforward_one_computes() -> None:
    for seed in range(30):
        dice = Dice(seed)
        policy, quote = dice.policy(), dice.quote()
        expected = oracle.variables_of(policy, quote)
        found = compile_policy(policy).evaluate(quote, DAY).variables
        for name in policy.variables:
            wanted = expected[name]
            if isinstance(wanted, Decimal):  # a mean may differ in its sixtieth digit
                wanted = pytest.approx(wanted, abs=Decimal("1e-20"))
            assert found[name] == wanted, (seed, name)
