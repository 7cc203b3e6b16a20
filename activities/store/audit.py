"""The audit: the record and its signed heads, the rounds it tells of, and the invariants I1 to I4, over everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from activities.store.ledger_audit import ledger_violations
from activities.store.order_rows import order_row
from activities.store.order_tables import orders
from activities.store.record_heads import Evidence
from activities.store.retelling import Retelling
from activities.store.work import Database, Work
from domain.ledger.revenue_audit import revenue_violations
from domain.order.book import OrderBook
from domain.order.invariants import violations

COMPARED = ("version", "state", "order_date", "due_at", "customer_id", "currency", "total")


class Violation(BaseModel):
    """One thing that is not as it must be: ``code`` is stable, ``where`` names the entry, order or line."""

    model_config = ConfigDict(frozen=True)

    code: str
    where: str
    message: str


class AuditReport(BaseModel):
    """What was looked at and what was found; ``entries`` are those of the record.

    ``heads`` is how many signed heads were believed; ``None`` when there was nothing to verify them by.
    """

    model_config = ConfigDict(frozen=True)

    entries: int
    books: int
    orders: int
    violations: tuple[Violation, ...]
    rounds: int = 0
    heads: int | None = None


async def audit(
    database: Database, *, evidence: Evidence | None = None, on_book: Callable[[str], None] | None = None
) -> AuditReport:
    """Look at everything, as it is at one moment. ``on_book`` is told of each quote whose orders were looked at.

    Codes: ``record_edited``, ``record_deleted`` and so on, ``round_differs``, ``round_unrecorded`` and
    ``round_missing`` where a round is not what the record tells, ``i1_quantity`` to ``i4_lineage``, ``row_differs``
    where a list shows something else than the order, round or ledger row holds, those of ``ledger_audit``,
    ``revenue_contracted`` and its kin where the revenue of a customer does not add up, ``unreadable`` for a quote or
    a customer that cannot be told at all.
    """
    async with database.reading() as work:
        found, heads = await audit_record(work, evidence)
        retelling = Retelling(work.connection)
        found += [
            Violation(code=each.code, where=each.where, message=each.message) async for each in retelling.unlike()
        ]
        books = count = 0
        async for quote_id in _quotes(work):
            books += 1
            in_book, wrong = await _audit_book(work, quote_id)
            count += in_book
            found += wrong
            if on_book is not None:
                on_book(quote_id)
        async for code, where, message in ledger_violations(work.connection):
            found.append(Violation(code=code, where=where, message=message))
        found += await _audit_revenue(work)
        entries = await work.record.count()
    return AuditReport(
        entries=entries,
        books=books,
        orders=count,
        violations=tuple(found),
        rounds=retelling.rounds,
        heads=heads,
    )


async def audit_record(work: Work, evidence: Evidence | None) -> tuple[list[Violation], int | None]:
    """The part of the audit that looks at the record alone, and how many signed heads were believed."""
    findings = list(await work.record.verify())
    heads = None
    if evidence is not None:
        by_heads, heads = await work.heads.verify(evidence)
        known = {(each.kind, each.seq) for each in findings}
        findings += [each for each in by_heads if (each.kind, each.seq) not in known]
    found = [
        Violation(code=f"record_{each.kind}", where=f"record {each.seq}", message=each.message) for each in findings
    ]
    return found, heads


async def _quotes(work: Work) -> AsyncIterator[str]:
    after = ""
    while names := await work.orders.quotes_with_books(after):
        for name in names:
            yield name
        after = names[-1]


async def _audit_book(work: Work, quote_id: str) -> tuple[int, list[Violation]]:
    try:
        book = await work.orders.book(quote_id)
        wrong = violations(book)
    except SQLAlchemyError:
        raise
    except Exception as error:  # whatever is wrong with one quote must not hide the others
        return 0, [_unreadable(f"quote {quote_id}", error)]
    found = [Violation(code=each.code, where=f"quote {quote_id} {each.path}", message=each.message) for each in wrong]
    return len(book.orders), found + await _audit_rows(work, book)


async def _audit_revenue(work: Work) -> list[Violation]:
    """What does not add up in the revenue of each customer."""
    found: list[Violation] = []
    after = ""
    while names := await work.customer_pages.with_orders(after):
        for name in names:
            found += await _audit_customer(work, name)
        after = names[-1]
    return found


async def _audit_customer(work: Work, name: str) -> list[Violation]:
    try:
        entries = await work.ledger.entries(customer=name)
        wrong = revenue_violations(entries, await work.closed_periods.of(name))
    except SQLAlchemyError:
        raise
    except Exception as error:  # whatever is wrong with one customer must not hide the others
        return [_unreadable(f"customer {name}", error)]
    return [Violation(code=each.code, where=f"customer {name} {each.path}", message=each.message) for each in wrong]


def _unreadable(where: str, error: Exception) -> Violation:
    told = str(error) if isinstance(error, ValidationError) else repr(error)
    return Violation(code="unreadable", where=where, message=told)


async def _audit_rows(work: Work, book: OrderBook) -> list[Violation]:
    columns = [orders.c[column] for column in ("order_id", *COMPARED)]
    statement = select(*columns).where(orders.c.quote_id == book.quote_id)
    rows = {row["order_id"]: row for row in (await work.connection.execute(statement)).mappings()}
    return [
        Violation(
            code="row_differs",
            where=f"order {order.order_id}",
            message=f"{column} is {row[column]}, not {told[column]}",
        )
        for order in book.orders
        for row, told in ((rows[order.order_id], order_row(order)),)
        for column in COMPARED
        if row[column] != told[column]
    ]
