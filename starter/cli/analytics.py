"""``countersign analytics``: how long approvals wait and what became of them, over the running API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson


def analytics(
    by: Annotated[str, typer.Option("--by", help="approver, rule or step.")] = "rule",
    first: Annotated[str | None, typer.Option("--from", help="A date in UTC: rounds opened then or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="A date in UTC, inclusive.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="Only rounds of this policy.")] = None,
    chain: Annotated[str | None, typer.Option("--chain", help="Only approvals in this chain.")] = None,
    user: As = None,
    api: ApiUrl = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row for each group.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show waits by approver, rule or step: median and 90th percentile, in working and in wall time."""
    from starter.cli.line import Line
    from starter.cli.tables import show

    line = Line(api, user, "admin")
    asked = {"by": by, "from": first, "until": until, "policy": policy, "chain": chain}
    if as_csv:
        typer.echo(line.get_text("/analytics/approvals", "text/csv", **asked), nl=False)
        return
    found = line.get("/analytics/approvals", **asked)
    show(found, lines(found), as_json)


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The figures for the terminal."""
    from starter.cli.tables import table

    names = ("answers", "unanswered", "working_median", "working_p90", "wall_median", "wall_p90")
    heading = (found["by"], "answers", "silent", "working median", "p90", "wall median", "p90")
    rows = [(each[found["by"]], *_cells(each, names)) for each in found["groups"]]
    yield from table([heading, *rows, ("all", *_cells(found["all"], names))], right=range(1, 7))
    counted = found["counted"]
    of = "" if counted["approvals"] == counted["of"] else f" (the newest of {counted['of']})"
    yield f"counted {counted['approvals']} approvals{of} in {counted['rounds']} rounds of {counted['quotes']} quotes"
    per_quote, share = found["rounds_per_quote"]["mean"], found["skipped"]["share_by_smart"]
    yield f"rounds per quote {'–' if per_quote is None else f'{per_quote:g}'}" + (
        "" if share is None else f" · not asked again by smart approval {share:.1%}"
    )
    yield f"timeouts {found['timeouts']} · overrides {found['overrides']} · withdrawn {found['withdrawn']}"
    for each in found["rejections"]:
        yield f"rejected {each['count']} times: {each['reason'] or 'no reason'}"


def _cells(each: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [str(each[name]) if name in names[:2] else duration(each[name]) for name in names]


def duration(seconds: int | None) -> str:
    """A wait in hours and minutes, as one reads it: ``26 h 05 m``."""
    if seconds is None:
        return "–"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} m"
