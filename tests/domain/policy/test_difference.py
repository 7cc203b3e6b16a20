"""The difference of two policies in words, and whether it can change outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.changes import changed
from domain.policy.difference import Difference, difference
from domain.policy.document import read_policy
from domain.yaml_text import read_yaml

HOSPITAL = Path(__file__).parents[3] / "examples/hospital/policy.yaml"
BASE: dict[str, Any] = read_yaml(HOSPITAL.read_text(encoding="utf-8")).value


def compared(changes: dict[str, Any], base: dict[str, Any] = BASE) -> Difference:
    return difference(read_policy(base), read_policy(changed(base, changes)))


def plain(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The example without smart approval, which remembers how a rule is written."""
    document = changed(BASE, changes or {})
    return {**document, "rules": [{**rule, "smart": False} for rule in document["rules"]]}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"fallback": "finance"}, ["the fallback goes from ceo to finance"]),
        ({"self_approval": "fail"}, ["self_approval goes from next_manager to fail"]),
        ({"watchers": ["nora"]}, ["nora is told of outcomes from now on"]),
        (
            {"rules.big-deal-finance": None},
            [
                "rule big-deal-finance is removed (it was: finance approves at step 3 of commercial"
                " when net_total >= 1500000)"
            ],
        ),
        (
            {"rules.gift": {"id": "gift", "approver": "ceo", "when": {"not": "net_total > 0"}}},
            ["rule gift is added: ceo approves at step 1 outside chains when not net_total > 0"],
        ),
        (
            {"rules.big-deal-finance.when": {"all": ["net_total >= 2000000"]}},
            ["rule big-deal-finance: net_total >= 1500000 is now net_total >= 2000000 (met less often)"],
        ),
        (
            {"rules.big-deal-finance.when": {"not": "net_total >= 2000000"}},
            [
                "rule big-deal-finance: net_total >= 1500000 is now not net_total >= 2000000",
                "rule big-deal-finance: now fires when not net_total >= 2000000",
            ],
        ),
        (
            {"rules.imaging-without-installation.when": {"any": ["imaging_lines > 0", "install_lines = 0"]}},
            ["rule imaging-without-installation: now fires when imaging_lines > 0 or install_lines = 0"],
        ),
        (
            {"rules.imaging-without-installation.when": "imaging_lines > 0"},
            [
                "rule imaging-without-installation: no longer tests install_lines = 0",
                "rule imaging-without-installation: now fires when imaging_lines > 0",
            ],
        ),
        (
            {"rules.service-capacity.when": None},
            [
                "rule service-capacity: no longer tests equipment_net >= 1000000",
                "rule service-capacity: now fires always",
            ],
        ),
        (
            {"rules.service-capacity.approver": {"manager_of": "owner", "level": 2}},
            ["rule service-capacity: is decided by manager of owner (level 2), no longer by service"],
        ),
        ({"rules.discount-manager.step": 2}, ["rule discount-manager: moves from step 1 to step 2"]),
        ({"rules.discount-manager.chain": None}, ["rule discount-manager: the lane goes from commercial to unchained"]),
        (
            {"rules.discount-manager.sla": {"remind": "8h", "escalate": "1d", "on_timeout": "reject"}},
            [
                "rule discount-manager: is reminded after 8h (it was 4h)",
                "rule discount-manager: at the end of the ladder: reject (it was never)",
            ],
        ),
        (
            {"rules.service-capacity.from": "2027-01-01", "rules.service-capacity.explicit": True},
            [
                "rule service-capacity: explicit goes from False to True",
                "rule service-capacity: the first day is now 2027-01-01",
            ],
        ),
        (
            {"rules.big-deal-finance.smart": False},
            ["rule big-deal-finance: smart approval no longer watches net_total >= 1500000"],
        ),
        (
            {"rules.big-deal-finance.tolerance": {"net_total": 5}},
            ["rule big-deal-finance: the tolerance of net_total is now 5"],
        ),
        (
            {"rules.terms-legal.skip_when_status": ["approved"]},
            ["rule terms-legal: skip_when_status is now approved"],
        ),
        (
            {"variables.imaging_lines": {"count": "lines", "where": "family = Monitoring"}},
            [
                "variable imaging_lines goes from count of lines, where family = Imaging"
                " to count of lines, where family = Monitoring; used by imaging-without-installation"
            ],
        ),
        ({"chains.legal": {"after": ["commercial"]}}, ["lane legal starts after commercial (it started at once)"]),
    ],
)
def test_what_can_change_outcomes_is_told_in_words(changes: dict[str, Any], texts: list[str]) -> None:
    found = compared(changes)
    assert [change.text for change in found.changes] == texts
    assert found.can_change_outcomes
    assert not any(change.cosmetic for change in found.changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "Who says yes"},
        {"rules.service-capacity.reason": "Another sentence"},
        {"variables.unused": {"max": "lines.quantity"}},
        {"chains.empty": {}},
        {"rules.big-deal-finance.step": 30},
        {"rules.new": {"id": "new", "approver": "ceo", "active": False}},
        {"chains": {"legal": {}, "commercial": {}}},
        {"rules": list(reversed(BASE["rules"]))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_nobody_notices_is_cosmetic(changes: dict[str, Any]) -> None:
    found = compared(changes)
    assert len(found.changes) == 1
    assert not found.can_change_outcomes
    assert str(found.changes[0]).endswith("(cosmetic)")


SPELLINGS = {
    "rules.terms-legal.when": {"any": ["cancellation  != 30 Days", "payment_terms in net 90, Net 60"]},
    "rules.discount-director.when": {
        "any": ["max_discount > 7.0", {"not": {"not": {"all": ["net_total >= 1000000", "region starts with US"]}}}]
    },
}


def test_another_spelling_of_the_same_conditions_is_no_difference() -> None:
    found = difference(read_policy(plain()), read_policy(plain(SPELLINGS)))
    assert found.summary == "they mean the same"


def test_another_spelling_of_a_smart_rule_asks_again_and_is_told() -> None:
    found = compared(SPELLINGS)
    assert [change.path for change in found.changes] == ["rules.discount-director", "rules.terms-legal"]
    assert found.can_change_outcomes
    assert all("asked once more" in change.text for change in found.changes)


def test_changes_of_a_rule_that_is_not_active_are_cosmetic() -> None:
    base = changed(BASE, {"rules.service-capacity.active": False})
    found = compared({"rules.service-capacity.approver": "ceo"}, base)
    assert len(found.changes) == 1
    assert not found.can_change_outcomes


def test_a_table_is_compared_as_the_rules_that_it_stands_for() -> None:
    table = {"id": "size", "chain": "commercial", "step": 4, "columns": ["net_total"], "approver": "ceo"}
    rows = [{"net_total": "100..200"}, {"net_total": "200.."}]
    base = {**BASE, "matrix": [{**table, "rows": rows}]}
    wider = {**BASE, "matrix": [{**table, "rows": [{"net_total": "100..250"}, {"net_total": "250.."}]}]}
    found = difference(read_policy(base), read_policy(wider))
    assert [change.text for change in found.changes] == [
        "rule size-1: net_total <= 200 is now net_total <= 250 (met more often)",
        "rule size-2: net_total > 200 is now net_total > 250 (met less often)",
    ]
    flat = {**BASE, "rules": [*BASE["rules"], *_written_out(base)]}
    assert difference(read_policy(base), read_policy(flat)).summary == "they mean the same"


def _written_out(document: dict[str, Any]) -> list[dict[str, Any]]:
    known = {rule["id"] for rule in BASE["rules"]}
    rules = [rule for rule in read_policy(document).rules if rule.id not in known]
    return [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in rules]


def test_the_same_policy_has_no_difference_whatever_its_version() -> None:
    assert compared({"version": 7}).changes == ()
