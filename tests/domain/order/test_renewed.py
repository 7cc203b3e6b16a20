"""Nothing goes on twice: renewals and extensions that were prepared before others were ordered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from domain.ledger.entries import LedgerEntry
from domain.order.activation import acknowledge, activate
from domain.order.agreement import Agreement
from domain.order.cancel import cancel
from domain.order.choosing import Pick
from domain.order.placing import place
from domain.order.renewal import Renewal, renew
from domain.pricing import price
from domain.quote import read_quote
from domain.reading import read_model
from domain.refusal import Refusal
from tests.domain.order.agreed import Agreed
from tests.domain.order.story import BEFORE, Story, cause, noon, seats

YEAR = {"start_date": "2027-01-01", "end_date": "2027-12-31"}
EXTENDED = {"line": "S", "end_date": "2028-12-31"}


class Renewed(Agreed):
    """A contract with its amendments and its renewals, all of one customer."""

    def __init__(self, *lines: dict[str, Any], **header: Any) -> None:
        self.renewals: list[Story] = []
        super().__init__(*(lines or (seats("S", **YEAR),)), **header)

    @property
    def entries(self) -> list[LedgerEntry]:
        stories = [*self.stories, *self.renewals]
        return sorted((row for story in stories for row in story.entries), key=lambda row: row.recorded_at)

    @property
    def agreement(self) -> Agreement:
        others = [story.priced.quote for story in (*self.stories[1:], *self.renewals)]
        return Agreement.of(
            self.first.priced.quote, [story.book for story in self.stories], self.entries, others=others
        )

    def prepared(self, quote_id: str = "Q-R1", **wish: Any) -> Story:
        """A renewal, not ordered yet."""
        made = renew(self.agreement, read_model(Renewal, {"quote_id": quote_id, "contract_of": "Q-1", **wish}))
        return Story(price(read_quote(made)))

    def renew(self, story: Story, *picks: Pick, at: datetime = BEFORE) -> Story:
        """Order a renewal, whole or what is picked of it."""
        change = place(story.book, story.priced, ("order_date",), picks or None, None, cause(at), renews=self.agreement)
        story.keep(change)
        if story not in self.renewals:
            self.renewals.append(story)
        return story

    def extend(self, document: dict[str, Any], *picks: Pick, story: Story | None = None) -> Story:
        """Order an amendment, whole or what is picked of it."""
        story = story or Story(price(read_quote(document)))
        keys = ("order_date",)
        story.keep(place(story.book, story.priced, keys, picks or None, self.agreement, cause()))
        if story not in self.stories:
            self.stories.append(story)
        return story


def refused(code: str, path: str, call: Any, *given: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        call(*given)
    assert (refusal.value.code, refusal.value.path) == (code, path)


def test_of_two_renewals_one_is_ordered() -> None:
    agreed = Renewed()
    one, two = agreed.prepared("Q-R1"), agreed.prepared("Q-R2")
    agreed.renew(one)
    refused("already_renewed", "lines.S", agreed.renew, two)
    refused("already_renewed", "lines.S", agreed.renew, two, Pick(line="S", quantity="1"))
    refused("already_renewed", "contract_of", agreed.prepared, "Q-R3")
    assert agreed.held("2028-06-01") == 10


def test_a_renewal_is_ordered_in_several_calls() -> None:
    agreed = Renewed()
    one, two = agreed.prepared("Q-R1"), agreed.prepared("Q-R2")
    agreed.renew(one, Pick(line="S", quantity="4"))
    refused("already_renewed", "lines.S", agreed.renew, two)
    agreed.renew(one, Pick(line="S", quantity="5"))
    agreed.renew(one)
    assert agreed.held("2028-06-01") == 10


def test_a_renewal_is_not_ordered_after_an_extension() -> None:
    agreed = Renewed()
    stale = agreed.prepared()
    agreed.extend(agreed.document("2027-07-01", EXTENDED))
    refused("already_renewed", "lines.S", agreed.renew, stale)
    assert agreed.held("2028-06-01") == 10
    agreed.renew(agreed.prepared("Q-R2"))
    assert [int(agreed.held(on)) for on in ("2029-06-01", "2030-06-01")] == [10, 0]


def test_an_extension_is_not_ordered_after_a_renewal() -> None:
    agreed = Renewed()
    document = agreed.document("2027-07-01", EXTENDED)
    agreed.renew(agreed.prepared())
    refused("already_renewed", "lines.S", agreed.extend, document)


def test_of_two_extensions_one_is_ordered_in_several_calls() -> None:
    agreed = Renewed()
    one = agreed.document("2027-07-01", EXTENDED, quote_id="Q-A1")
    two = agreed.document("2027-07-01", {"line": "S", "end_date": "2029-12-31"}, quote_id="Q-A2")
    story = agreed.extend(one, Pick(line="S", quantity="4"))
    refused("already_renewed", "lines.S", agreed.extend, two)
    agreed.extend(one, Pick(line="S", quantity="6"), story=story)
    refused("already_renewed", "lines.S", agreed.extend, two)
    assert [int(agreed.held(on)) for on in ("2028-06-01", "2029-06-01")] == [10, 0]


def test_an_extension_of_what_was_ended_before_is_not_ordered() -> None:
    agreed = Renewed()
    document = agreed.document("2027-07-01", EXTENDED, quote_id="Q-A1")
    agreed.extend(agreed.document("2027-07-01", {"line": "S", "end_date": "2027-09-30"}, quote_id="Q-A2"))
    refused("not_running", "lines.S", agreed.extend, document)


def test_more_of_the_same_is_no_extension() -> None:
    agreed = Renewed()
    agreed.renew(agreed.prepared())
    for number in (1, 2):
        more = {"line": "S", "quantity_change": "2"}
        agreed.extend(agreed.document("2027-07-01", more, quote_id=f"Q-A{number}"))
    assert [int(agreed.held(on)) for on in ("2027-08-01", "2028-06-01")] == [14, 10]


def test_a_cancelled_renewal_leaves_room_for_another() -> None:
    agreed = Renewed()
    one = agreed.renew(agreed.prepared("Q-R1"))
    order = one.book.orders[0].order_id
    one.keep(cancel(one.book, order, cause(), disposition="unordered"))
    agreed.renew(agreed.prepared("Q-R2"))
    refused("already_renewed", "lines.S", agreed.renew, one)
    assert agreed.held("2028-06-01") == 10


def test_a_renewal_that_the_erp_rejected_leaves_room_for_another() -> None:
    agreed = Renewed()
    one = agreed.renew(agreed.prepared("Q-R1"))
    order = one.book.orders[0].order_id
    one.do(activate, order, noon("2027-12-01"))
    one.do(acknowledge, order, noon("2027-12-02"), outcome="rejected")
    agreed.renew(agreed.prepared("Q-R2"))
    assert agreed.held("2028-06-01") == 10


def test_components_and_layers_are_renewed_together_once() -> None:
    whole = seats("B", "4", **YEAR)
    agreed = Renewed(whole, seats("C", "8", "1.00", **YEAR, component_of="B"))
    agreed.extend(agreed.document("2027-03-01", {"line": "B", "quantity_change": "2"}))
    one, two = agreed.prepared("Q-R1"), agreed.prepared("Q-R2")
    agreed.renew(one)
    refused("already_renewed", "lines.B", agreed.renew, two)
    assert [int(agreed.held("2028-06-01", name)) for name in ("P-B", "P-C")] == [6, 12]


def test_a_draft_of_an_earlier_release_is_known_by_its_lines() -> None:
    agreed = Renewed()
    stories = []
    for quote_id in ("Q-R1", "Q-R2"):
        document = agreed.prepared(quote_id).priced.quote.model_dump(mode="json", exclude_none=True)
        document["lines"][0]["fields"] = {}
        stories.append(Story(price(read_quote(document))))
    agreed.renew(stories[0])
    refused("already_renewed", "lines.S", agreed.renew, stories[1])


def test_the_renewal_of_a_renewal_is_another() -> None:
    agreed = Renewed()
    one = agreed.renew(agreed.prepared("Q-R1"))
    again = Agreement.of(one.priced.quote, [one.book], agreed.entries)
    made = renew(again, read_model(Renewal, {"quote_id": "Q-R1-R1", "contract_of": "Q-R1"}))
    story = Story(price(read_quote(made)))
    story.keep(place(story.book, story.priced, ("order_date",), None, None, cause(), renews=again))
    assert [str(item.start) for order in story.book.orders for item in order.items] == ["2029-01-01"]
