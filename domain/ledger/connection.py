"""Connections: which items must be looked at together, because the revenue of one depends on the other."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ledger.entries import EntryKind, LedgerEntry


def connected(rows: Sequence[LedgerEntry]) -> tuple[tuple[LedgerEntry, ...], ...]:
    """``rows`` of items that have nothing to do with each other, apart; each part in the order of ``rows``.

    Together are what revises or has a root, bundles, and shares with their base, as any row ever told.
    """
    towards: dict[str, str] = {}

    def head(item_id: str) -> str:
        here = item_id
        while (following := towards.get(here, here)) != here:
            towards[here] = towards.get(following, following)
            here = following
        return here

    for row in rows:
        if row.kind is EntryKind.SCHEDULED:
            own = head(row.item_id)
            for other in (row.root_item, row.parent_item, row.revises, *(part.item_id for part in row.base)):
                if other is not None and other != row.item_id:
                    towards[head(other)] = own = head(own)
    heads = {item_id: head(item_id) for item_id in {row.item_id for row in rows}}
    found: dict[str, list[LedgerEntry]] = {}
    for row in rows:
        found.setdefault(heads[row.item_id], []).append(row)
    return tuple(tuple(part) for part in found.values())
