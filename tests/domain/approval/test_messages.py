"""Messages and the record: only to those whose turn it is, one for each person, and every step told in order."""

from __future__ import annotations

from domain.approval.state import Notice
from tests.domain.approval.office import Office, people, rule


def test_only_those_whose_turn_it_is_are_written_to() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2), rule("g", "legal"))
    office.submit()
    assert office.told() == [("request", "mei"), ("request", "liam"), ("request", "nora")]
    office.approve("a", "mei")
    assert office.told() == [("request", "david")]


def test_several_approvals_that_open_together_are_one_message() -> None:
    office = Office(rule("a", "mei", chain="a"), rule("b", "mei", chain="b"), rule("g", "board"))
    office.submit()
    sent: list[Notice] = list(office.notices)
    assert office.told() == [("request", "mei"), ("request", "david"), ("request", "farid")]
    assert sent[0].approvals == ("Q-1.1.a", "Q-1.1.b", "Q-1.1.g")


def test_every_message_has_a_key_of_its_own_over_all_rounds() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.approve("a", "mei")
    office.reject("b", "david")
    office.submit()
    keys = [each.key for each in office.notices]
    assert keys == ["Q-1/1/1", "Q-1/1/2", "Q-1/1/3", "Q-1/2/1"]


def test_the_outcome_is_told_to_submitter_owner_and_watchers_once_each() -> None:
    office = Office(rule("a", "mei"), watchers=["legal", "farid", "desk", "rosa"], directory=people(
        approvers={"desk": {"user": "zoe"}}, users={"nora": {"active": False}}))  # fmt: skip
    office.submit("tom")
    office.notices.clear()
    office.approve("a", "mei")
    assert office.told() == [("approved", each) for each in ("tom", "rosa", "liam", "farid", "zoe")]


def test_a_rejection_is_told_in_the_same_way() -> None:
    office = Office(rule("a", "mei"), watchers=["farid"])
    office.submit()
    office.notices.clear()
    office.reject("a", "mei")
    assert office.told() == [("rejected", "rosa"), ("rejected", "farid")]


def test_a_recall_is_told_to_those_who_were_asked_and_not_to_those_whose_turn_had_not_come() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2), watchers=["farid"])
    office.submit()
    office.notices.clear()
    office.recall()
    assert office.told() == [("recalled", "mei"), ("recalled", "farid")]


def test_who_has_voted_in_a_group_is_not_reminded() -> None:
    office = Office(rule("g", "board", sla={"remind": "4h"}))
    office.submit()
    office.approve("g", "mei")
    office.notices.clear()
    office.wait("1d")
    assert office.told() == [("reminder", "david"), ("reminder", "farid")]


def test_the_record_tells_a_round_in_order() -> None:
    office = Office(rule("a", "mei", chain="c"), rule("b", "david", chain="c", step=2))
    office.submit()
    office.approve("a", "mei", comment="fine", channel="mail")
    event = next(each for each in office.events if each.kind == "approved")
    assert (event.by, event.rule, event.comment, event.channel) == ("mei", "a", "fine", "mail")
    office.reject("b", "david", reason="no")
    assert office.kinds() == ["submitted", "requested", "approved", "requested", "rejected", "quote_rejected"]


def test_what_a_rejection_and_a_recall_revoke_is_on_the_record() -> None:
    office = Office(rule("a", "mei", chain="a"), rule("b", "david", chain="b"))
    office.submit()
    office.kinds()
    office.reject("a", "mei")
    assert office.kinds() == ["rejected", "revoked", "quote_rejected"]
    office.submit()
    office.kinds()
    office.recall()
    assert office.kinds() == ["recalled", "revoked", "revoked"]


def test_a_skip_names_its_basis_on_the_record() -> None:
    office = Office(rule("a", "mei", chain="a"), rule("b", "mei", chain="b"))
    office.submit()
    office.approve("a", "mei")
    event = next(each for each in office.events if each.kind == "skipped")
    assert event.rule == "b"
    assert event.detail["persons"] == ["mei"]
    assert event.detail["approval"] == "Q-1.1.a"


def test_votes_of_one_moment_are_told_in_the_order_they_came() -> None:
    office = Office(rule("g", "board"))
    office.submit()
    office.approve("g", "farid")
    office.approve("g", "mei")
    assert [vote.by for vote in office.approval("g").votes] == ["farid", "mei"]
