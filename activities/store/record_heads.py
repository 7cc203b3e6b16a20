"""Signed heads of the record: kept in a table and in a file, and held against the chain.

The chain alone does not show that its tail was cut, or that all of it was written anew from some entry on. A signed
head says what the chain was when it was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.head_file import HeadFile
from activities.head_keys import HeadKeys, SignedHead
from activities.store.head_tables import signed_heads
from activities.store.record import CHAIN, Finding
from activities.store.tables import record, record_heads

AT_A_TIME = 1000
ON_THE_WAY = timedelta(minutes=1)
SIGNERS = 7_315_001
"""The advisory lock of whoever signs: heads are numbered without gaps."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What heads are verified by: the public keys, and the file of heads beside the table."""

    keys: HeadKeys
    file: HeadFile | None = None


class RecordHeads:
    """Reads, keeps and verifies signed heads within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self) -> None:
        """Let nobody else sign before this transaction ends."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(SIGNERS)))

    async def now(self) -> tuple[int, str]:
        """How many entries there are, and the hash of the last."""
        columns = record_heads.c
        found = await self._connection.execute(select(columns.seq, columns.hash).where(columns.chain == CHAIN))
        row = found.one_or_none()
        return (int(row.seq), str(row.hash)) if row is not None else (0, "")

    async def newest(self) -> SignedHead | None:
        """The head that was signed last."""
        found = await self._read(select(signed_heads).order_by(signed_heads.c.number.desc()).limit(1))
        return found[0] if found else None

    async def behind(self, number: int) -> tuple[SignedHead, ...]:
        """The heads with a larger number, in order."""
        return await self._read(
            select(signed_heads).where(signed_heads.c.number > number).order_by(signed_heads.c.number)
        )

    async def _read(self, statement: object) -> tuple[SignedHead, ...]:
        rows = (await self._connection.execute(statement)).mappings()  # type: ignore[call-overload]
        return tuple(SignedHead(**row) for row in rows)

    async def add(self, signed: SignedHead) -> None:
        """Keep a head."""
        await self._connection.execute(insert(signed_heads).values(signed.model_dump()))

    async def hashes(self, numbers: Iterable[int]) -> Mapping[int, str]:
        """The hashes of the entries with these numbers, as far as they are there."""
        wanted = sorted(set(numbers))
        found: dict[int, str] = {}
        for at in range(0, len(wanted), AT_A_TIME):
            statement = select(record.c.seq, record.c.hash).where(record.c.seq.in_(wanted[at : at + AT_A_TIME]))
            found |= {row.seq: row.hash for row in await self._connection.execute(statement)}
        return found

    async def verify(self, evidence: Evidence) -> tuple[tuple[Finding, ...], int]:
        """What is wrong with the chain by its signed heads or with these, and how many heads were believed.

        Kinds: ``cut_tail``, ``rewritten``, ``head_forged``, ``head_removed``, ``heads_missing``.
        """
        await self._connection.execute(text("SET LOCAL statement_timeout = 0"))
        kept = await self.behind(0)
        findings = _forged(kept, evidence.keys, "the table")
        filed: list[SignedHead] = []
        if evidence.file is not None and evidence.file.exists:
            lines = list(evidence.file.lines())
            findings += [
                Finding(kind="head_forged", seq=0, message=f"line {line.number} of {evidence.file.path} is no head")
                for line in lines
                if line.signed is None
            ]
            filed = [line.signed for line in lines if line.signed is not None]
            findings += _forged(filed, evidence.keys, str(evidence.file.path))
        settled = await self._settled(kept)
        believed = {
            (each.seq, each.hash): each for each in (*kept, *filed) if evidence.keys.fault(each) is None
        }.values()
        if evidence.file is not None and evidence.file.exists:
            findings += _removed(believed, {"the table": kept, str(evidence.file.path): filed}, settled)
        elif evidence.file is not None and settled:
            message = f"{len(kept)} heads were signed and {evidence.file.path} is not there"
            findings.append(Finding(kind="heads_missing", seq=kept[-1].seq, message=message))
        return (*await self._unlike(sorted(believed, key=lambda each: each.seq)), *findings), len(believed)

    async def _settled(self, kept: Sequence[SignedHead]) -> int:
        """The number up to which heads must be in both places: one that was just signed may be on its way."""
        now = (await self._connection.execute(select(func.clock_timestamp()))).scalar_one()
        return max((each.number for each in kept if now - each.at > ON_THE_WAY), default=0)

    async def _unlike(self, heads: Sequence[SignedHead]) -> list[Finding]:
        """The first place at which the chain is not the one that was signed."""
        there = await self.hashes(each.seq for each in heads)
        last = int((await self._connection.execute(select(func.coalesce(func.max(record.c.seq), 0)))).scalar_one())
        agreed = 0
        for each in heads:
            named = f"head {each.number}, signed {each.at.isoformat(timespec='seconds')}"
            if each.seq > last:
                message = f"entries {last + 1} to {each.seq} are gone: {named}, names {each.seq}"
                return [Finding(kind="cut_tail", seq=last + 1, message=message)]
            if there.get(each.seq) != each.hash:
                message = f"some entry from {agreed + 1} to {each.seq} is not the one of {named}"
                return [Finding(kind="rewritten", seq=agreed + 1, message=message)]
            agreed = each.seq
        return []


def _forged(heads: Iterable[SignedHead], keys: HeadKeys, where: str) -> list[Finding]:
    faults = [(each, keys.fault(each)) for each in heads]
    return [
        Finding(kind="head_forged", seq=each.seq, message=f"head {each.number} in {where}: {fault}")
        for each, fault in faults
        if fault is not None
    ]


def _removed(believed: Iterable[SignedHead], places: Mapping[str, Sequence[SignedHead]], settled: int) -> list[Finding]:
    """Heads that one of the two places has and the other has not, and numbers that neither has.

    What only the file has was committed before: only the table may be ahead, by heads behind ``settled``.
    """
    known = {each.number: each for each in believed}
    present = {where: {each.number for each in heads} for where, heads in places.items()}
    return [
        Finding(
            kind="head_removed",
            seq=known[number].seq if number in known else 0,
            message=f"head {number} is not in {where}",
        )
        for number in range(1, max(known, default=0) + 1)
        for where in places
        if number not in present[where] and (number <= settled or number not in present["the table"])
    ]
