"""Questions about approvals in general: how long they wait and for whom, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from activities.store.analytics import Analytics, Chosen, Material
from domain.analytics import By, Figures, Totals, waits
from domain.calendar import ROUND_THE_CLOCK, WorkingCalendar
from domain.refusal import Refusal
from starter.desk import Desk


@dataclass(frozen=True, slots=True)
class ApprovalReport:
    """The answer: one line for each group, one for all, and the totals."""

    by: By
    chosen: Chosen
    groups: tuple[Figures, ...]
    whole: Figures
    totals: Totals


class AnalyticsDesk:
    """Reads the tables; writes nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def approvals(self, by: By, chosen: Chosen) -> ApprovalReport:
        """Waits by approver, rule or step. Code: ``dates_out_of_order``."""
        if chosen.since is not None and chosen.until is not None and chosen.until < chosen.since:
            raise Refusal("dates_out_of_order", f"{chosen.until} lies before {chosen.since}", "until")
        async with self._desk.reading() as work:
            directory = await self._desk.knowledge.directory(work)
            material = await Analytics(work.connection).gather(chosen, directory)
        # Many waits, during which other requests are answered.
        calendars: dict[str | None, WorkingCalendar] = dict(directory.calendars.items())
        calendars[None] = ROUND_THE_CLOCK
        return await asyncio.to_thread(_report, by, chosen, material, calendars)


def _report(
    by: By, chosen: Chosen, material: Material, calendars: Mapping[str | None, WorkingCalendar]
) -> ApprovalReport:
    groups, whole = waits(material.answers, material.silences, by, calendars)
    return ApprovalReport(by, chosen, groups, whole, material.totals)


def day(value: date | None) -> str | None:
    """A date as it is written, or nothing."""
    return value.isoformat() if value else None
