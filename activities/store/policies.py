"""Policies: published versions, which never change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.cursor import fetch_page, make_cursor, read_cursor, read_number
from activities.store.jsonable import fingerprint, jsonable, refuse_unstorable
from activities.store.tables import policies
from domain.refusal import Refusal


class PublishedPolicy(BaseModel):
    """One version of a policy: its file's ``text``, the ``document`` read from it, and that document's hash."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: int
    text: str
    document: dict[str, Any]
    fingerprint: str
    by: str
    at: datetime


class PolicyHeading(BaseModel):
    """A published version without its contents."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: int
    fingerprint: str
    by: str
    at: datetime


class PolicyPage(BaseModel):
    """Versions of one policy, the newest first; ``next`` is the cursor of the page behind."""

    model_config = ConfigDict(frozen=True)

    versions: tuple[PolicyHeading, ...]
    next: str | None = None


class PolicyStore:
    """Publishes and reads policies within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def publish(self, name: str, text_: str, document: Mapping[str, Any], by: str, at: datetime) -> int:
        """Keep a checked policy under the next version of its name; the same text again is a new version too."""
        raw = jsonable(document)
        refuse_unstorable([text_, raw])
        # Two who publish the same name at once get two numbers, one after the other.
        await self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('policy/' || :name, 0))"), {"name": name}
        )
        newest = select(func.coalesce(func.max(policies.c.version), 0)).where(policies.c.name == name)
        version = int((await self._connection.execute(newest)).scalar_one()) + 1
        row = {"name": name, "version": version, "text": text_, "document": {**raw, "version": version}}
        row |= {"fingerprint": fingerprint({**raw, "version": None}), "by": by, "at": at}
        await self._connection.execute(insert(policies).values(row))
        return version

    async def get(self, name: str, version: int | None = None) -> PublishedPolicy:
        """That version, or the newest. Code: ``unknown_policy``."""
        statement = select(policies).where(policies.c.name == name).order_by(policies.c.version.desc()).limit(1)
        if version is not None:
            statement = statement.where(policies.c.version == version)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            what = name if version is None else f"{name} version {version}"
            raise Refusal("unknown_policy", f"there is no policy {what}; publish it first", "policy")
        return PublishedPolicy(**row)

    async def newest_version(self, name: str) -> int:
        """The number of the newest version; 0 when there is none."""
        newest = select(func.coalesce(func.max(policies.c.version), 0)).where(policies.c.name == name)
        return int((await self._connection.execute(newest)).scalar_one())

    async def all(self, name: str | None = None) -> tuple[PolicyHeading, ...]:
        """All versions (of that name), by name, the newest first."""
        columns = [policies.c[column] for column in PolicyHeading.model_fields]
        statement = select(*columns).order_by(policies.c.name, policies.c.version.desc())
        if name is not None:
            statement = statement.where(policies.c.name == name)
        return tuple(PolicyHeading(**row) for row in (await self._connection.execute(statement)).mappings())

    async def page(self, name: str, *, cursor: str | None = None, limit: int = 50) -> PolicyPage:
        """A page of the versions of that name. Codes: ``unknown_policy``, ``invalid_cursor``."""
        columns = [policies.c[column] for column in PolicyHeading.model_fields]
        statement = select(*columns).where(policies.c.name == name).order_by(policies.c.version.desc())
        if cursor is not None:
            statement = statement.where(policies.c.version < read_number(read_cursor(cursor, 1)[0]))
        rows, following = await fetch_page(self._connection, statement, limit)
        if not rows and cursor is None:
            raise Refusal("unknown_policy", f"there is no policy {name}; publish it first", "policy")
        found = tuple(PolicyHeading(**row) for row in rows)
        return PolicyPage(versions=found, next=make_cursor(str(found[-1].version)) if following else None)
