"""An oracle of services: unit by unit, a day replayed from the rows, without a word of the code that it checks.

Each unit of a layer is a token. Reductions come in the order of their planning and each takes tokens: first of the
layer it revises, then of the layer that came in last. What is left and not held is what the customer may use.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from domain.ledger.entries import EntryKind, LedgerEntry


def used_on(rows: Sequence[LedgerEntry], on: date, known: datetime, committed: bool) -> dict[str, int]:
    """Whole units of services by the root item of their line of revisions."""
    told = [row for row in rows if row.recorded_at <= known]
    planned: list[LedgerEntry] = []
    for row in told:
        if row.kind is EntryKind.SCHEDULED:
            same = [plan for plan in planned if plan.item_id == row.item_id]
            for plan in same:
                planned[planned.index(plan)] = row if not row.counter else plan
            if row.counter:
                planned = [plan for plan in planned if plan.item_id != row.item_id]
            elif not same:
                planned.append(row)
    first_told = [row.item_id for row in told]
    planned.sort(key=lambda plan: first_told.index(plan.item_id))
    active = {row.item_id for row in told if row.kind is EntryKind.ACTIVATED}
    running = [plan for plan in planned if _runs(plan, on) and (committed or plan.item_id in active)]
    tokens: list[tuple[str, str]] = []
    for plan in sorted((plan for plan in running if plan.quantity > 0), key=lambda plan: plan.start or date.min):
        tokens += [(plan.root_item or plan.item_id, plan.item_id)] * int(plan.quantity)
    cuts = {plan.item_id: plan for plan in planned if plan.quantity < 0}
    for cut in (plan for plan in running if plan.quantity < 0):
        revised = cut.revises
        while revised in cuts:
            revised = cuts[revised].revises
        if any(plan.item_id == revised for plan in running):
            _take(tokens, cut, revised)
    found: dict[str, int] = {}
    for root, item_id in tokens:
        if not _held(told, item_id, on):
            found[root] = found.get(root, 0) + 1
    return found


def _take(tokens: list[tuple[str, str]], cut: LedgerEntry, revised: str | None) -> None:
    for _ in range(-int(cut.quantity)):
        own = [place for place, (_, item_id) in enumerate(tokens) if item_id == revised]
        line = [place for place, (root, _) in enumerate(tokens) if root == cut.root_item]
        if own or line:
            del tokens[(own or line)[-1]]


def _runs(plan: LedgerEntry, on: date) -> bool:
    return plan.start is not None and plan.start <= on and (plan.end is None or on <= plan.end)


def _held(told: Sequence[LedgerEntry], item_id: str, on: date) -> bool:
    words = [row for row in told if row.item_id == item_id and row.kind in (EntryKind.HELD, EntryKind.RELEASED)]
    held = False
    for row in sorted(words, key=lambda row: row.effective):
        held = row.kind is EntryKind.HELD if row.effective <= on else held
    return held
