"""Properties of entitlements over random ledgers and amendments: a replay, last in first out, nothing negative."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.asset import subscriptions
from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, entitlements
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.known import known_items
from domain.ledger.timeline import families
from domain.refusal import Refusal
from tests.domain.ledger.replayed import used_on
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import ZONE, Story, quoted, seats

FIRST = date(2027, 1, 1)
ROW: LedgerEntry = Story(quoted(seats("S", end_date="2027-12-31"))).split().entries[0]
START = datetime(2026, 12, 1, 12, tzinfo=ZONE)
DAYS = st.integers(0, 40)


def on(days: int) -> date:
    return FIRST + timedelta(days=days)


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    """Rows of up to three lines of revisions: layers, reductions of any of them, moves, activations and holds."""
    rows: list[LedgerEntry] = []
    plans: dict[str, LedgerEntry] = {}
    for number in range(draw(st.integers(1, 14))):
        said = {"recorded_at": START + timedelta(days=number), "entry_id": str(number)}
        what = draw(st.sampled_from(["layer", "layer", "cut", "cut", "activate", "activate", "hold", "move", "drop"]))
        if what in ("layer", "cut") or not plans:
            begin = draw(DAYS)
            end = draw(st.one_of(st.none(), st.integers(begin, begin + 40).map(on)))
            revised = (
                draw(st.sampled_from(["", *plans])) if what == "layer" else draw(st.sampled_from([*plans, "gone"]))
            )
            known = plans.get(revised)
            root = (known.root_item if known else None) or f"I{number}"
            quantity = Decimal(draw(st.integers(1, 9))) * (1 if what == "layer" or known is None else -1)
            own = {"item_id": f"I{number}", "root_item": root, "revises": revised or None, "product": f"P-{root}"}
            plan = ROW.model_copy(update={**said, **own, "quantity": quantity, "start": on(begin), "end": end})
            plans[plan.item_id] = plan
            rows.append(plan)
            continue
        plan = plans[draw(st.sampled_from(sorted(plans)))]
        if what in ("activate", "hold"):
            kinds = [EntryKind.ACTIVATED] if what == "activate" else [EntryKind.HELD, EntryKind.RELEASED]
            update = {**said, "kind": draw(st.sampled_from(kinds)), "effective": on(draw(DAYS))}
            rows.append(plan.model_copy(update=update))
            continue
        rows.append(plan.model_copy(update={**said, "counter": True, "quantity": -plan.quantity}))
        del plans[plan.item_id]
        if what == "move":
            begin = draw(DAYS)
            plans[plan.item_id] = plan.model_copy(update={**said, "start": on(begin), "end": on(begin + 20)})
            rows.append(plans[plan.item_id])
    return rows


@given(ledgers(), st.integers(-1, 15), st.booleans())
@settings(max_examples=300)
def test_entitlements_are_a_replay_on_every_day(rows: list[LedgerEntry], known: int, committed: bool) -> None:
    moment = START + timedelta(days=known)
    view = View.COMMITTED if committed else View.CONTRACTED
    told = families(known_items(rows, moment))
    for days in range(-1, 85):
        found = entitlements(rows, on(days), moment, view)
        expected = used_on(rows, on(days), moment, committed)
        assert {row.product: int(row.quantity) for row in found.rows} == {
            f"P-{root}": n for root, n in expected.items()
        }
        assert all(left >= 0 for family in told for left in family.left(on(days), view).values())


@given(ledgers())
def test_steps_say_what_every_day_says(rows: list[LedgerEntry]) -> None:
    for view in (View.CONTRACTED, View.COMMITTED):
        told = {each.product: each for each in subscriptions(rows, view=view)}
        for days in range(-1, 85):
            found = entitlements(rows, on(days), view=view).by_product
            assert {p: q for p, each in told.items() if (q := each.quantity(on(days)))} == found


@given(ledgers())
def test_what_is_recorded_later_changes_nothing_that_was_known(rows: list[LedgerEntry]) -> None:
    for number in range(len(rows)):
        moment = START + timedelta(days=number)
        then = [row for row in rows if row.recorded_at <= moment]
        for days in (0, 20, 40):
            assert entitlements(rows, on(days), moment) == entitlements(then, on(days))


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.integers(-6, 6),
        st.sampled_from([None, "8.00", "12.50"]),
        st.sampled_from([None, None, "2027-09-15", "2028-03-31"]),
    ),
    max_size=5,
)


@given(CHANGES, st.booleans())
@settings(max_examples=150)
def test_amendments_change_what_they_say_from_their_day_on(
    changes: list[tuple[int, int, str | None, str | None]], whole_months: bool
) -> None:
    term = {"term_months": 12} if whole_months else {"end_date": "2027-12-31"}
    agreed = Agreed(seats("S", "7", "3.33", start_date="2027-01-01", **term))
    for month, change, price, end in changes:
        start = date(2027, month + 1, 1)
        wish = {"line": "S", "quantity_change": str(change) if change else None, "unit_price": price, "end_date": end}
        before = {day: agreed.held(day.isoformat()) for day in (start - timedelta(days=1), start)}
        with suppress(Refusal):
            agreed.amend(start.isoformat(), {name: value for name, value in wish.items() if value is not None})
            after = agreed.held(start.isoformat())
            assert agreed.held((start - timedelta(days=1)).isoformat()) == before[start - timedelta(days=1)]
            if end is None or end > start.isoformat():
                assert after == before[start] + change
    (contract,) = contracts(agreed.entries, "single")
    assert contract.value == agreed.amounts()
    assert contract.end is not None
    if contract.end >= FIRST:
        assert agreed.held((contract.end + timedelta(days=1)).isoformat()) == 0


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 6)), max_size=4))
def test_all_that_is_taken_from_the_first_day_is_credited_to_the_cent(changes: list[tuple[int, int]]) -> None:
    agreed = Agreed(seats("S", "7", "3.33", start_date="2027-01-01", end_date="2027-12-31"), until=None)
    for month, quantity in changes:
        with suppress(Refusal):
            agreed.amend(date(2027, month + 1, 15).isoformat(), {"line": "S", "quantity_change": str(-quantity)})
    with suppress(Refusal):
        agreed.amend("2027-01-01", {"line": "S", "quantity_change": "-7"})
        assert agreed.amounts() == 0
