"""What a submit depends on, read in one statement: one moment of it, and one round trip instead of six."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import JSON, BigInteger, Integer, Text, column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.quotes import StoredQuote
from activities.store.tables import quotes
from domain.approval.state import RoundState
from domain.refusal import Refusal

# Whoever handed in content since the last approved round is an editor, counted in versions and not in moments.
READ_FACTS = text(f"""
SELECT {", ".join(f'q."{each.name}"' for each in quotes.columns)}, v.content,
    ARRAY(SELECT DISTINCT e.by FROM quote_versions e WHERE e.quote_id = q.quote_id AND e.version > (
        SELECT coalesce(max(r.quote_version), 0) FROM rounds r
        WHERE r.quote_id = q.quote_id AND r.outcome = 'approved')),
    (SELECT json_agg(r.state ORDER BY r.round) FROM rounds r WHERE r.quote_id = q.quote_id),
    (SELECT coalesce(max(p.version), 0) FROM policies p WHERE p.name = :policy),
    (SELECT d.version FROM directory_counter d)
FROM quotes q JOIN quote_versions v ON v.quote_id = q.quote_id AND v.version = q.version
WHERE q.quote_id = :quote_id
""").columns(
    *quotes.columns,
    column("content", JSON),
    column("editors", ARRAY(Text)),
    column("earlier", JSON),
    column("policy_version", Integer),
    column("directory_version", BigInteger),
)


class SubmissionFacts(NamedTuple):
    """A stored quote, its content, who edited it since the last approved round, its rounds, and which versions of the
    policy (0: there is none) and of the directory are the newest.
    """

    stored: StoredQuote
    content: Mapping[str, Any]
    editors: tuple[str, ...]
    earlier: tuple[RoundState, ...]
    policy_version: int
    directory_version: int


async def read_submission(connection: AsyncConnection, quote_id: str, policy: str) -> SubmissionFacts:
    """The facts of a submit under the newest version of ``policy``. Code: ``unknown_quote``."""
    given = {"quote_id": quote_id, "policy": policy}
    row = (await connection.execute(READ_FACTS, given)).one_or_none()
    if row is None:
        raise Refusal("unknown_quote", f"there is no quote {quote_id}; hand it in first", "quote_id")
    *stored, content, editors, earlier, policy_version, directory_version = row
    return SubmissionFacts(
        StoredQuote(**dict(zip(quotes.columns.keys(), stored, strict=True))),
        content,
        tuple(sorted(editors)),
        tuple(map(RoundState.model_validate, earlier or ())),
        policy_version,
        directory_version,
    )
