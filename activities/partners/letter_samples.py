"""Sample letters, for trying out templates before anybody's letter depends on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from activities.partners.mail import ASKING, Ask, Letter, Note

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TEXT = 'Net 90 & 27 % off:\n<please> decide "soon"'


def sample(kind: str, *, full: bool = True) -> Letter:
    """A letter of that kind with everything a letter can have, or (not ``full``) with nothing that may be missing."""
    bare = Letter(
        key=f"Q-1001/1/{kind}",
        kind=kind,
        to="mei",
        name="Mei Tanaka",
        mail="mei@example.com",
        at=AT,
        quote_id="Q-1001",
        round=1,
        title="Pumps for St. Anna",
        customer_id="st-anna",
        submitter="rosa",
        net_total=Decimal("1911201.11"),
        currency="USD",
        asks=(Ask(approval_id="Q-1001.1.legal", rule="legal", approver="legal"),) if kind in ASKING else (),
    )
    if not full:
        return bare
    ask = Ask(
        approval_id="Q-1001.1.discount",
        rule="discount",
        approver="manager",
        reason="Line discount above 25 %",
        on_behalf_of="david",
        since=AT,
        due_at=AT + timedelta(days=2),
        waiting_for=("mei", "liam"),
    )
    more = {
        "time_zone": "Europe/Berlin",
        "customer_name": "Spital „St. Anna“",
        "asks": (ask, *bare.asks) if kind in ASKING else (),
        "comment": TEXT,
        "outcome_reason": TEXT,
        "note": Note(by="david", comment=TEXT, rule="discount", instead_of="david"),
        "names": {"rosa": "Rosa Lind", "david": "David Osei", "liam": "Liam Byrne"},
    }
    return bare.model_copy(update=more)
