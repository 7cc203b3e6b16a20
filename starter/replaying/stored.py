"""What a replay takes from the database: published versions, the people, past rounds and recorded waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from activities.store.jsonable import jsonable
from activities.store.past_rounds import PastRound, PastRounds
from activities.store.work import Work
from domain.policy.waiting import Waits
from starter.replaying.past import Item
from starter.replaying.player import Setting


async def stored_setting(
    work: Work,
    draft: Any,
    now: datetime,
    *,
    against: Any | None = None,
    directory: Any | None = None,
    name: str,
    version: int | None = None,
) -> tuple[Setting, str]:
    """The setting, with what is not given taken from the database, and what to call the version compared with.

    Code: ``unknown_policy``.
    """
    called = ""
    if against is None:
        published = await work.policies.get(name, version)
        against, called = published.document, f"{published.name} version {published.version}"
    # A published version comes back as JSON; a draft that says the same must be the same to smart approval.
    people = directory if directory is not None else await work.directory.load()
    return Setting(jsonable(draft), jsonable(against), people, now, await recorded_waits(work)), called


async def recorded_waits(work: Work) -> Waits | None:
    """How long people took so far; none where nobody ever voted."""
    found = await PastRounds(work.connection).waits()
    return None if found.overall is None else Waits(found.by_person, found.overall)


async def stored_items(work: Work, limit: int | None) -> AsyncIterator[list[Item]]:
    """The past submissions, the newest ``limit`` of them, in lists of a few."""
    async for page in PastRounds(work.connection).pages(limit):
        yield [_item(past) for past in page]


def _item(past: PastRound) -> Item:
    document: Mapping[str, Any] = {
        "quote": past.content,
        "by": past.submitter,
        "at": past.at,
        "editors": past.editors,
        "earlier": past.earlier,
        "status": past.status,
        "round": past.round,
    }
    return Item(f"{past.quote_id} round {past.round}", document=document)
