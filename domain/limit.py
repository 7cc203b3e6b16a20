"""Amounts: how much somebody may approve, and what a decision comes to (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.policy.document import PlainNumber
from domain.quote import Currency
from domain.refusal import Refusal


class Limit(BaseModel):
    """The largest amount somebody may approve; compared with the quote's ``net_total``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: PlainNumber
    currency: Currency


@dataclass(frozen=True, slots=True)
class Matter:
    """What a decision is about, as far as the people side must know it."""

    policy: str
    chain: str
    net_total: Decimal
    currency: str
    rates: Mapping[str, Decimal]

    def within(self, limit: Limit | None) -> bool:
        """Whether the amount is at most ``limit``, converted by the quote's rates. Code: ``missing_rate``."""
        if limit is None:
            return True
        if limit.currency == self.currency:
            return self.net_total <= limit.amount
        rate = self.rates.get(limit.currency)
        if rate is None:
            raise Refusal(
                "missing_rate",
                f"a limit in {limit.currency} must be compared; give the quote rates.{limit.currency}",
                f"rates.{limit.currency}",
            )
        return self.net_total <= limit.amount * rate
