"""Current details for the Temporal UI: Markdown that answers an operator's first questions without any payload."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from temporalio.exceptions import ApplicationError

from activities.requests import OrderStanding
from domain.approval.state import Approval, ApprovalState, RoundState
from domain.order.order import OrderState
from workflows.names import LONGEST_NAME

MOST_ROWS = 200
"""Operators read the rest in the tables."""
HELD = {OrderState.ON_HOLD: "On hold", OrderState.BLOCKED: "Blocked"}
OVER = frozenset({OrderState.CANCELLED, OrderState.SUPERSEDED})


def round_table(state: RoundState) -> str:
    """Who is asked, since when, due when, and what comes next."""
    head = f"**{state.quote_id}** round {state.round}: {state.outcome or 'pending'}"
    if state.outcome is not None:
        return f"{head} ({state.outcome_reason})"
    rows = [_row(each) for each in state.approvals if each.state.is_open]
    following = f"\n\nNext deadline: {_moment(state.next_moment)}" if state.next_moment else ""
    return "\n".join([head, "", "| approval | asked | since | due |", "|---|---|---|---|", *rows]) + following


def _row(approval: Approval) -> str:
    people = ", ".join(approval.waiting_for)
    since = _moment(approval.requested_at) if approval.state is ApprovalState.REQUESTED else "its step comes later"
    return f"| {approval.rule} | {people} | {since} | {_moment(approval.due_at)} |"


def order_table(standing: OrderStanding) -> str:
    """Where an order stands, and what it waits for."""
    return "\n".join(_order_lines(standing))


def _order_lines(standing: OrderStanding) -> Iterator[str]:
    yield f"**{standing.order_id}** ({standing.key}): {standing.state}, {standing.total} {standing.currency}"
    yield ""
    yield f"Order date {standing.order_date}, version {standing.version}. Waits for {waits_for(standing)}."
    if standing.next_moment is not None:
        yield ""
        yield f"Next moment: {_moment(standing.next_moment)}"
    if standing.held_by is not None:
        yield ""
        yield f"**{HELD.get(standing.state, 'Held')}**: {standing.held_by}"


def orders_table(orders: tuple[OrderStanding, ...], ended: int, made: int) -> str:
    """The orders of a fulfilment as this run made them, of ``made`` in all, and how many have ended."""
    shown = orders[:MOST_ROWS]
    rows = [f"| {each.order_id} | {each.key} | {each.order_date} | {each.total} {each.currency} |" for each in shown]
    head = f"{ended} of {made} orders have ended"
    more = ["", f"… and {made - len(shown)} more"] if made > len(shown) else []
    return "\n".join([head, "", "| order | key | date | total |", "|---|---|---|---|", *rows, *more])


def held_up(picture: str, error: ApplicationError) -> str:
    """The picture of something whose time has come and that cannot go on, with the reason."""
    return f"{picture}\n\n**Held up** [{error.type}]: {error.message}"


def waits_for(standing: OrderStanding) -> str:
    """What has to happen next."""
    if standing.is_final:
        return "nothing"
    if standing.state is OrderState.ON_HOLD:
        return "its release"
    if standing.state is OrderState.BLOCKED:
        return "what blocks it to be mended"
    if not standing.activated and standing.state not in OVER:
        return f"its date, {_moment(standing.due)}"
    if standing.sent and standing.to_tell:
        return "the ERP to take the change"
    if not standing.sent and standing.state not in OVER:
        return "the ERP to take it"
    if not standing.acknowledged:
        return "the ERP's acknowledgement"
    return f"services that start {_moment(standing.next_moment)}" if standing.next_moment else "deliveries"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else ""


def timer_name(state: RoundState) -> str:
    """What the round waits for, for the name of its timer."""
    waiting = [each.rule for each in state.approvals if each.state is ApprovalState.REQUESTED]
    return f"next deadline of {', '.join(waiting)}"[:LONGEST_NAME]
