"""Routes of analytics: how long approvals wait, and what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from activities.store.analytics import Chosen
from domain.analytics import By, Figures
from domain.quote import LocalDate
from starter.analytics_desk import AnalyticsDesk, ApprovalReport, day
from starter.api.bodies import Body
from starter.api.caller import Calling
from starter.api.documents import Json
from starter.api.record import wants_csv
from starter.api.route import DoorRoute
from starter.csv_text import csv_lines

router = APIRouter(route_class=DoorRoute, tags=["analytics"])

HEADER = ("answers", "unanswered", "working_median", "working_p90", "wall_median", "wall_p90")


class AnalyticsQuery(Body):
    """Rounds opened from one date until another (in UTC, both inclusive), of one policy, in one chain."""

    by: By = By.RULE
    from_: LocalDate | None = Field(default=None, alias="from")
    until: LocalDate | None = None
    policy: Annotated[str, Field(max_length=200)] | None = None
    chain: Annotated[str, Field(max_length=200)] | None = None
    format: Literal["json", "csv"] | None = None


@router.get("/analytics/approvals")
async def analyse_approvals(request: Request, call: Calling, query: Annotated[AnalyticsQuery, Query()]) -> Response:
    """Waits by approver (admins only), rule or step, in seconds; rounds, reasons, and what was not asked again."""
    if query.by is By.APPROVER:
        call.require_admin()
    chosen = Chosen(policy=query.policy, since=query.from_, until=query.until, chain=query.chain)
    report = await AnalyticsDesk(call.doors.desk).approvals(query.by, chosen)
    if wants_csv(request, query.format):
        return Response(_table(report), media_type="text/csv", headers={"Vary": "Accept"})
    return JSONResponse(_document(report), headers={"Vary": "Accept"})


def _document(report: ApprovalReport) -> Json:
    totals, chosen = report.totals, report.chosen
    return {
        "by": str(report.by),
        "from": day(chosen.since),
        "until": day(chosen.until),
        "policy": chosen.policy,
        "chain": chosen.chain,
        "groups": [{str(report.by): each.key, **_figures(each)} for each in report.groups],
        "all": _figures(report.whole),
        "counted": {
            "approvals": totals.approvals,
            "of": totals.approvals_in_all,
            "settled": totals.settled,
            "quotes": totals.quotes,
            "rounds": totals.rounds,
        },
        "rounds_per_quote": {
            "mean": _rounded(totals.rounds_per_quote),
            "quotes": {str(number): quotes for number, quotes in totals.rounds_of_quotes.items()},
        },
        "skipped": {**totals.skipped, "share_by_smart": _rounded(totals.skipped_by_smart)},
        "rejections": [{"reason": reason, "count": count} for reason, count in totals.reasons.items()],
        "timeouts": totals.timeouts,
        "overrides": totals.overrides,
        "withdrawn": totals.withdrawn,
    }


def _figures(found: Figures) -> Json:
    waits = {name: _seconds(getattr(found, name)) for name in HEADER[2:]}
    return {"answers": found.answers, "unanswered": found.unanswered, **waits}


def _seconds(wait: timedelta | None) -> int | None:
    return round(wait.total_seconds()) if wait is not None else None


def _rounded(number: float | None) -> float | None:
    return round(number, 4) if number is not None else None


def _table(report: ApprovalReport) -> str:
    rows = [[each.key, *_figures(each).values()] for each in report.groups]
    names = [f"{name}_seconds" if name in HEADER[2:] else name for name in HEADER]
    return csv_lines([[str(report.by), *names], *rows])
