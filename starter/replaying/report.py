"""What a replay found, as one document: printed as JSON, drawn as tables and as a page, answered over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from domain.policy.replay import Kind
from domain.policy.replay_totals import SideTotals, Totals, mean_of, median_of
from domain.policy.waiting import Waits
from starter.replaying.player import Listed, Played, Player

Json = dict[str, Any]

PERSON_KINDS = (Kind.ADDED, Kind.DROPPED, Kind.EARLIER, Kind.LATER)
MINUTES = 60


def report_document(played: Played, player: Player, draft: str, against: str, waits: Waits | None) -> Json:
    """The whole report. ``draft`` and ``against`` say which policies these are. Hours are decimal numbers."""
    totals = played.totals
    return {
        "draft": {"name": draft, "policy": player.draft.policy.policy, "rules": len(player.draft.policy.rules)},
        "against": {"name": against, "policy": player.against.policy.policy, "rules": len(player.against.policy.rules)},
        "submissions": {
            "replayed": totals.submissions,
            "different": totals.different,
            "same": totals.submissions - totals.different,
            "unreadable": played.unreadable,
        },
        "approvals": {"against": _approvals(totals.against), "draft": _approvals(totals.draft)},
        "refused": _refused(totals),
        "approvers": list(_approvers(totals, waits)),
        "rules": list(_rules(totals, player)),
        "waiting": {"against": _waiting(totals.against), "draft": _waiting(totals.draft)} if waits else None,
        "differences": [_listed(each) for each in played.listed],
        "unlisted": totals.different - len(played.listed),
        "unread": [
            {"where": each.where, "code": each.code, "path": each.path, "message": each.message}
            for each in played.unread
        ],
    }


def _approvals(side: SideTotals) -> Json:
    """How many approvals a submission asks for: in all, and how many submissions ask for how many."""
    return {
        "asked": sum(number * times for number, times in side.approvals.items()),
        "approved_at_once": side.approvals[0],
        "by_number": {str(number): side.approvals[number] for number in sorted(side.approvals)},
    }


def _refused(totals: Totals) -> Json:
    both = totals.refused_by_both
    reasons = sorted(totals.against.refused.keys() | totals.draft.refused.keys())
    return {
        "both": both,
        "against_only": totals.against.refusals - both,
        "draft_only": totals.draft.refusals - both,
        "reasons": [
            {
                "code": code,
                "path": path,
                "against": totals.against.refused[code, path],
                "draft": totals.draft.refused[code, path],
            }
            for code, path in reasons
        ],
    }


def _approvers(totals: Totals, waits: Waits | None) -> Iterator[Json]:
    """Everybody whom either asks, those with the most changes first."""
    asked = totals.against.asked.keys() | totals.draft.asked.keys()
    changes = Counter[str]()
    for (person, _), times in totals.persons.items():
        changes[person] += times
    for person in sorted(asked, key=lambda each: (-changes[each], each)):
        recorded = waits.by_person.get(person) if waits is not None else None
        yield {
            "approver": person,
            "asked_against": totals.against.asked[person],
            "asked_draft": totals.draft.asked[person],
            **{str(kind): totals.persons[person, kind] for kind in PERSON_KINDS},
            "median_wait_hours": None if recorded is None else round(recorded / 3600, 2),
        }


def _rules(totals: Totals, player: Player) -> Iterator[Json]:
    """Every rule of either, in the order of the draft, then what only the other version has."""
    names = dict.fromkeys(rule.id for side in (player.draft, player.against) for rule in side.policy.rules)
    for rule in names:
        yield {
            "rule": rule,
            "in_against": player.against.policy.rule(rule) is not None,
            "in_draft": player.draft.policy.rule(rule) is not None,
            "fired_against": totals.against.fired[rule],
            "fired_draft": totals.draft.fired[rule],
            **{str(kind): totals.rules[rule, kind] for kind in Kind},
        }


def _waiting(side: SideTotals) -> Json:
    """The estimated time from submit to the last approval."""
    days = Counter[int]()
    for minutes, times in side.waits.items():
        days[minutes // (24 * MINUTES)] += times
    return {
        "median_hours": round(median_of(side.waits) / MINUTES, 2),
        "mean_hours": round(mean_of(side.waits) / MINUTES, 2),
        "by_days": {str(day): days[day] for day in sorted(days)},
    }


def _listed(each: Listed) -> Json:
    difference = each.difference
    return {
        "quote_id": each.quote_id,
        "round": each.round,
        "by": each.by,
        "at": each.at.isoformat(),
        "changes": [
            {
                "kind": str(change.kind),
                "approver": change.person or None,
                "rules": [{"rule": rule, "why": str(why)} for rule, why in change.rules],
                "against": change.against or None,
                "draft": change.draft or None,
            }
            for change in difference.changes
        ],
        "refused": {
            "against": [{"code": code, "path": path} for code, path in difference.refused_against],
            "draft": [{"code": code, "path": path} for code, path in difference.refused_draft],
        },
    }


def sentence(change: Json) -> str:
    """One change in words, without the rules that make it."""
    if change["kind"] == "votes":
        return f"{change['rules'][0]['rule']} needs {change['draft']}, not {change['against']}"
    if change["kind"] in ("earlier", "later"):
        steps = "step" if change["draft"] == "1" else "steps"
        return f"{change['approver']} {change['kind']} (after {change['draft']} {steps}, not {change['against']})"
    return f"{change['approver']} {change['kind']}"


def reasons(change: Json) -> str:
    """The rules that make a change, in words."""
    return "; ".join(f"{each['rule']} {each['why']}" for each in change["rules"])


def refusals(listed: Json) -> Iterator[str]:
    """What either side refuses of one submission, in words."""
    for side, name in (("against", "before"), ("draft", "by the draft")):
        for each in listed["refused"][side]:
            yield f"refused {name}: {each['code']}" + (f" ({each['path']})" if each["path"] else "")
