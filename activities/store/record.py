"""The record: an append-only chain in which every entry carries the hash of the one before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Dialect, bindparam, func, make_url, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.jsonable import jsonable
from activities.store.record_entry import NO_HASH, RecordEntry, entry_hash
from activities.store.tables import record, record_heads

CHAIN = "main"
MOST_FINDINGS = 100
_COLUMNS = ", ".join(f'"{column.name}"' for column in record.columns)
_DIALECT: Dialect = make_url("postgresql+asyncpg://").get_dialect()()
# By its columns, for a table's own type is not to be had where the table is called record.
_TYPED = ", ".join(f'"{column.name}" {column.type.compile(_DIALECT)}' for column in record.columns)
# Entries and the head that names the last of them in one round trip, for all other writers wait. Where one of the keys
# is there already nothing is written, and what comes back is the keys that are.
ADD = text(
    "WITH known AS (SELECT key FROM record WHERE key = ANY(CAST(:keys AS text[]))),"
    f" added AS (INSERT INTO record ({_COLUMNS})"
    f" SELECT {_COLUMNS} FROM jsonb_to_recordset(:entries) AS n({_TYPED}) WHERE NOT EXISTS (SELECT FROM known)),"
    " moved AS (UPDATE record_heads h SET seq = n.seq, hash = n.hash, recorded_at = n.recorded_at"
    " FROM jsonb_populate_recordset(NULL::record_heads, :head) n"
    " WHERE h.chain = n.chain AND NOT EXISTS (SELECT FROM known))"
    " SELECT key FROM known"
).bindparams(bindparam("entries", type_=JSONB), bindparam("head", type_=JSONB))
HOLD = select(record_heads.c.seq, record_heads.c.hash).where(record_heads.c.chain == CHAIN).with_for_update()


class RecordedEntry(RecordEntry):
    """An entry with its place in the chain: ``seq`` counts from 1 without gaps; ``recorded_at`` is wall-clock time."""

    seq: int
    recorded_at: datetime
    prev_hash: str
    hash: str


class Finding(BaseModel):
    """What is wrong with the record at ``seq``.

    ``kind`` is ``edited``, ``deleted``, ``inserted``, ``reordered``, ``cut_tail`` or ``head_missing``.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    seq: int
    message: str


