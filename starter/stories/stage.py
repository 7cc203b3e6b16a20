"""A stage: where a story is played. The pure core is one, the live workflows another; both must tell the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain.approval.state import RoundState
from domain.delegation import Delegation
from domain.ledger.closing import ClosedPeriod
from domain.ledger.entries import LedgerEntry
from domain.ledger.promise import Promise
from domain.order.book import OrderBook
from domain.policy.explain import Explanation
from domain.standing import QuoteState
from starter.stories.approval_verbs import Deciding, Publishing, Replacing
from starter.stories.contract_verbs import Amending, ClosingPeriod, Renewing
from starter.stories.document import Case
from starter.stories.order_verbs import Acknowledging, Delivering, MovingDate, Ordering, OrderVerb, Reaching


@dataclass(frozen=True, slots=True)
class Happening:
    """Something in the record: its kind, and every name it may be expected by (rule, order, line, quote)."""

    kind: str
    at: datetime
    names: tuple[str, ...]
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that an expectation can look at, at one moment of the story."""

    now: datetime
    state: QuoteState
    round: RoundState | None
    plan: RoundState | None = None
    happenings: Sequence[Happening] = ()
    messages: Sequence[tuple[str, str]] = ()
    book: OrderBook | None = None
    books: Sequence[OrderBook] = ()
    """Of every quote of the case, that of the first one first."""
    closed: Sequence[ClosedPeriod] = ()
    owner: str = ""
    suffix: str = ""
    """What the stage has put behind the ids of quotes, to tell its own from others."""
    entries: Sequence[LedgerEntry] = ()
    promises: Sequence[Promise] = ()
    """What approved quotes of the case hold, with what nobody has ordered of it."""
    time_zone: str = "UTC"
    quote_total: Any = None
    names: Mapping[str, str] = field(default_factory=dict)
    explained: Callable[[], Sequence[Explanation]] = tuple
    """What explains the latest preview or submit; it costs many evaluations, so it is only called where expected."""


class Stage(Protocol):
    """The verbs of a story. Each is refused by a :class:`~domain.refusal.Refusal` that changes nothing."""

    async def begin(self, case: Case) -> None:
        """Set the clock and bring in the documents of ``case``."""

    async def submit(self, by: str, comment: str | None) -> None: ...
    async def recall(self, by: str, comment: str | None, *, admin: bool = False) -> None: ...
    async def accept(self, by: str, comment: str | None) -> None: ...
    async def decide(self, verdict: str, arguments: Deciding) -> None: ...
    async def act(self, verb: str, arguments: Any) -> None: ...
    async def change_directory(self, change: Mapping[str, Any]) -> None: ...
    async def edit(self, by: str, change: Mapping[str, Any]) -> None: ...
    async def delegate(self, delegation: Delegation) -> None: ...
    async def end_delegation(self, of: str) -> None: ...
    async def deactivate(self, user: str) -> None: ...
    async def replace(self, arguments: Replacing) -> None: ...
    async def publish(self, arguments: Publishing) -> None: ...
    async def preview(self, by: str | None) -> None: ...
    async def order(self, arguments: Ordering) -> None: ...
    async def move_date(self, arguments: MovingDate) -> None: ...
    async def activate(self, arguments: OrderVerb) -> None: ...
    async def acknowledge(self, arguments: Acknowledging) -> None: ...
    async def deliver(self, arguments: Delivering) -> None: ...
    async def accept_item(self, arguments: Delivering) -> None: ...
    async def reach(self, arguments: Reaching) -> None: ...
    async def operate(self, verb: str, arguments: Any) -> None: ...
    async def amend(self, arguments: Amending) -> None:
        """Prepare an amendment, which is the quote of the case from then on."""

    async def renew(self, arguments: Renewing) -> None: ...
    async def close_period(self, arguments: ClosingPeriod) -> None: ...
    async def credit(self, reason: str, *, held: bool) -> None:
        """Put the customer on credit hold, or lift it."""

    async def turn_back(self) -> None:
        """The first quote is the quote of the case again."""

    async def advance_to(self, moment: datetime) -> None:
        """Move the clock on; everything that time alone brings until then happens at its own moment."""

    async def facts(self) -> Facts:
        """What is there now. ``happenings`` and ``messages`` are all since the beginning."""

    @property
    def clock(self) -> datetime:
        """The moment of the story."""
