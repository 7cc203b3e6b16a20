"""What the tests of the store put into it: the hospital, a small quote, a round of two approvals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from activities.store.work import Database, Work
from domain.approval.state import Approval, ApprovalState, Lane, Outcome, RoundState, Seat, Snapshot, Verdict, Vote
from domain.order.book import OrderBook, open_book
from domain.order.event import Cause
from domain.order.split import split
from domain.pricing import PricedQuote, price
from domain.quote import read_quote

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSPITAL = Path(__file__).parents[2] / "examples" / "hospital"


def hospital() -> dict[str, Any]:
    """The hospital's quote as handed in."""
    content: dict[str, Any] = json.loads((HOSPITAL / "quote.json").read_text(encoding="utf-8"))
    return content


def small(quote_id: str = "Q-1", **changes: Any) -> dict[str, Any]:
    """A quote of one line, 3 × 33.10, as handed in."""
    line: dict[str, Any] = {"line_id": "L1", "product": "PUMP", "family": "Pumps", "kind": "one_time"}
    line |= {"quantity": "3", "list_price": "33.10", "deliveries": [{"order_date": "2027-01-11", "quantity": "3"}]}
    header = {"quote_id": quote_id, "title": f"Pumps {quote_id}", "owner": "rosa", "currency": "USD"}
    return {**header, "customer": {"customer_id": "acme", "name": "Acme"}, "lines": [line], **changes}


async def store_quote(work: Work, content: Mapping[str, Any] | None = None, by: str = "rosa") -> str:
    """Put a quote, and the policy that rounds refer to; returns the content hash."""
    if not await work.policies.newest_version("standard"):
        await work.policies.publish("standard", "policy: standard\n", {"policy": "standard"}, "pat", NOON)
    return (await work.quotes.put(content or small(), by, NOON)).content_hash


def seat(*people: str, vote: Vote | None = None, due: datetime | None = None) -> Seat:
    """The seat of the first person, in which all of them are asked and may act."""
    return Seat(origin=people[0], holder=people[0], asked=people, acting=people, escalate_at=due, vote=vote)


def vote(by: str, decision_id: str | None = None, verdict: Verdict = Verdict.APPROVE, **more: Any) -> Vote:
    return Vote(decision_id=decision_id or f"d-{by}", by=by, seat_of=by, verdict=verdict, at=NOON, **more)


def approval(name: str, *seats: Seat, state: ApprovalState = ApprovalState.REQUESTED, **more: Any) -> Approval:
    """An approval of a rule of that name."""
    given = {"chain": "commercial", "step": 1, "approver": name, "reason": "too much discount"}
    snapshot = Snapshot(fingerprint="f")
    return Approval(
        **{"approval_id": name, "rule": name, "state": state, "seats": seats, "snapshot": snapshot, **given, **more}
    )


def round_of(*approvals: Approval, quote_id: str = "Q-1", number: int = 1, **more: Any) -> RoundState:
    """A round that is open, on the content ``hash``."""
    facts = {"policy": "standard", "policy_version": 1, "content_hash": "hash", "currency": "USD"}
    people = {"owner": "rosa", "submitter": "rosa", "barred": ("rosa",), "customer_id": "acme"}
    return RoundState(
        quote_id=quote_id,
        round=number,
        title="Pumps",
        net_total="99.30",
        opened_at=NOON,
        **{**facts, **people, "lanes": (Lane(name="commercial"),), "approvals": approvals, **more},
    )


def closed(state: RoundState, outcome: Outcome = Outcome.APPROVED) -> RoundState:
    return state.model_copy(update={"outcome": outcome, "closed_at": NOON + timedelta(hours=1)})


async def open_two(database: Database) -> RoundState:
    """A stored round that asks mei alone, and liam and nora."""
    state = round_of(approval("manager", seat("mei")), approval("legal", seat("liam"), seat("nora")))
    async with database.work() as work:
        await store_quote(work)
        await work.rounds.open(state)
    return state


async def order_hospital(database: Database) -> tuple[PricedQuote, OrderBook]:
    """Store the hospital's quote, its book and its orders."""
    priced = price(read_quote(hospital()))
    book = open_book(priced)
    change = split(book, priced, ["order_date", "ship_to"], Cause(at=NOON, by="rosa"))
    async with database.work() as work:
        await work.quotes.put(hospital(), "rosa", NOON)
        await work.orders.open_book(book)
        await work.save_change(change)
    return priced, book.applied(change)
