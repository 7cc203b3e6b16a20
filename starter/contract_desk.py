"""Verbs on contracts and periods: amendments and renewals as quotes of their own, and months that are closed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from activities.agreements import agreement_of
from activities.store.customers import customer_of
from activities.store.quotes import StoredQuote
from activities.store.record_entry import RecordEntry
from activities.store.work import Work
from activities.tokens import Identity
from domain.ledger.closing import ClosedPeriod
from domain.ledger.contract import Contract, contracts
from domain.ledger.entries import LedgerEntry
from domain.order.agreement import Agreement
from domain.order.amend import Amendment, amend
from domain.order.renewal import Renewal, renew
from domain.reading import read_model
from domain.refusal import Refusal
from starter.customer_desk import read_known
from starter.desk import Desk
from starter.quote_desk import Origin, QuoteDesk


class ContractDesk:
    """Prepares quotes that change or renew a contract, and closes months."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._quotes = QuoteDesk(desk)

    async def get(self, contract_id: str, known: str | None = None) -> Contract:
        """The contract of that id (all of a quote's, by the quote's id).

        Codes: ``unknown_contract``, ``invalid_moment``.
        """
        async with self._desk.reading() as work:
            quote_id = await _quote_of(work, contract_id)
            stored = await work.quotes.get(quote_id)
            customer = await customer_of(work.connection, stored.customer_id)
            entries = await work.ledger.entries(customer=stored.customer_id)
        return _contract(entries, contract_id, quote_id, read_known(known, customer))

    async def amend(
        self, who: Identity, contract_id: str, wish: Mapping[str, Any], *, key: str | None = None
    ) -> StoredQuote:
        """The quote of an amendment, prepared and handed in as ``who``'s; it goes through approvals like any other.

        ``wish`` is an :class:`~domain.order.amend.Amendment` without ``contract_of``; without ``quote_id`` it gets the
        next one (``Q-1001-A1``). The same ``key`` twice is one amendment. Codes: ``unknown_contract``,
        ``not_ordered``, ``unknown_user``, ``key_taken`` (there is a quote of that id), those of ``amend``.
        """
        async with self._desk.reading() as work:
            await self._desk.check_user(work, who)
            origin = await _quote_of(work, contract_id)
            agreement = await agreement_of(work, origin)
            quote_id = await self._new_id(work, agreement, "A", wish.get("quote_id"), key)
        fields = {"owner": who.user, **wish, "contract_of": agreement.quote.quote_id, "quote_id": quote_id}
        document = amend(agreement, read_model(Amendment, fields))
        claims = (_claim(quote_id, key),) if key is not None else ()
        source = Origin({"amends": agreement.quote.quote_id})
        return await self._quotes.put(who, document, expected_version=0, claims=claims, origin=source)

    async def renew(
        self,
        who: Identity,
        contract_id: str,
        wish: Mapping[str, Any],
        *,
        key: str | None = None,
        prepared_by: str | None = None,
    ) -> StoredQuote:
        """The quote of a renewal, prepared from what runs of the contract (``Q-1001-R1``), and handed in as ``who``'s.

        ``prepared_by`` is who prepares it for ``who`` unasked: only where the contract has no renewal for its end yet.
        Codes: ``unknown_contract``, ``not_ordered``, ``unknown_user``, ``key_taken``, ``already_prepared``, those of
        ``renew``.
        """
        async with self._desk.reading() as work:
            await self._desk.check_user(work, who)
            origin = await _quote_of(work, contract_id)
            agreement = await agreement_of(work, origin)
            entries = await work.ledger.entries(customer=agreement.quote.customer.customer_id)
            found = _contract(entries, contract_id, agreement.quote.quote_id)
            quote_id = await self._new_id(work, agreement, "R", wish.get("quote_id"), key)
        fields = {"owner": who.user, **wish, "contract_of": agreement.quote.quote_id, "quote_id": quote_id}
        today = self._desk.clock.now().astimezone(ZoneInfo(agreement.quote.customer.time_zone)).date()
        document = renew(_only(agreement, found), read_model(Renewal, fields), today)
        # The loop that prepares renewals leaves alone what has one.
        also = [renewal_claim(each) for each in contracts(entries) if {*each.items} & {*found.items}]
        facts = {"renews": agreement.quote.quote_id, "contract": contract_id}
        if found.term_end is not None:
            facts["ends"] = found.term_end.isoformat()
        source = Origin(facts, prepared_by, sole=also if prepared_by else ())
        claims = (_claim(quote_id, key or uuid.uuid4().hex), *(() if prepared_by else also))
        return await self._quotes.put(who, document, expected_version=0, claims=claims, origin=source)

    async def _new_id(self, work: Work, agreement: Agreement, kind: str, wanted: Any, key: str | None) -> str:
        """An id for the prepared quote; what was prepared under the same ``key`` keeps its own."""
        if isinstance(wanted, str):
            if await work.quotes.find(wanted) is not None and not await _is_claimed(work, wanted, key):
                raise Refusal("key_taken", f"there is a quote {wanted} already; leave quote_id out", "quote_id")
            return wanted
        number = 1
        while await work.quotes.find(name := f"{agreement.quote.quote_id}-{kind}{number}") is not None:
            if await _is_claimed(work, name, key):
                break
            number += 1
        return name

    # -- periods

    async def close_period(
        self, who: Identity, month: str, *, customer_id: str | None = None, comment: str | None = None
    ) -> ClosedPeriod:
        """Close a month and all before it, for every customer or for one.

        Codes: ``unknown_user``, ``unknown_customer``, ``invalid_date``, ``in_the_future``, ``already_closed``.
        """
        async with self._desk.database.work() as work:
            await self._desk.check_user(work, who, services=True)
            zone = (await customer_of(work.connection, customer_id)).time_zone if customer_id else None
            at = self._desk.clock.now()
            closed = await work.closed_periods.close(month, at, who.user, time_zone=zone, customer_id=customer_id)
            body = {"month": month, "customer_id": customer_id, "ledger_seq": closed.ledger_seq, "comment": comment}
            told = {name: value for name, value in body.items() if value is not None}
            await work.record.append([RecordEntry(kind="period_closed", at=at, by=who.user, body=told)])
            return closed

    async def closed_periods(self, customer_id: str | None = None) -> tuple[ClosedPeriod, ...]:
        """The months that were closed for every customer, and for that one where it is named."""
        async with self._desk.reading() as work:
            return await work.closed_periods.of(customer_id)


