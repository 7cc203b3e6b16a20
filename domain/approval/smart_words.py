"""Why somebody is asked again or not, as stable codes and as sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.approval.state import Weighed, Weighing

# -- of a rule without a basis

NOT_SMART = "not_smart"
NEVER_APPROVED = "never_approved"
REJECTED = "rejected"
BARRED = "barred"
NOT_BY_A_PERSON = "not_by_a_person"

# -- of a rule that was held against its basis

RULE_CHANGED = "rule_changed"
OTHER_APPROVER = "other_approver"
BEYOND_AUTHORITY = "beyond_authority"
WORSE = "worse"
NOT_WORSE = "not_worse"
STILL_HOLDS = "still_holds"
INDIVIDUALLY = "individually"
NO_LONGER_HOLDS = "no_longer_holds"

# -- of one condition

UNCHANGED = "unchanged"
CHANGED = "changed"
CURRENCY_CHANGED = "currency_changed"
NEWLY_MET = "newly_met"
NOT_MET = "not_met"
WITHIN_TOLERANCE = "within_tolerance"
BETTER = "better"
NO_SNAPSHOT = "no_snapshot"
HOLDS_AGAINST_SNAPSHOT = "holds_against_snapshot"
FAILS_AGAINST_SNAPSHOT = "fails_against_snapshot"

OF_RULES = {
    NOT_SMART: "the rule names no smart condition and is asked every round",
    NEVER_APPROVED: "nobody has approved this rule yet",
    REJECTED: "it was rejected since it was last approved",
    BARRED: "whoever approved it may not decide this round, so that their approval does not count",
    NOT_BY_A_PERSON: "it was approved by nobody in person, but by an override or for want of an answer",
    RULE_CHANGED: "the rule itself changed since",
    OTHER_APPROVER: "the quote names somebody else to approve it",
    BEYOND_AUTHORITY: "the amount is beyond the authority of whoever approved it",
    WORSE: "not everything is as good as it was",
    NOT_WORSE: "nothing is worse than it was",
    STILL_HOLDS: "the rule's logic holds also against the snapshot",
    INDIVIDUALLY: "one of its smart conditions holds also against the snapshot",
    NO_LONGER_HOLDS: "the rule's logic does not hold against the snapshot",
}
OF_CONDITIONS = {
    UNCHANGED: "as it was",
    CHANGED: "changed",
    CURRENCY_CHANGED: "in another currency",
    NEWLY_MET: "met, and was not then",
    NOT_MET: "not met",
    WITHIN_TOLERANCE: "worse, but within the tolerance",
    BETTER: "no worse",
    WORSE: "worse",
    NOT_SMART: "met, and not smart",
    NO_SNAPSHOT: "met, and not in the snapshot",
    HOLDS_AGAINST_SNAPSHOT: "holds also against the snapshot",
    FAILS_AGAINST_SNAPSHOT: "does not hold against the snapshot",
}


def sentence(weighing: Weighing) -> str:
    """Why the rule is asked again or not, in one sentence: what it was held against, and the conditions that tell."""
    head = "asked" if weighing.asks else "not asked again"
    against = ""
    if weighing.round is not None:
        persons = " and ".join(weighing.persons)
        against = f" (approved by {persons} in round {weighing.round})"
    told = [_of_condition(each) for each in weighing.conditions if each.asks or not weighing.asks]
    return f"{head}: {OF_RULES[weighing.why]}{against}" + (f"; {'; '.join(told)}" if told else "")


def _of_condition(weighed: Weighed) -> str:
    why = OF_CONDITIONS[weighed.why]
    then = "" if weighed.why == NO_SNAPSHOT else f", then {_side(weighed.before, weighed.currency_before)}"
    against = f", against {weighed.against}, then {weighed.against_before}" if weighed.against is not None else ""
    more = f", tolerance {weighed.tolerance}" if weighed.tolerance is not None else ""
    return f"{weighed.text}: {why} (now {_side(weighed.value, weighed.currency)}{then}{against}{more})"


def _side(value: str | None, currency: str | None) -> str:
    if value is None:
        return "blank"
    return f"{value} {currency}" if currency else value


def weighing_document(weighing: Weighing) -> dict[str, Any]:
    """Why asked, why not asked again, as data for API and record, with the sentence."""
    return {"text": sentence(weighing), **dict(_filled(weighing.model_dump(mode="json")))}


def _filled(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if name == "conditions":
            yield name, [dict(_filled(each)) for each in value]
        elif value is not None:
            yield name, value