class Record:
    """The one chain of the database. Entries get their places when the unit of work ends, in the order appended."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock
        self._waiting: list[RecordEntry] = []

    async def append(self, entries: Iterable[RecordEntry]) -> None:
        """Add ``entries`` when this unit of work commits; those whose key is recorded already are left out."""
        self._waiting.extend(entries)

    @property
    def has_news(self) -> bool:
        """Whether something waits to be added."""
        return bool(self._waiting)

    async def write(self) -> None:
        """Chain what was appended. The end of the chain is held from here to the commit: do nothing after it."""
        entries, self._waiting = self._waiting, []
        if not entries:
            return
        # Whoever holds this row adds next; it is the only lock that all writers share, so it is taken last.
        head = (await self._connection.execute(HOLD)).one_or_none()
        if head is None:
            raise RuntimeError("the head of the record is gone: somebody tampered with it; run the audit")
        known = await self._add(entries, head.seq, head.hash, frozenset())
        if known:
            await self._add(entries, head.seq, head.hash, known)

    async def _add(self, entries: list[RecordEntry], seq: int, last: str, known: frozenset[str]) -> frozenset[str]:
        """Chain ``entries`` whose keys are not ``known`` behind ``last``; the keys that stand against it, if any do."""
        rows: list[dict[str, Any]] = []
        told = set(known)
        for entry in entries:
            if entry.key is not None and entry.key in told:
                continue
            told.add(entry.key or "")
            seq += 1
            row = {**entry.model_dump(), "body": jsonable(entry.body), "recorded_at": self._clock()}
            row |= {"seq": seq, "prev_hash": last, "hash": entry_hash(last, row)}
            last = row["hash"]
            rows.append(row)
        if not rows:
            return frozenset()
        head_now = {"chain": CHAIN, "seq": seq, "hash": last, "recorded_at": rows[-1]["recorded_at"]}
        values = jsonable({"entries": rows, "head": [head_now]}) | {"keys": [row["key"] for row in rows if row["key"]]}
        return frozenset((await self._connection.execute(ADD, values)).scalars())

    async def of_quote(self, quote_id: str, after_seq: int = 0, limit: int = 200) -> tuple[RecordedEntry, ...]:
        """The next entries about a quote or its orders, oldest first, behind ``after_seq``."""
        return await self._page(record.c.quote_id == quote_id, after_seq, limit)

    async def of_order(self, order_id: str, after_seq: int = 0, limit: int = 200) -> tuple[RecordedEntry, ...]:
        """The next entries about one order, oldest first, behind ``after_seq``."""
        return await self._page(record.c.order_id == order_id, after_seq, limit)

    async def of_approval(self, approval_id: str, after_seq: int = 0, limit: int = 200) -> tuple[RecordedEntry, ...]:
        """The next entries about one approval, oldest first, behind ``after_seq``."""
        return await self._page(record.c.approval_id == approval_id, after_seq, limit)

    async def _page(self, which: Any, after_seq: int, limit: int) -> tuple[RecordedEntry, ...]:
        page = select(record).where(which, record.c.seq > after_seq).order_by(record.c.seq).limit(limit)
        return tuple(RecordedEntry(**row) for row in (await self._connection.execute(page)).mappings())

    async def count(self) -> int:
        """How many entries there are."""
        return int((await self._connection.execute(select(func.count()).select_from(record))).scalar_one())

    async def verify(self) -> tuple[Finding, ...]:
        """What was tampered with, first things first (at most 100 findings); empty when the chain is whole.

        A tail that was cut together with the head it is held against does not show here.
        """
        # Every entry ever made is read: this takes as long as it takes.
        await self._connection.execute(text("SET LOCAL statement_timeout = 0"))
        findings: list[Finding] = []
        seq, last = 0, NO_HASH
        async for row in self._all():
            findings.extend([found async for found in self._compare(row, seq, last)])
            seq, last = row["seq"], row["hash"]
            if len(findings) >= MOST_FINDINGS:
                return tuple(findings[:MOST_FINDINGS])
        findings.extend(await self._compare_head(seq, last))
        return tuple(findings)

    async def _all(self) -> AsyncIterator[Any]:
        result = await self._connection.stream(
            select(record).order_by(record.c.seq), execution_options={"yield_per": 1000}
        )
        async for row in result.mappings():
            yield row

    async def _compare(self, row: Any, seq: int, last: str) -> AsyncIterator[Finding]:
        here = row["seq"]
        if here != seq + 1:
            yield Finding(kind="deleted", seq=seq + 1, message=f"no entry from {seq + 1} to {here - 1}")
        elif row["prev_hash"] != last:
            yield await self._broken_link(here, row["prev_hash"])
        if entry_hash(row["prev_hash"], row) != row["hash"]:
            yield Finding(kind="edited", seq=here, message="the entry is not what its hash was made of")

    async def _broken_link(self, here: int, prev_hash: str) -> Finding:
        found = await self._connection.execute(select(record.c.seq).where(record.c.hash == prev_hash).limit(1))
        before = 0 if prev_hash == NO_HASH else found.scalar_one_or_none()
        if before is None:
            return Finding(kind="deleted", seq=here, message="the entry that it follows is nowhere")
        if before < here:
            return Finding(kind="inserted", seq=here - 1, message=f"entry {here} follows {before}, not {here - 1}")
        return Finding(kind="reordered", seq=here, message=f"entry {here} follows {before}, which stands behind it")

    async def _compare_head(self, seq: int, last: str) -> list[Finding]:
        held = select(record_heads.c.seq, record_heads.c.hash).where(record_heads.c.chain == CHAIN)
        head = (await self._connection.execute(held)).one_or_none()
        if head is None:
            return [Finding(kind="head_missing", seq=seq, message="the head that the chain is held against is gone")]
        if head.seq > seq:
            return [Finding(kind="cut_tail", seq=seq + 1, message=f"entries {seq + 1} to {head.seq} are gone")]
        if head.seq < seq:
            return [Finding(kind="inserted", seq=head.seq + 1, message=f"entries behind the head at {head.seq}")]
        if head.hash != last:
            return [Finding(kind="edited", seq=seq, message="the last entry is not the one that the head names")]
        return []
