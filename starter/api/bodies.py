"""What requests may say. Unknown fields are refused by name; who acts is never among them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.approval.state import ApprovalState, Verdict, Where
from domain.delegation import Delegation, Moment, Scope
from domain.ledger.entitlement import View
from domain.ledger.report import Grouping
from domain.ledger.selection import Selection
from domain.limit import Limit
from domain.money import ExactDecimal
from domain.quote import Currency, FreeText, Identifier, LocalDate, Text

MOST_DECISIONS = 100
LARGEST_PAGE = 200

SplitKey = Annotated[str, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    """Closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Commented(Body):
    """A verb that needs nothing but may say why."""

    comment: FreeText | None = None


class Deciding(Commented):
    """One person's answer; ``for`` is whom they stand in for, needed only by somebody with several seats."""

    reason: FreeText | None = None
    for_: Text | None = Field(default=None, alias="for")


class OneOfMany(Deciding):
    """An answer to the approval of that id."""

    approval_id: Text
    verdict: Verdict


class Asking(Commented):
    """A question to the submitter; ``for`` as in a decision."""

    for_: Text | None = Field(default=None, alias="for")


class Answering(Commented):
    """The submitter's answer; ``approval_id`` where several approvals wait for one."""

    approval_id: Text | None = None


class Reassigning(Asking):
    """Who takes the seat over."""

    to: Identifier
    reason: FreeText | None = None


class Adding(Asking):
    """Who is added (an approver, a group or a user), and where as seen from whoever adds them."""

    who: Identifier
    where: Where = Where.BESIDE


class Overriding(Commented):
    """What is decided in everybody's place."""

    decision: Verdict
    reason: FreeText | None = None


class Withdrawing(Commented):
    """Why a decision is taken back."""

    reason: FreeText | None = None


class Commenting(Body):
    """A comment on a quote, for the record."""

    comment: Annotated[FreeText, Field(min_length=1)]


class DecidingMany(Body):
    """Answers, each checked on its own, in this order."""

    decisions: Annotated[tuple[OneOfMany, ...], Field(min_length=1, max_length=MOST_DECISIONS)]


class Moving(Commented):
    """The new date of an order, local to the customer."""

    order_date: LocalDate


class Acknowledging(Commented):
    """The ERP's business answer to an order, and the number of the document it made."""

    outcome: Literal["accepted", "rejected"] = "accepted"
    document: Text | None = None
    reason: FreeText | None = None


class Receiving(Commented):
    """What arrived or was accepted: all that is open, or of one line, or a quantity of that line."""

    line: Text | None = None
    quantity: ExactDecimal | None = None
    on: LocalDate | None = None
    evidence: FreeText | None = None


class Reaching(Commented):
    """A milestone that was reached: the named one, or the next in the line's list."""

    line: Text | None = None
    milestone: Text | None = None
    on: LocalDate | None = None
    evidence: FreeText | None = None


VersionNumber = Annotated[int, Field(ge=1, le=1_000_000)]


class RollingBack(Commented):
    """The version of a policy whose text is published again."""

    to: VersionNumber


class TwoVersions(Body):
    """The two versions of a policy that are compared: what ``to`` says otherwise than ``from``."""

    from_: VersionNumber = Field(alias="from")
    to: VersionNumber


class Delegating(Body):
    """A delegation; ``of`` is whoever enters it, unless an admin names somebody else. Its id is made for it."""

    of: Identifier | None = None
    to: Identifier
    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    scope: Scope = Scope()
    largest: Limit | None = None

    def delegation(self, of: str) -> Delegation:
        """What is entered, for ``of``."""
        return Delegation(of=of, to=self.to, from_=self.from_, until=self.until, scope=self.scope, largest=self.largest)


class Paged(Body):
    """A page of a list: ``cursor`` is the ``next`` of the page before."""

    cursor: Annotated[str, Field(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50


class DelegationsQuery(Paged):
    """Of whom and to whom (a user or a group); with those that were taken back, or without."""

    of: Identifier | None = None
    to: Identifier | None = None
    taken_back: bool = False


class InboxQuery(Paged):
    """Whose approvals, and in which state."""

    mine: bool = True
    state: ApprovalState = ApprovalState.REQUESTED


class Previewing(Body):
    """Whether only to say what would be."""

    preview: bool = False


class KnownQuery(Body):
    """As known at a moment: a date (its end, at the customer) or a moment with its zone; left out: now."""

    known: Annotated[str, Field(max_length=40)] | None = None


class ContractQuery(KnownQuery):
    """By which method contracts are grouped; left out: by each quote's own."""

    method: Literal["single", "by_end_date", "by_group"] | None = None


class EntitlementQuery(KnownQuery):
    """On a local date of the customer (left out: today), in one of three views; of one product, site, contract."""

    on: LocalDate | None = None
    view: View = View.CONTRACTED
    product: Text | None = None
    site: Text | None = None
    contract: Text | None = None


class SelectionQuery(KnownQuery):
    """Of which quote or contract alone, and in which currency; left out: all of them."""

    currency: Currency | None = None
    quote: Annotated[str, Field(max_length=200)] | None = None
    contract: Annotated[str, Field(max_length=400)] | None = None

    @property
    def selection(self) -> Selection:
        return Selection(self.currency, self.quote, self.contract)


class RemainingQuery(SelectionQuery):
    """After which local date of the customer (left out: today)."""

    on: LocalDate | None = None


class RevenueQuery(SelectionQuery):
    """From and until a month (``2027-02``) or a local date, both inclusive; left out: everything."""

    from_: Annotated[str, Field(max_length=10)] | None = Field(default=None, alias="from")
    until: Annotated[str, Field(max_length=10)] | None = None
    by: Grouping | None = None
    format: Literal["json", "csv"] | None = None
