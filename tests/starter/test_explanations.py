"""Explanations as documents and as lines of text."""

from __future__ import annotations

from typing import Any

import pytest

from domain.policy.document import read_policy
from domain.policy.evaluate import compile_policy
from domain.policy.explain import explain
from domain.pricing import price
from domain.quote import read_quote
from starter.explanations import change_line, explanations_document
from tests.domain.policy.sample_policy import DAY, rule
from tests.domain.sample_quote import line, quote

VARIABLES = {
    "max_discount": {"max": "lines.discount_percent"},
    "deep": {"count": "lines", "where": "discount_percent > 5"},
    "setups": {"count": "lines", "where": "family = Services"},
    "units": {"sum": "lines.quantity"},
}


def documented(when: Any, *lines: dict[str, Any], more: tuple[Any, ...] = (), **header: Any) -> dict[str, Any]:
    rules = [rule("r", when), *(rule(f"s{at}", each) for at, each in enumerate(more))]
    policy = compile_policy(read_policy({"policy": "p", "variables": VARIABLES, "rules": rules}))
    priced = price(read_quote(quote(*lines, **header)))
    found: dict[str, Any] = explanations_document(explain(policy, priced, DAY), priced.quote)["r"]
    return found


def told(when: Any, *lines: dict[str, Any], more: tuple[Any, ...] = (), **header: Any) -> str | None:
    return change_line(documented(when, *lines, more=more, **header))


LINES = [line(f"L{at}", discount_percent="8") for at in range(5)]


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ("title = A quote", "not needed with title != A quote: title A quote → any other"),
        ("note = urgent", "asked with note = urgent: fields.note blank → urgent"),
        ("fields.score > 70", "not needed with fields.score <= 70: fields.score 75 → 70"),
        ("start_date > 2027-01-01", "not needed with start_date <= 2027-01-01: start_date 2027-02-01 → 2027-01-01"),
        (
            "max_discount > 7",
            "not needed with max_discount <= 7: L0.discount_percent 8 → 7, L1.discount_percent 8 → 7,"
            " L2.discount_percent 8 → 7 and 2 more",
        ),
        ("line_count > 4", "not needed with line_count <= 4: without L0 (P-L0)"),
        ("setups > 0", "asked with setups > 0: one more line added"),
        ("customer_id = c-1", "not needed with customer_id != c-1: customer.customer_id c-1 → any other"),
        ({"all": ["max_discount < 9", {"any": ["title is blank", "units > 1"]}]},
         "not needed with max_discount >= 9: L0.discount_percent 8 → 9"),
        ("title is blank", None),
    ],
)  # fmt: skip
def test_a_change_is_told_in_one_line(when: Any, text: str | None) -> None:
    assert told(when, *LINES, fields={"score": "75"}, start_date="2027-02-01") == text


def test_what_else_would_be_asked_is_told() -> None:
    text = told("max_discount < 9", line(discount_percent="8"), more=("max_discount >= 9",))
    assert text is not None
    assert text.endswith("8 → 9; then also asked: s0")


def test_an_approval_without_a_change_says_so() -> None:
    assert told(None) == "it is always asked"
    assert told({"any": ["title = A quote", "owner = rosa"]}) == "no single change found"


def test_the_document_has_everything_in_texts() -> None:
    found = documented({"any": ["max_discount > 7", "title is blank"]}, line(discount_percent="8"))
    assert found["counterfactual"] == "max_discount <= 7"
    assert found["change"]["edits"] == [{"path": "lines.A.discount_percent", "before": "8", "after": "7"}]
    assert [(each["condition"], each["decided"]) for each in found["conditions"]] == [
        ("max_discount > 7", True), ("title is blank", False),
    ]  # fmt: skip
    assert (found["change"]["before"], found["change"]["after"], found["change"]["relative"]) == ("8", "7", "0.125")
