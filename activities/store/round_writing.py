"""One statement that writes all rows of a round: a round trip instead of seven, while the quote is held.

Rows travel as JSON, a list for each table, and PostgreSQL makes them rows of the table's own type again. With them go
what the quote becomes by it, and the messages that it causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables import approval_people, approvals, decisions, outgoing, quotes, rounds

PARTS = (approvals, approval_people, decisions, quotes, outgoing)
_MOVED = (
    "UPDATE quotes q SET state = n.state, round = n.round, etag = n.etag, updated_at = n.updated_at"
    " FROM jsonb_populate_recordset(NULL::quotes, :quotes) n WHERE q.quote_id = n.quote_id"
)
# In the order in which they are given; the rest of the row is the table's own to say.
_PUT = (
    "INSERT INTO outgoing (key, kind, recipient, body) SELECT key, kind, recipient, body"
    " FROM jsonb_populate_recordset(NULL::outgoing, :outgoing) ON CONFLICT DO NOTHING"
)


def _statement(first: str) -> TextClause:
    """``first`` writes the row of the round; the others follow, and foreign keys are checked at the end of all."""
    # Of one person's answers to one request the first one is kept.
    same_round = "(approvals.quote_id, approvals.round) = (excluded.quote_id, excluded.round)"
    kept = "ON CONFLICT (approval_id, by, turn) WHERE channel <> 'timeout' DO NOTHING"
    parts = {
        "round": first,
        # No round takes an approval from another one: whoever writes compares how many rows were written.
        approvals.name: _insert(approvals, f"{_merging(approvals)} WHERE {same_round} RETURNING 1"),
        approval_people.name: _insert(approval_people, _merging(approval_people)),
        decisions.name: _insert(decisions, kept),
        quotes.name: _MOVED,
        outgoing.name: _PUT,
    }
    steps = ", ".join(f"new_{name} AS ({statement})" for name, statement in parts.items())
    return text(f"WITH {steps} SELECT count(*) FROM new_{approvals.name}").bindparams(
        *(bindparam(name, type_=JSONB) for name in parts),
    )


def _insert(table: Table, otherwise: str = "", rows: str | None = None) -> str:
    columns = _listed(column.name for column in table.columns)
    source = f"jsonb_populate_recordset(NULL::{table.name}, :{rows or table.name})"
    return f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source} {otherwise}"


def _merging(table: Table) -> str:
    keys = _listed(column.name for column in table.primary_key)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {_settings(table, 'excluded')}"


def _settings(table: Table, source: str, but: Iterable[str] = ()) -> str:
    rest = [each.name for each in table.columns if not each.primary_key and each.name not in but]
    return ", ".join(f'"{name}" = {source}."{name}"' for name in rest)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


# The version of the quote that a round was opened on never changes.
_SAVED = (
    f"UPDATE rounds r SET {_settings(rounds, 'n', but=('quote_version',))}"
    " FROM jsonb_populate_recordset(NULL::rounds, :round) n WHERE r.quote_id = n.quote_id AND r.round = n.round"
)
OPEN_ROUND = _statement(_insert(rounds, rows="round"))
SAVE_ROUND = _statement(_SAVED)


def parameters(round: dict[str, Any], rows: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """What either statement is given: the row of the round, and the new or changed rows of the other tables."""
    return {"round": [round], **{table.name: rows.get(table.name, ()) for table in PARTS}}
