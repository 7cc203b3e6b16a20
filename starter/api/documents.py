"""Quotes, rounds, approvals and the record as the API shows them. Money is ``{amount, currency}``, both texts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from activities.store.directory_pages import StoredDelegation
from activities.store.policies import PublishedPolicy
from activities.store.quotes import StoredQuote
from activities.store.record import RecordedEntry
from activities.store.views import InboxLine, QuotePage, RoundLine
from domain.approval.state import RoundState
from domain.delegation import Delegation
from domain.money import decimal_text
from domain.people import Directory
from domain.reading import read_model
from starter.plans import plan_document

Json = dict[str, Any]


def money(amount: Decimal, currency: str) -> Json:
    """An amount with its currency."""
    return {"amount": decimal_text(amount), "currency": currency}


def quote_document(quote: StoredQuote) -> Json:
    """A quote without its content."""
    document = quote.model_dump(mode="json", exclude={"net_total", "currency"})
    return {**document, "net_total": money(quote.net_total, quote.currency)}


def quote_page_document(page: QuotePage) -> Json:
    """A quote with its content as handed in, and its latest round."""
    return {
        **quote_document(page.quote),
        "content": page.content.content,
        "approval": round_document(page.round) if page.round is not None else None,
    }


def round_document(state: RoundState) -> Json:
    """A round: its plan with everything that was decided in it."""
    times = {"opened_at": state.opened_at, "closed_at": state.closed_at}
    return {
        **plan_document(state),
        "comment": state.comment,
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
    }


def round_lines_document(lines: Iterable[RoundLine]) -> Json:
    """The rounds of a quote without their plans."""
    return {"rounds": [line.model_dump(mode="json") for line in lines]}


def inbox_line_document(line: InboxLine) -> Json:
    """One approval in somebody's list."""
    document = line.model_dump(mode="json", exclude={"net_total", "currency"})
    return {**document, "net_total": money(line.net_total, line.currency)}


def record_entry_document(entry: RecordedEntry) -> Json:
    """One entry of the record, with the hashes that chain it."""
    return entry.model_dump(mode="json")


def delegation_document(stored: StoredDelegation, directory: Directory, at: datetime) -> Json:
    """A delegation: as it was entered, from when until when that is, and how it stands ``at`` a moment."""
    start, end = directory.window(read_model(Delegation, stored.body))
    if stored.ended_at is not None:
        state = "taken_back"
    elif end is not None and end <= at:
        state = "over"
    else:
        state = "to_come" if start is not None and start > at else "in_force"
    moments = {"starts_at": start, "ends_at": end, "entered_at": stored.entered_at, "ended_at": stored.ended_at}
    return {
        "id": stored.delegation_id,
        **stored.body,
        "state": state,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        "entered_by": stored.entered_by,
        "ended_by": stored.ended_by,
    }


def policy_document(policy: PublishedPolicy) -> Json:
    """A published version of a policy, with its text where it came as one."""
    return policy.model_dump(mode="json")
