"""The ERP as we see it: what it is told about an order, what it answers, and the three things an adapter must do.

Amounts exclude tax: the ERP computes it (``spec/orders.md`` 6).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.money import ExactDecimal
from domain.order.exact import ExactFraction

Key = Annotated[str, StringConstraints(pattern=r"^[^\s:]\S*:[1-9][0-9]*:(create|modify|delete)$", max_length=200)]
"""``order:version:kind``; stable over retries."""


class Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ErpHeader(Document):
    """What the order is about. ``key`` names this document for ever; ``requested_date`` is local to the customer.

    ``revises_order`` is the order, told of before, that this one took the place of: it says how that one is changed.
    """

    key: Key
    kind: Literal["create", "modify", "delete"]
    order_id: str
    order_version: int
    revises_order: str | None = None
    quote_id: str
    contract: str | None = None
    customer_id: str
    customer_name: str
    bill_to: str | None = None
    ship_to: str | None = None
    po_number: str | None = None
    currency: str
    terms: dict[str, str]
    requested_date: date


class ErpItem(Document):
    """One item. ``delta`` is what changes against what the ERP was told before, ``quantity`` what results.

    ``item_id`` is the item as the ERP knows it, or the item of a supplement that changes the one in ``revises``; with
    the action ``delete`` nothing is left of it.

    ``unit_price`` (one unit, one ``price_per`` period) has full precision; ``price`` is for one unit over the whole
    term, rounded as the receiver keeps it; ``amount`` = ``price`` × ``quantity`` + ``adjustment``, exactly.
    """

    item_id: str
    line_id: str
    product: str
    description: str | None = None
    unit: str | None = None
    parent: str | None = None
    revises: str | None = None
    action: Literal["add", "modify", "delete", "no_change"]
    delta: ExactDecimal
    quantity: ExactDecimal
    start: date | None = None
    end: date | None = None
    ship_to: str | None = None
    unit_price: ExactFraction
    price_per: Literal["once", "month", "year"]
    price: ExactDecimal
    adjustment: ExactDecimal
    amount: ExactDecimal
    revenue: str


class ErpTotals(Document):
    """What the receiver can check: how many items, what they come to, and how much of it is adjustment."""

    items: int
    amount: ExactDecimal
    adjustment: ExactDecimal


class ErpOrder(Document):
    """One document: an order in one version."""

    header: ErpHeader
    items: tuple[ErpItem, ...]
    totals: ErpTotals

    @property
    def key(self) -> str:
        """The idempotency key of this document."""
        return self.header.key


class LineAnswer(Document):
    """What the ERP says about one item; ``promised`` is the date it promises (local to the customer)."""

    item_id: str
    outcome: Literal["accepted", "accepted_with_changes", "rejected"]
    promised: date | None = None
    reason: str | None = None


class Acknowledgement(Document):
    """The ERP's business answer to one document. ``document`` is the number it gave; a rejection says why."""

    key: Key
    outcome: Literal["accepted", "accepted_with_changes", "rejected"]
    at: AwareDatetime
    document: str | None = None
    reason: str | None = None
    lines: tuple[LineAnswer, ...] = ()

    @model_validator(mode="after")
    def _rejection_says_why(self) -> Acknowledgement:
        if self.outcome == "rejected" and not (self.reason or "").strip():
            raise ValueError("a rejection needs a reason")
        return self

    @property
    def order_id(self) -> str:
        """The order that is answered for."""
        return self.key.rsplit(":", 2)[0]

    @property
    def version(self) -> int:
        """The version of the order that is answered for."""
        return int(self.key.rsplit(":", 2)[1])

    @property
    def kind(self) -> str:
        """Which kind of document is answered: ``create``, ``modify`` or ``delete``."""
        return self.key.rsplit(":", 2)[2]

    @property
    def accepted(self) -> bool:
        """Whether the order may go on."""
        return self.outcome != "rejected"


class Sent(Document):
    """The ERP has the document; ``document`` is its number where it says one at once."""

    key: Key
    document: str | None = None


class Received(Document):
    """An acknowledgement and the slip with which to say that it was taken."""

    slip: str
    acknowledgement: Acknowledgement


class Status(Document):
    """What lay there to be read: answers that can be used, and what was put aside with the reason."""

    received: tuple[Received, ...] = ()
    put_aside: dict[str, str] = Field(default_factory=dict)


class ErpConflict(Exception):
    """The ERP holds another document under this key: trying again does not help, somebody must look."""


class Erp(Protocol):
    """An ERP. ``send`` may be called again with the same document and is one order there."""

    async def send(self, order: ErpOrder) -> Sent:
        """Hand over a document. Raises :class:`ErpConflict`."""
        ...

    async def look_up(self, key: str) -> ErpOrder | None:
        """What the ERP holds under ``key``: to be asked after a call whose outcome is unknown."""
        ...

    async def read_status(self) -> Status:
        """The acknowledgements that were not taken yet; they stay until :meth:`taken`."""
        ...

    async def taken(self, slip: str) -> None:
        """Say that the acknowledgement was dealt with; once more does nothing."""
        ...
