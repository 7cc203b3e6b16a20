"""Credit holds: who gets nothing at present and why, and which orders wait for a hold that is over."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.credit_tables import credit_holds
from domain.order.block import CREDIT
from domain.refusal import Refusal

COLUMNS = credit_holds.c

# Orders that are blocked (or held since) are few, and have an index; of each the last word on its customer counts.
FREED = text("""
SELECT o.order_id FROM orders o
WHERE o.state IN ('blocked', 'on_hold') AND o.order_id > :after AND (o.body #>> '{block,reasons}') LIKE :credit
  AND (cast(:customer AS text) IS NULL OR o.customer_id = :customer)
  AND NOT coalesce((SELECT h.held FROM credit_holds h WHERE h.customer_id = o.customer_id
                    ORDER BY h.seq DESC LIMIT 1), false)
ORDER BY o.order_id LIMIT :limit
""")


class CreditWord(BaseModel):
    """What somebody said of a customer's credit: held, or (``held`` false) lifted, since ``at``, and why."""

    model_config = ConfigDict(frozen=True)

    customer_id: str
    held: bool
    reason: str
    by: str
    at: AwareDatetime


class CreditHolds:
    """Adds and reads words on credit within one transaction; a customer's last one counts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def last(self, customer_id: str) -> CreditWord | None:
        """The last word on a customer; none: nobody ever said anything."""
        statement = select(credit_holds).where(COLUMNS.customer_id == customer_id)
        statement = statement.order_by(COLUMNS.seq.desc()).limit(1)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return CreditWord.model_validate(dict(row)) if row is not None else None

    async def reason(self, customer_id: str) -> str | None:
        """Why the customer gets nothing at present; none: nothing stands against it."""
        word = await self.last(customer_id)
        return word.reason if word is not None and word.held else None

    async def history(self, customer_id: str, limit: int = 100) -> tuple[CreditWord, ...]:
        """All that was said of a customer, the latest first."""
        statement = select(credit_holds).where(COLUMNS.customer_id == customer_id)
        rows = (await self._connection.execute(statement.order_by(COLUMNS.seq.desc()).limit(limit))).mappings()
        return tuple(CreditWord.model_validate(dict(row)) for row in rows)

    async def held(self, after: str = "", limit: int = 100) -> tuple[CreditWord, ...]:
        """The next customers who are on hold, by id, behind ``after``."""
        each = distinct_on(COLUMNS.customer_id)
        last = select(credit_holds).where(COLUMNS.customer_id > after).ext(each)
        words = last.order_by(COLUMNS.customer_id, COLUMNS.seq.desc()).subquery()
        found = select(words).where(words.c.held).order_by(words.c.customer_id).limit(limit)
        return tuple(CreditWord.model_validate(dict(row)) for row in (await self._connection.execute(found)).mappings())

    async def hold(self, customer_id: str, reason: str, by: str, at: datetime) -> bool:
        """Put the customer on hold, or say another reason; False when that was said already."""
        before = await self._held_for_us(customer_id)
        if before is not None and before.held and before.reason == reason:
            return False
        await self._add(CreditWord(customer_id=customer_id, held=True, reason=reason, by=by, at=at))
        return True

    async def lift(self, customer_id: str, reason: str, by: str, at: datetime) -> None:
        """End the customer's hold. Code: ``not_on_credit_hold``."""
        before = await self._held_for_us(customer_id)
        if before is None or not before.held:
            raise Refusal("not_on_credit_hold", f"{customer_id} is not on credit hold", "customer")
        await self._add(CreditWord(customer_id=customer_id, held=False, reason=reason, by=by, at=at))

    async def freed(self, after: str = "", *, limit: int = 100, customer_id: str | None = None) -> tuple[str, ...]:
        """The next orders (of one customer), by id, that are blocked for a hold that is over."""
        asked = {"after": after, "limit": limit, "customer": customer_id, "credit": f'%"{CREDIT}%'}
        return tuple((await self._connection.execute(FREED, asked)).scalars())

    async def _held_for_us(self, customer_id: str) -> CreditWord | None:
        """The last word on a customer, to which nobody adds another one before this transaction ends."""
        key = func.hashtextextended(f"credit/{customer_id}", 0)
        await self._connection.execute(select(func.pg_advisory_xact_lock(key)))
        return await self.last(customer_id)

    async def _add(self, word: CreditWord) -> None:
        await self._connection.execute(insert(credit_holds).values(word.model_dump()))
