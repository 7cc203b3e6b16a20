"""Why somebody else than the named one is asked, for the record (``spec/approvals.md`` 7)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from domain.approval.state import Absent, Approval, Seat
from domain.approvers import Named
from domain.people import Directory


def absent_from(
    named: Named, seats: Collection[Seat], directory: Directory, barred: Collection[str]
) -> tuple[Absent, ...]:
    """Whom the approver names and who has no seat; where it names nobody at all, nobody is absent (blank)."""
    sitting = {seat.holder for seat in seats}
    missing = [person for person in named.persons if person not in sitting]
    told = [Absent(person=each, why="barred" if each in barred else "left") for each in missing if sitting]
    left_out = [each for each in told if each.why == "barred" or not directory.is_active(each.person)]
    return tuple(left_out) if named.persons or not sitting else (Absent(person="", why="nobody_named"),)


def asked_instead(approval: Approval) -> list[dict[str, Any]]:
    """Each departure from whom the approver names: who is absent, asked for authority, or stood in for."""
    found: list[dict[str, Any]] = [each.model_dump() for each in approval.absent]
    for place, seat in enumerate(approval.seats):
        if seat.vote is not None:
            continue
        if seat.required or (approval.group is None and place > 0):
            found.append({"person": seat.holder, "why": "authority"})
        if seat.reassigned:
            found.append({"person": seat.holder, "why": "reassigned"})
        if seat.asked and seat.asked != (seat.holder,):
            found.append({"person": seat.holder, "why": "delegated", "to": list(seat.asked)})
    return found
