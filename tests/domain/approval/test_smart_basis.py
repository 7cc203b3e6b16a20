"""What counts as an approval to build on, and why somebody is asked again: in the words of the record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from domain.approval.smart_basis import ground_of
from domain.approval.smart_words import OF_CONDITIONS, OF_RULES, sentence, weighing_document
from domain.approval.state import Added, Approval, ApprovalState, RoundState, Verdict, Vote, Weighing, Where
from domain.people import read_directory
from tests.domain.approval.office import MONDAY, Office, people, rule
from tests.domain.approval.test_smart import ASKED, SKIPPED, again, asks, office

MODES = ["any_worse", "salesforce"]


def approved(**more: Any) -> Office:
    """An office in which mei has approved the rule in round 1, which then was recalled."""
    found = office(asks("discount > 5", **more.pop("part", {})), **more)
    found.submit()
    found.approve("r", "mei")
    found.recall()
    return found


def standing(found: Office) -> str:
    found.submit()
    return found.states()["r"]


def with_approval(state: RoundState, fresh: Approval, *more: Approval) -> RoundState:
    approvals = [fresh if each.approval_id == fresh.approval_id else each for each in state.approvals]
    return state.model_copy(update={"approvals": (*approvals, *more)})


def vote_of(approval: Approval, by: str, verdict: Verdict = Verdict.APPROVE, **more: Any) -> Vote:
    return Vote(**{"decision_id": f"d-{by}", "by": by, "seat_of": by, "verdict": verdict, "at": MONDAY, **more})


def ad_hoc(approval: Approval, verdict: Verdict) -> Approval:
    """Somebody added beside ``approval``, who answered."""
    [seat, *_] = approval.seats
    settled = ApprovalState.APPROVED if verdict is Verdict.APPROVE else ApprovalState.REJECTED
    return approval.model_copy(
        update={
            "approval_id": f"{approval.approval_id}.added",
            "added": Added(by="mei", where=Where.BESIDE, to=approval.approval_id, at=MONDAY),
            "state": settled,
            "seats": (seat.model_copy(update={"vote": vote_of(approval, "ines", verdict)}),),
        }
    )


# -- whose approval counts


@pytest.mark.parametrize("mode", MODES)
def test_the_yes_on_behalf_of_somebody_who_is_barred_now_is_no_basis(mode: str) -> None:
    found = office(asks("discount > 5"), smart_mode=mode)
    found.delegate("mei", "sam")
    found.submit()
    found.approve("r", "sam")
    found.recall()
    found.edit("mei", discount="9")
    assert standing(found) == ASKED
    weighed = found.approval("r").weighed
    assert weighed is not None
    assert weighed.why == "barred"


def test_a_same_person_skip_is_no_basis_where_their_delegate_is_barred_now() -> None:
    found = office(asks("discount > 5", chain="r"), rule("s", "mei", chain="s", when="net_total > 1"))
    found.delegate("mei", "sam")
    found.submit()
    found.approve("s", "sam")
    assert found.states()["r"] == SKIPPED
    found.recall()
    found.edit("sam", discount="9")
    assert standing(found) == ASKED


@pytest.mark.parametrize("mode", MODES)
def test_an_override_is_no_basis_also_where_some_of_a_group_had_said_yes(mode: str) -> None:
    found = office(rule("r", "board", when="discount > 5", smart=True), smart_mode=mode)
    found.submit()
    found.approve("r", "mei")
    approval = found.approval("r")
    override = vote_of(approval, "zoe", channel="override")
    overridden = approval.model_copy(update={"override": override, "state": ApprovalState.APPROVED})
    found.rounds[-1] = with_approval(found.state, overridden)
    found.recall()
    assert standing(found) == ASKED
    weighed = found.approval("r").weighed
    assert weighed is not None
    assert weighed.why == "not_by_a_person"


def test_an_override_leaves_the_basis_before_it() -> None:
    found = approved()
    found.edit(discount="12")
    found.submit()
    approval = found.approval("r")
    override = vote_of(approval, "zoe", channel="override")
    found.rounds[-1] = with_approval(
        found.state, approval.model_copy(update={"override": override, "state": ApprovalState.APPROVED})
    )
    found.recall()
    found.edit(discount="10")
    assert standing(found) == SKIPPED
    found.recall()
    found.edit(discount="11")
    assert standing(found) == ASKED


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("verdict", "then"), [(Verdict.APPROVE, SKIPPED), (Verdict.REJECT, ASKED)])
def test_an_added_approver_gives_no_basis_but_their_no_ends_it(mode: str, verdict: Verdict, then: str) -> None:
    found = approved(smart_mode=mode)
    found.rounds[-1] = with_approval(found.state, found.approval("r"), ad_hoc(found.approval("r"), verdict))
    assert standing(found) == then


def test_the_yes_of_an_added_approver_alone_is_no_basis() -> None:
    found = office(asks("discount > 5"))
    found.submit()
    found.recall()
    added = ad_hoc(found.approval("r"), Verdict.APPROVE)
    found.rounds[-1] = with_approval(found.state, found.approval("r"), added)
    assert ground_of("r", found.rounds, ()).basis is None
    assert standing(found) == ASKED


@pytest.mark.parametrize("mode", MODES)
def test_who_approved_before_an_approver_was_replaced_still_counts(mode: str) -> None:
    directory = people(approvers={"director": {"user": "mei"}})
    found = Office(
        rule("r", "director", when="net_total > 1", smart=True),
        rule("last", "zoe"),
        directory=directory,
        smart_mode=mode,
    )
    found.submit()
    found.approve("r", "mei")
    found.recall()
    found.work_with(read_directory(people(approvers={"director": {"user": "sam"}})).deactivated("mei"))
    assert standing(found) == SKIPPED
    basis = found.approval("r").basis
    assert basis is not None
    assert basis.persons == ("mei",)


@pytest.mark.parametrize("mode", MODES)
def test_over_many_rounds_the_reference_stays_what_a_person_last_approved(mode: str) -> None:
    found = approved(smart_mode=mode)
    for at in range(12):
        found.edit(discount=str(9 - at % 3))
        assert standing(found) == SKIPPED
        basis = found.approval("r").basis
        assert basis is not None
        assert basis.round == 1
        assert basis.snapshot is not None
        assert basis.snapshot.conditions[0].value == "10"
        found.recall()
    found.edit(discount="10.1")
    assert standing(found) == ASKED


def test_a_rule_that_was_changed_and_changed_back_is_the_rule_that_was_approved() -> None:
    found = approved()
    found.change_rule("r", when="discount > 4")
    assert standing(found) == ASKED
    found.recall()
    found.change_rule("r", when="discount > 5")
    assert standing(found) == SKIPPED


# -- what is compared


def test_a_text_that_reads_as_the_same_number_is_another_text() -> None:
    for code, then in (("1.10", ASKED), ("1.1", SKIPPED)):
        found = office(asks("code starts with 1."))
        found.document["fields"] = {"code": "1.1"}
        assert again(found, **{"fields.code": code}) == then


def test_a_number_written_otherwise_in_a_list_is_the_same_number() -> None:
    for value, then in (("15.0", SKIPPED), ("20", ASKED)):
        found = office(asks("margin in 15, 20"))
        found.document["fields"] = {"margin": "15"}
        assert again(found, **{"fields.margin": value}) == then


def test_dates_against_each_other_are_so_many_days_apart() -> None:
    for start, deadline, tolerance, then in (
        ("2027-02-11", "2027-02-02", 0, SKIPPED),  # both a day later
        ("2027-02-11", "2027-02-01", 0, ASKED),
        ("2027-02-11", "2027-02-01", 1, SKIPPED),
        ("2027-02-12", "2027-02-01", 1, ASKED),
        ("2027-02-09", "2027-02-01", 0, SKIPPED),
    ):
        found = office(asks("start_date > fields.deadline", tolerance={"start_date": tolerance}))
        found.document |= {"start_date": "2027-02-10", "fields": {"deadline": "2027-02-01"}}
        assert again(found, start_date=start, **{"fields.deadline": deadline}) == then


def test_a_currency_that_changed_counts_also_on_the_right_side() -> None:
    found = office(asks("budget < net_total"))
    found.document["fields"] = {"budget": "100"}
    assert again(found, currency="EUR") == ASKED


def test_a_number_that_was_a_date_is_a_change() -> None:
    found = office(asks({"not": "margin <= 30"}))
    found.document["fields"] = {"margin": "2027-01-01"}
    assert again(found, **{"fields.margin": "45"}) == ASKED


# -- why


def why(found: Office) -> str:
    weighed = found.approval("r").weighed
    assert weighed is not None
    assert (weighed.asks, found.states()["r"]) in ((True, ASKED), (False, SKIPPED))
    return weighed.why


def test_a_first_round_has_nothing_to_tell() -> None:
    found = office(asks("discount > 5"))
    found.submit()
    assert found.approval("r").weighed is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "not_worse"),
        ({"discount": "9"}, "not_worse"),
        ({"discount": "11"}, "worse"),
        ({"discount": "16"}, "worse"),
    ],
)
def test_the_approval_says_why(change: dict[str, str], told: str) -> None:
    found = office(asks("discount > 5"))
    again(found, **change)
    assert why(found) == told


def test_other_reasons_are_told_too() -> None:
    found = office(asks("discount > 5"))
    found.submit()
    found.recall()
    found.submit()
    assert why(found) == "never_approved"
    found.reject("r", "mei")
    found.submit()
    assert why(found) == "rejected"
    found.approve("r", "mei")
    found.recall()
    found.change_rule("r", approver="david")
    found.submit()
    assert why(found) == "rule_changed"
    found.recall()
    found.change_rule("r", smart=False)
    found.submit()
    assert why(found) == "not_smart"


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        (asks("discount > 5"), {}, ("unchanged", "10", "10")),
        (asks("discount > 5"), {"discount": "9"}, ("better", "9", "10")),
        (asks("discount > 5"), {"discount": "11"}, ("worse", "11", "10")),
        (asks("discount > 5", tolerance={"discount": 2}), {"discount": "11"}, ("within_tolerance", "11", "10")),
        (asks({"any": ["discount > 10", "title = A quote"]}), {"discount": "11"}, ("newly_met", "11", "10")),
        (asks({"any": ["discount > 9", "title = A quote"]}), {"discount": "8"}, ("not_met", "8", "10")),
        (asks("title != x"), {"title": "y"}, ("changed", "y", "A quote")),
        (asks("net_total > 5"), {"currency": "EUR"}, ("currency_changed", "900.00", "900.00")),
    ],
)
def test_each_condition_says_what_it_was_and_what_it_is(
    part: dict[str, Any], change: dict[str, str], told: tuple[str, str, str]
) -> None:
    found = office(part)
    again(found, **change)
    weighed = found.approval("r").weighed
    assert weighed is not None
    first = weighed.conditions[0]
    assert (first.why, first.value, first.before) == told


def test_the_reason_is_a_sentence_with_values_then_and_now_and_the_tolerance() -> None:
    found = office(asks("discount > 5", tolerance={"discount": 2}))
    again(found, discount="12.5")
    weighed = found.approval("r").weighed
    assert weighed is not None
    told = "asked: not everything is as good as it was (approved by mei in round 1); "
    told += "discount > 5: worse (now 12.5, then 10, tolerance 2)"
    assert sentence(weighed) == told
    assert weighing_document(weighed)["text"] == told


def test_the_reason_of_a_difference_tells_both_sides() -> None:
    found = office(asks("list_total > net_total"))
    again(found, discount="11")
    weighed = found.approval("r").weighed
    assert weighed is not None
    assert "worse (now 1000.00 USD, then 1000.00 USD, against 890.00, then 900.00)" in sentence(weighed)


def test_every_reason_is_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs/smart-approval.md").read_text(encoding="utf-8")
    assert {*OF_RULES, *OF_CONDITIONS} <= set(re.findall(r"`([a-z_]+)`", page))


@pytest.mark.parametrize("why", OF_RULES)
def test_every_reason_has_words(why: str) -> None:
    assert OF_RULES[why] in sentence(Weighing(mode="any_worse", asks=True, why=why))
