"""How large a round may be: its state crosses between run and activities whole, and messages there have an end.

Two megabytes are the most that a message of Temporal holds. Sizes here are in bytes of JSON, without the rules that did
not fire, which stay in the row (:attr:`~domain.approval.state.RoundState.carried`).
"""

from __future__ import annotations

from typing import Final

from domain.approval.state import RoundState
from domain.refusal import Refusal

MOST_AT_FIRST: Final = 1_000_000
MOST: Final = 1_750_000
"""Beyond it nobody adds words to a round; recalls, reminders and escalations still fit into what is left."""


def check_opening(state: RoundState) -> None:
    """Refuse (``too_many_approvals``) to open a round that has no room for the answers to come."""
    size = _size(state)
    if size > MOST_AT_FIRST:
        message = (
            f"{len(state.approvals):,} approvals with what they tested make {size:,} bytes, at most {MOST_AT_FIRST:,} "
            "are carried; let fewer rules fire, or test less in each"
        )
        raise Refusal("too_many_approvals", message)


def check_room(state: RoundState) -> None:
    """Refuse (``round_full``) a decision or another act for which a round has no room left."""
    if _size(state) > MOST:
        raise Refusal("round_full", "the round holds as much as it can; say it in fewer words, or recall the quote")


def _size(state: RoundState) -> int:
    return len(state.carried.model_dump_json().encode())
