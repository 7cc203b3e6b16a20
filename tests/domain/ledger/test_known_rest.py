"""What was unordered at an earlier moment stays known, whatever becomes of it later."""

from __future__ import annotations

from decimal import Decimal

from domain.ledger.entitlement import View, entitlements
from domain.order.cancel import cancel
from domain.order.choosing import Pick
from domain.order.pick import pick
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


def test_where_it_was_unordered_stays_known() -> None:
    """Once the rest was looked for at the last places, whichever of them was ordered first."""
    places = to(("2027-03-01", "N", "4"), ("2027-04-01", "S", "6"))
    story = Story(quoted(thing(deliveries=places)))

    def unordered(on: str, known: str) -> dict[str | None, int]:
        left = promises(story.priced, story.book, BEFORE)
        found = entitlements(story.entries, day(on), noon(known), View.UNORDERED, promises=left)
        return {row.ship_to: int(row.quantity) for row in found.rows}

    choice = (Pick(line="A", ship_to="S", order_date=day("2027-04-01"), quantity=Decimal(5)),)
    story.keep(pick(story.book, story.priced, choice, cause(noon("2026-12-02"))))
    now = unordered("2027-04-01", "2026-12-03")
    assert now == {"N": 4, "S": 1}
    assert unordered("2027-03-01", "2026-12-03") == {"N": 4}
    story.split(at=noon("2026-12-10"))
    assert unordered("2027-04-01", "2026-12-03") == now
    assert unordered("2027-03-01", "2026-12-03") == {"N": 4}
    assert unordered("2027-04-01", "2026-12-11") == {}


def test_rows_of_before_are_read_as_they_were() -> None:
    story = Story(quoted(thing(deliveries=to(("2027-03-01", "N", "4"), ("2027-03-01", "S", "6")))))
    choice = (Pick(line="A", ship_to="S", order_date=day("2027-03-01"), quantity=Decimal(5)),)
    story.keep(pick(story.book.model_copy(update={"wanted": None}), story.priced, choice, cause(noon("2026-12-02"))))
    assert story.entries[-1].left_places is None
    left = promises(story.priced, story.book, BEFORE)
    found = entitlements(story.entries, day("2027-03-01"), noon("2026-12-03"), View.UNORDERED, promises=left)
    assert [(row.ship_to, int(row.quantity)) for row in found.rows] == [("S", 5)]
