"""The verb that replays stored rounds by a draft, for doors: bounded, in this process, and never writing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from domain.policy.document import read_policy
from starter.desk import Desk
from starter.replaying.player import Played, Player, Setting
from starter.replaying.report import report_document
from starter.replaying.stored import stored_items, stored_setting

LISTED = 200


class ReplayDesk:
    """Plans past rounds by a draft and by a published version."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def replay(self, draft: Mapping[str, Any], version: int | None, limit: int) -> dict[str, Any]:
        """The report over the newest ``limit`` rounds; against the newest version where none is named.

        Codes: those of ``read_policy``, ``unknown_policy``, ``unknown_approver``.
        """
        # Reading and planning is work for the processor: other requests are answered meanwhile.
        name = (await asyncio.to_thread(read_policy, draft)).policy
        async with self._desk.reading() as work:
            setting, called = await stored_setting(
                work,
                draft,
                self._desk.clock.now(),
                name=name,
                version=version,
            )
            player = await asyncio.to_thread(_checked, setting)
            played = Played()
            async for page in stored_items(work, limit):
                played.merge(await asyncio.to_thread(player.play, page, LISTED), LISTED)
        return report_document(played, player, "the draft", called, setting.waits)


def _checked(setting: Setting) -> Player:
    player = setting.player()
    player.check()
    return player
