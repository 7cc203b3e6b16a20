"""What is shown of approvals that are settled: who decided, not who might have."""

from __future__ import annotations

from typing import Any

from starter.cli.pictures import plan_picture
from starter.cli.tables import plan_lines
from starter.plans import approval_document, plan_document
from tests.domain.approval.office import Office, rule


def shown(office: Office) -> dict[str, Any]:
    return {each.rule: approval_document(each) for each in office.state.approvals}


def test_a_group_of_which_one_said_yes_asks_nobody_else() -> None:
    office = Office(rule("g", "legal"), rule("z", "zoe"))
    office.submit()
    first, *rest = shown(office)["g"]["asks"]
    assert rest
    office.approve("g", first)
    assert shown(office)["g"]["asks"] == []
    assert not any(seat["asked"] for seat in shown(office)["g"]["seats"])
    (line,) = [line for line in plan_lines(plan_document(office.state)) if " g " in line]
    assert first in line
    assert not any(name in line for name in rest)
    assert f"✓ {first} " in "\n".join(plan_picture(office.state))


def test_what_was_overridden_shows_who_did_and_what_was_skipped_who_had_approved() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "mei", chain="c", step=2), rule("o", "david", chain="d"))
    office.submit()
    office.override("approve", "o", "ines", comment="urgent")
    office.approve("a", "mei")
    assert {name: told["asks"] for name, told in shown(office).items()} == {"a": [], "b": [], "o": []}
    lines = {line.split()[2]: line for line in plan_lines(plan_document(office.state)) if line.startswith("  ")}
    assert "ines" in lines["o"]
    assert "david" not in lines["o"]
    assert "mei" in lines["b"]
    assert "skipped" in lines["b"]
