"""Which of a customer's items a report is about: those of a quote, of a contract, in a currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.ledger.report import ContractOf
from domain.ledger.revenue import ItemSchedule
from domain.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Selection:
    """``quote`` are the items ordered of that quote alone, ``contract`` those in it, with what amended them."""

    currency: str | None = None
    quote: str | None = None
    contract: str | None = None

    def of(self, schedules: Iterable[ItemSchedule], contract_of: ContractOf) -> tuple[ItemSchedule, ...]:
        """The schedules that are meant. Code: ``unknown_contract``."""
        if self.contract is not None and self.contract not in contract_of.values():
            names = ", ".join(dict.fromkeys(contract_of.values())) or "none yet"
            message = f"{self.contract} is no contract of this customer; there are {names}"
            raise Refusal("unknown_contract", message, "contract")
        return tuple(
            each
            for each in schedules
            if self.currency in (None, each.plan.currency)
            and self.quote in (None, each.plan.quote_id)
            and self.contract in (None, contract_of.get(each.plan.item_id))
        )


EVERYTHING = Selection()


def by_currency(schedules: Sequence[ItemSchedule]) -> Mapping[str | None, tuple[ItemSchedule, ...]]:
    """The schedules of each currency, the currencies by their code; nothing at all is in none."""
    codes = sorted({each.plan.currency for each in schedules})
    found: dict[str | None, tuple[ItemSchedule, ...]] = {None: ()} if not codes else {}
    return found | {code: tuple(each for each in schedules if each.plan.currency == code) for code in codes}


def refuse_several(currencies: Iterable[str | None]) -> None:
    """Refuse one sum over several currencies. Code: ``currency_differs``."""
    codes = [code for code in currencies if code is not None]
    if len(codes) > 1:
        message = f"amounts in {' and '.join(codes)} do not add up; ask for each currency alone"
        raise Refusal("currency_differs", message, "currency")