async def _quote_of(work: Work, contract_id: str) -> str:
    """The quote that a contract belongs to: its id, or what stands in the contract's id before its last part.

    A contract of one item alone has the item's id, which begins with that of an order. Code: ``unknown_contract``.
    """
    name = contract_id
    while name:
        stored = await work.quotes.find(name)
        if stored is not None:
            return (await work.quotes.content(name, stored.version)).quote.amends or name
        try:
            return (await work.orders.get(name)).quote_id
        except Refusal:
            name = name.rpartition("/")[0]
    raise Refusal(
        "unknown_contract", f"there is no contract {contract_id}; name it as the list of contracts does", "id"
    )


def _contract(entries: tuple[LedgerEntry, ...], contract_id: str, quote_id: str, known: Any = None) -> Contract:
    found = {each.contract_id: each for each in contracts(entries, known=known)}
    if contract_id in found:
        return found[contract_id]
    if contract_id == quote_id:
        own = [each for each in contracts(entries, "single", known) if each.contract_id == quote_id]
        if own:
            return own[0]
    names = ", ".join(found) or "none yet"
    raise Refusal("unknown_contract", f"{contract_id} is no contract; the customer has {names}", "id")


def _only(agreement: Agreement, contract: Contract) -> Agreement:
    """The part of an agreement that is in one of its contracts."""
    items = {*contract.items}
    families = tuple(each for each in agreement.families if any(item.item_id in items for item in each.items))
    return replace(agreement, families=families)


def _claim(quote_id: str, key: str) -> str:
    return f"prepare/{quote_id}/{key}"


async def _is_claimed(work: Work, quote_id: str, key: str | None) -> bool:
    return key is not None and await work.idempotency.is_claimed(_claim(quote_id, key))


def renewal_claim(contract: Contract) -> str:
    """What is claimed with a renewal of ``contract``, once for the end of its terms."""
    return f"renewal/{contract.contract_id}/{contract.term_end}"
