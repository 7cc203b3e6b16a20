"""What letters say, in plain English; one subject and one opening for each kind of message."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from activities.partners.mail import Ask, Letter

SUBJECTS = {
    "request": "Please decide: {quote}",
    "reminder": "Reminder, please decide: {quote}",
    "escalation": "Handed over to you, please decide: {quote}",
    "delegation": "Delegated to you, please decide: {quote}",
    "approved": "Approved: {quote}",
    "rejected": "Rejected: {quote}",
    "recalled": "Recalled: {quote}",
}

OPENINGS = {
    "request": "{submitter} asks for your decision on this quote.",
    "reminder": "This quote still waits for your decision.",
    "escalation": "Nobody has decided on this quote in time, so it was handed over to you.",
    "delegation": "You stand in for a colleague who was asked to decide on this quote.",
    "approved": "This quote is approved. It can now be accepted.",
    "rejected": "This quote is rejected. It can be changed and submitted again.",
    "recalled": "This quote was taken back. Nothing is left to do for you.",
}

ASKING = ("request", "reminder", "escalation", "delegation")


def subject(letter: Letter) -> str:
    """The subject line, on one line whatever the quote's title holds."""
    quote = f"{letter.quote_id} {letter.title}".strip()
    return _one_line(SUBJECTS.get(letter.kind, letter.kind.capitalize() + ": {quote}").format(quote=quote))


def body(letter: Letter) -> str:
    """The text, in lines."""
    opening = OPENINGS.get(letter.kind, "There is news about this quote.")
    lines = [
        f"Hello {_one_line(letter.name)},",
        "",
        opening.format(submitter=letter.submitter),
        "",
        f"  Quote      {letter.quote_id}, round {letter.round}",
        f"  Title      {_one_line(letter.title)}",
        f"  Customer   {letter.customer_id}",
        f"  Net total  {letter.net_total:,f} {letter.currency}",
    ]
    if letter.kind in ASKING:
        lines += _asks(letter)
    if letter.comment and letter.kind in ASKING:
        lines += ["", f"{letter.submitter} wrote:", *_quoted(letter.comment)]
    if letter.outcome_reason and letter.kind in ("rejected", "recalled"):
        lines += ["", "Reason:", *_quoted(letter.outcome_reason)]
    return "\n".join([*lines, ""])


def _asks(letter: Letter) -> list[str]:
    lines: list[str] = []
    for ask in letter.asks:
        lines += ["", f"  Asked for  {ask.rule}", f"  Why        {_one_line(ask.reason or 'the policy says so')}"]
        lines += [f"  Due        {_when(ask.due_at, letter.time_zone)}"] if ask.due_at else []
        lines += _others(ask, letter.to)
    return lines


def _others(ask: Ask, to: str) -> list[str]:
    others = [person for person in ask.waiting_for if person != to]
    return [f"  Also asked {', '.join(others)}"] if others else []


def _when(moment: datetime, time_zone: str) -> str:
    local = moment.astimezone(ZoneInfo(time_zone))
    return f"{local:%A, %d %B %Y, %H:%M} ({time_zone})"


def _quoted(text: str) -> list[str]:
    return [f"  > {line}" for line in text.splitlines() if line.strip()]


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
