"""What a letter says: put together from its message, the round and the people as they are when it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.partners.mail import ASKING, Ask, Letter, Note, Undeliverable
from activities.store.outgoing import OutgoingMessage
from activities.store.work import Work
from domain.approval.state import Approval, ApprovalState, Notice, RoundState

NO_REASON = "recalled"
"""The reason of a recall of which nobody said why."""


async def compose(work: Work, message: OutgoingMessage) -> Letter:
    """The letter that brings ``message``.

    Raises ``Undeliverable``: ``superseded`` when what it asks for is asked of this person no more, ``inactive`` or
    ``no_address`` when there is nobody to write to.
    """
    notice = Notice.model_validate(message.body)
    said = _note(notice.detail)
    mentioned = [person for person in (said.by, said.instead_of) if person is not None]
    facts = await work.message_views.facts(notice.quote_id, notice.round, notice.to, mentioned)
    state = facts.state
    refuse_superseded(notice, state)
    mail = _address(notice.to, facts.user)
    asks = _asks(state, notice)
    told = {state.submitter, *mentioned, *(each.on_behalf_of for each in asks)}
    told |= {person for ask in asks for person in ask.waiting_for}
    about = ", ".join(dict.fromkeys(ask.rule for ask in asks))
    return Letter(
        key=notice.key,
        kind=notice.kind,
        to=notice.to,
        name=facts.user.get("name") or notice.to,
        mail=mail,
        time_zone=facts.time_zone,
        locale=facts.user.get("locale"),
        at=notice.at,
        quote_id=notice.quote_id,
        round=notice.round,
        title=state.title,
        customer_id=state.customer_id,
        customer_name=facts.customer_name,
        is_change=facts.is_change,
        submitter=state.submitter,
        net_total=state.net_total,
        currency=state.currency,
        asks=asks,
        comment=state.comment,
        outcome_reason=None if state.outcome_reason == NO_REASON else state.outcome_reason,
        note=said if said.rule or not about else said.model_copy(update={"rule": about}),
        names={person: name for person, name in facts.names.items() if person in told},
    )


def refuse_superseded(notice: Notice, state: RoundState) -> None:
    """Raise ``Undeliverable`` when none of the approvals that the message asks for asks its reader any more."""
    if notice.kind in ASKING and notice.approvals and not any(map(_asking(notice.to), _named(state, notice))):
        raise Undeliverable(f"what {notice.key} asks for is settled, or asked of somebody else by now", "superseded")


def _address(person: str, user: Mapping[str, Any]) -> str:
    if user.get("active") is False:
        raise Undeliverable(f"{person} is no active user of the directory", "inactive")
    if not user.get("mail"):
        raise Undeliverable(f"{person} has no mail address in the directory", "no_address")
    return str(user["mail"])


def _named(state: RoundState, notice: Notice) -> list[Approval]:
    found = (state.approval(name) for name in notice.approvals)
    return [approval for approval in found if approval is not None]


def _asking(person: str) -> Any:
    return lambda approval: approval.state is ApprovalState.REQUESTED and person in approval.waiting_for


def _asks(state: RoundState, notice: Notice) -> tuple[Ask, ...]:
    """The approvals that the letter is about; of those it asks for, the ones that still ask."""
    named = _named(state, notice)
    if notice.kind in ASKING:
        named = list(filter(_asking(notice.to), named))
    return tuple(_ask(approval, notice.to) for approval in named)


def _ask(approval: Approval, person: str) -> Ask:
    mine = [seat for seat in approval.seats if seat.vote is None and person in seat.asked]
    holders = [seat.holder for seat in mine]
    limits = [seat.escalate_at for seat in mine if seat.escalate_at is not None]
    return Ask(
        approval_id=approval.approval_id,
        rule=approval.rule,
        approver=approval.approver,
        reason=approval.reason,
        # Somebody with a seat of their own acts for themselves, whomever else they stand in for.
        on_behalf_of=next(iter(holders), None) if person not in holders else None,
        since=approval.requested_at,
        due_at=min(limits, default=None),
        waiting_for=approval.waiting_for,
    )


def _note(detail: Mapping[str, Any]) -> Note:
    known = {"by": "by", "comment": "comment", "rule": "rule", "from": "instead_of"}
    return Note(**{ours: str(detail[name]) for name, ours in known.items() if detail.get(name) is not None})
