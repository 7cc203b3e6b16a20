"""What was unordered at an earlier moment stays known, whatever becomes of it later."""

from __future__ import annotations

from decimal import Decimal

from domain.ledger.entitlement import View, entitlements
from domain.order.cancel import cancel
from domain.order.promised import promises
from tests.domain.order.story import BEFORE, Story, cause, day, noon, quoted, thing, to


def test_what_was_unordered_and_is_given_up_since_was_unordered_then() -> None:
    """Found by random lives: the rows of a line did not tell what came back from what was given up."""
    story = Story(quoted(thing(deliveries=to(("2027-03-01", "N", "10"))))).split()
    story.keep(cancel(story.book, "Q-1-1", cause(noon("2026-12-02")), lines={"A": Decimal(4)}))
    story.split(at=noon("2026-12-10"))
    story.keep(cancel(story.book, "Q-1-2", cause(noon("2026-12-20")), disposition="cancelled"))

    def unordered(known: str) -> int:
        left = promises(story.priced, story.book, BEFORE)
        found = entitlements(story.entries, day("2027-03-01"), noon(known), View.UNORDERED, promises=left)
        return int(found.of("P-A"))

    assert [unordered(known) for known in ("2026-12-01", "2026-12-05", "2026-12-15", "2026-12-25")] == [0, 4, 0, 0]
