"""A quote and one of its rounds, held together until the transaction ends: one round trip instead of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from activities.store.quotes import StoredQuote
from activities.store.tables import quotes, rounds
from domain.approval.state import RoundState

if TYPE_CHECKING:
    from activities.store.work import Work

# The quote first, as everybody does. Of both the newest row comes back, also where another had to be waited for.
HOLD_BOTH = (
    select(*quotes.c, rounds.c.state.label("round_state"), rounds.c.revision)
    .select_from(quotes.join(rounds, rounds.c.quote_id == quotes.c.quote_id))
    .where(quotes.c.quote_id == bindparam("name"), rounds.c.round == bindparam("number"))
    .with_for_update(of=[quotes, rounds])
)


async def hold_round(work: Work, quote_id: str, number: int) -> tuple[StoredQuote, RoundState]:
    """The quote and that round of it. Codes: ``unknown_quote``, ``unknown_round``."""
    row = (await work.connection.execute(HOLD_BOTH, {"name": quote_id, "number": number})).one_or_none()
    if row is None:
        stored = await work.quotes.get(quote_id, for_update=True)
        return stored, await work.rounds.get(quote_id, number, for_update=True)
    *columns, state, revision = row
    stored = StoredQuote(**dict(zip(quotes.columns.keys(), columns, strict=True)))
    found = RoundState.model_validate(state)
    work.quotes.hold(stored)
    work.rounds.hold(found, int(revision))
    return stored, found
