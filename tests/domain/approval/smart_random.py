"""Random rules, random edits of rules, and random quotes, each both for the program and for the oracle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

from domain.policy.document import read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.pricing import PricedQuote, price
from domain.quote import read_quote
from tests.domain.approval.smart_oracle import MONEY, PARTS_OF_TEXT, Facts, Leaf, MissingRate, Rule, fires, flat
from tests.domain.sample_quote import line, quote

VARIABLES: Mapping[str, tuple[Any, ...]] = {
    "discount": ({"max": "lines.discount_percent"}, {"min": "lines.discount_percent"}),
    "spread": ("list_total - net_total",),
}
ORDERS = ("<", "<=", ">", ">=")
NUMBERS = {
    "discount": ("4", "5", "6", "10"),
    "net_total": ("900", "1200", "1350", "1500"),
    "list_total": ("1500", "1700"),
    "spread": ("50", "100", "150"),
    "fields.margin": ("15", "20", "30"),
    "fields.budget": ("1000", "1350"),
}
NAMES = {
    "discount": ("fields.margin",),
    "net_total": ("fields.budget", "spread", "list_total"),
    "list_total": ("net_total", "fields.budget"),
    "spread": ("fields.budget",),
    "fields.margin": ("discount", "fields.other"),
    "fields.budget": ("net_total", "fields.margin"),
    "fields.region": ("fields.other",),
    "start_date": ("fields.deadline",),
}
TEXTS = {"fields.region": ("US", "EU", "M"), "fields.code": ("1.", "A", "0", "1.1"), "title": ("A", "quote", "z")}
VALUES: Mapping[str, tuple[Any, ...]] = {
    "discount_a": ("0", "4", "5", "6", "10", "12"),
    "discount_b": ("0", "5", "10", "20"),
    "price": ("1000.00", "1200.00"),
    "title": ("A quote", "A QUOTE", "Another", "zebra"),
    "start_date": (None, "2027-02-01", "2027-02-15", "2027-03-01"),
    "money": (("USD", {"EUR": "1.1"}), ("USD", {"EUR": "1.1"}), ("EUR", {"USD": "0.9"}), ("USD", {}), ("EUR", {})),
    "margin": ("", "10", "15", "15.0", "20", "20.5", "40", "n/a"),
    "budget": ("", "900", "1350", "1400.50", "2000"),
    "region": ("", "US", "us", "EU", "North"),
    "other": ("", "US", "15", "EU", "30"),
    "code": ("", "1.1", "1.10", "A1", "0", "100"),
    "deadline": ("", "2027-02-01", "2027-02-10", "2027-02-24", "soon"),
}  # fmt: skip
COMMON = {name: values[len(values) // 2] for name, values in VALUES.items()}
CUSTOM = ("margin", "budget", "region", "other", "code", "deadline")
HEAD = ("price", "discount_a", "discount_b", "title", "start_date", "money")
Content = dict[str, Any]


# -- rules


def random_leaf(random: Random) -> Leaf:
    kind = random.randrange(10)
    if kind < 4:
        return _leaf_of_number(random)
    if kind < 6:
        name = random.choice(sorted(NAMES))
        orders = ORDERS if name != "fields.region" else ()
        return Leaf(name, random.choice((*orders, *orders, "=", "!=")), of=random.choice(NAMES[name]))
    if kind == 6:
        day = random.choice(("2027-02-01", "2027-02-14"))
        return Leaf("start_date", random.choice((*ORDERS, "=", "!=", "is not blank", "is blank")), day).for_operator()
    name = random.choice(sorted(TEXTS))
    operator = random.choice((*PARTS_OF_TEXT, "=", "!=", "in", "not in", "is blank", "is not blank", ">", "<="))
    texts = [text for text in TEXTS[name] if operator not in ORDERS or not text.endswith(".")]
    right: Any = tuple(random.sample(texts, 2)) if operator in ("in", "not in") else random.choice(texts)
    return Leaf(name, operator, _read(right) if name == "fields.code" else right).for_operator()


def _leaf_of_number(random: Random) -> Leaf:
    name = random.choice(("discount", "discount", *sorted(NUMBERS)))
    operator = random.choice((*ORDERS, *ORDERS, "=", "!=", "in", "not in", "is blank", "is not blank"))
    numbers = tuple(Fraction(each) for each in random.sample(NUMBERS[name], 2))
    if operator in ("in", "not in"):
        return Leaf(name, operator, numbers)
    currency = random.choice(("USD", "EUR", None, None)) if name in MONEY else None
    return Leaf(name, operator, numbers[0], currency=currency).for_operator()


def _read(right: Any) -> Any:
    """A literal as the policy file takes it: ``1.1`` is a number, ``1.`` is a text."""
    if isinstance(right, tuple):
        return tuple(_read(each) for each in right)
    return Fraction(right) if right.replace(".", "", 1).isdigit() and not right.endswith(".") else right


def _tree(random: Random, depth: int) -> Any:
    pick = random.random()
    if depth == 0 or pick < 0.3:
        return random_leaf(random)
    if pick < 0.45:
        return "not", (_tree(random, depth - 1),)
    return random.choice(("all", "any")), tuple(_tree(random, depth - 1) for _ in range(random.choice((2, 2, 3))))


def random_rule(random: Random) -> Rule:
    """A rule that is written in one of the ways in which rules can be written."""
    tree = _tree(random, random.choice((1, 2, 2, 3)))
    if random.random() < 0.3:
        tree = "all", (random_leaf(random), random_leaf(random))
    return _watching(random, written(random, Rule(tree, frozenset(), individually=random.random() < 0.4)))


def written(random: Random, rule: Rule) -> Rule:
    numbered = random.random() < 0.25
    return replace(rule, written=json.dumps(_numbered(rule.tree) if numbered else _nested(rule.tree)), uses=uses(rule))


def uses(rule: Rule, variables: tuple[tuple[str, int], ...] = ()) -> tuple[tuple[str, str], ...]:
    """The variables of a rule as they are defined; ``variables`` names those that are not defined as usual."""
    names = {name for leaf, _ in flat(rule.tree) for name in (leaf.name, leaf.of or "") if name in VARIABLES}
    return tuple((name, json.dumps(VARIABLES[name][dict(variables).get(name, 0)])) for name in sorted(names))


def _watching(random: Random, rule: Rule) -> Rule:
    texts = sorted({leaf.text() for leaf, _ in flat(rule.tree)})
    pick = random.random()
    some = [] if pick < 0.06 else texts if pick < 0.5 else random.sample(texts, random.randint(1, len(texts)))
    names = sorted({leaf.name for leaf, _ in flat(rule.tree) if leaf.text() in some})
    tolerance = [(name, Fraction(random.choice(("1", "2", "50", "0.5")))) for name in names if random.random() < 0.3]
    return replace(rule, smart=frozenset(some), tolerance=tuple(tolerance))


def edited_rule(random: Random, rule: Rule) -> Rule:
    """The rule as somebody publishes it anew: often in a way that makes it another rule, sometimes not."""
    kind = random.randrange(8)
    if kind == 0 and not isinstance(rule.tree, Leaf) and rule.tree[0] != "not":
        return replace(rule, written=json.dumps(_nested(turned := (rule.tree[0], rule.tree[1][::-1]))), tree=turned)
    if kind == 1 and not isinstance(rule.tree, Leaf) and len(rule.tree[1]) > 2:
        fewer = rule.tree[0], rule.tree[1][1:]
        return _watching(random, written(random, replace(rule, tree=fewer)))
    if kind == 2:
        return _watching(random, written(random, replace(rule, tree=("any", (rule.tree, random_leaf(random))))))
    if kind == 3:
        return _watching(random, rule)
    if kind == 4:
        return replace(rule, approver=random.choice(("mei", "david", "legal")))
    if kind == 5:
        return replace(rule, uses=uses(rule, (("discount", 1),)))
    if kind == 6:
        return replace(rule, individually=not rule.individually)
    return _moved(random, rule)


def _moved(random: Random, rule: Rule) -> Rule:
    """Another threshold, and everything else as it was where that is possible."""
    tree = _first_moved(rule.tree)
    changed = replace(rule, tree=tree, written=json.dumps(_nested(tree)))
    texts = {leaf.text() for leaf, _ in flat(tree)}
    return changed if rule.smart <= texts else _watching(random, changed)


def _first_moved(tree: Any) -> Any:
    if isinstance(tree, Leaf):
        return replace(tree, right=tree.right + 1) if isinstance(tree.right, Fraction) else tree
    return tree[0], (_first_moved(tree[1][0]), *tree[1][1:])


def _nested(tree: Any) -> Any:
    if isinstance(tree, Leaf):
        return tree.text()
    word, parts = tree
    return {word: _nested(parts[0]) if word == "not" else [_nested(part) for part in parts]}


def _numbered(tree: Any) -> Any:
    texts: list[str] = []

    def logic(part: Any) -> str:
        if isinstance(part, Leaf):
            texts.append(part.text())
            return str(len(texts))
        word, parts = part
        if word == "not":
            return f"NOT ({logic(parts[0])})"
        return "(" + f" {'AND' if word == 'all' else 'OR'} ".join(logic(each) for each in parts) + ")"

    text = logic(tree)
    return {"conditions": texts, "logic": text}


@cache
def compiled(rule: Rule, mode: str) -> CompiledPolicy:
    variables = {name: spec for name, (spec, *_) in VARIABLES.items()}
    variables |= {name: json.loads(text) for name, text in rule.uses}
    part = {
        "id": "r",
        "approver": rule.approver,
        "when": json.loads(rule.written),
        "smart": sorted(rule.smart),
        "tolerance": {name: str(float(value)) for name, value in rule.tolerance},
        "reevaluate_individually": rule.individually,
    }
    document = {"policy": "standard", "fallback": "ines", "smart_mode": mode, "variables": variables, "rules": [part]}
    return compile_policy(read_policy(document).model_copy(update={"version": 1}))


# -- quotes


def random_content(random: Random) -> Content:
    return {name: random.choice((*values, COMMON[name])) for name, values in VALUES.items()}


def fitting_content(random: Random, rule: Rule) -> Content:
    """A quote for which the rule fires, where one is found soon."""
    for _ in range(12):
        content = random_content(random)
        with suppress(MissingRate):
            if fires(rule, facts_of(content, rule)):
                break
    return content


def edited(random: Random, content: Content) -> Content:
    names = random.sample(sorted(VALUES), random.choice((0, 1, 1, 1, 2, 3)))
    return {**content, **{name: random.choice(VALUES[name]) for name in names}}


def facts_of(content: Content, rule: Rule) -> Facts:
    """What the oracle knows of a quote; ``discount`` as the rule's own variable has it."""
    off, listed, net = _totals(content["price"], content["discount_a"], content["discount_b"])
    lowest = ("discount", json.dumps(VARIABLES["discount"][1])) in rule.uses
    currency, rates = content["money"]
    texts = {f"fields.{name}": content[name] or None for name in CUSTOM}
    return {
        **texts,
        "discount": min(off) if lowest else max(off),
        "net_total": net,
        "list_total": listed,
        "spread": listed - net,
        "title": content["title"],
        "start_date": content["start_date"],
        "currency": currency,
        "rates": {name: Fraction(rate) for name, rate in rates.items()},
    }


@cache
def _totals(first: str, *discounts: str) -> tuple[tuple[Fraction, ...], Fraction, Fraction]:
    """The discounts, the list total and the net total."""
    off = tuple(Fraction(each) for each in discounts)
    prices = Fraction(first), Fraction(500)
    net = sum((one * (1 - each / 100) for one, each in zip(prices, off, strict=True)), Fraction(0))
    return off, prices[0] + prices[1], net


def priced_of(content: Content) -> PricedQuote:
    """The quote of that content. What costs its price is worked out once; custom fields do not."""
    head = _head(*(json.dumps(content[name]) for name in HEAD))
    fields = {name: content[name] for name in CUSTOM}
    return replace(head, quote=head.quote.model_copy(update={"fields": fields}))


@cache
def _head(*texts: str) -> PricedQuote:
    list_price, one, other, title, start_date, (currency, rates) = map(json.loads, texts)
    document = quote(
        line(list_price=list_price, discount_percent=one),
        line("B", list_price="500.00", discount_percent=other),
        title=title,
        start_date=start_date,
        currency=currency,
        rates=rates,
    )
    priced = price(read_quote(document))
    assert priced.quote.content_hash  # no rule looks at it: copies need not work it out anew
    return priced
