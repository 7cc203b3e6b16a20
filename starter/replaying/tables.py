"""A replay on the terminal: what changes in all, for whom, by which rule, and on which quotes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from starter.replaying.report import reasons, refusals, sentence

Json = dict[str, Any]

SHOWN = 20
"""Rows of each table; the JSON and the page have all."""
CHANGES = ("added", "dropped", "earlier", "later")


def print_report(report: Json, console: Console) -> None:
    """The report as a few lines and tables."""
    for line in headlines(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for table in (_approvers(report), _rules(report), _refusals(report), _quotes(report)):
        if table is not None and table.row_count:
            console.print(table)
    unlisted = max(len(report["differences"]) - SHOWN, 0) + report["unlisted"]
    if unlisted:
        console.print(f"and {unlisted:,} more quotes differ: see --json or --html", markup=False, highlight=False)


def headlines(report: Json) -> Iterator[str]:
    """What the replay comes to, in sentences."""
    submissions, approvals, refused = report["submissions"], report["approvals"], report["refused"]
    yield f"{report['draft']['name']} against {report['against']['name']}"
    yield f"{submissions['replayed']:,} submissions replayed, {submissions['different']:,} would go another way" + (
        f", {submissions['unreadable']:,} could not be read" if submissions["unreadable"] else ""
    )
    yield f"approvals asked for: {approvals['against']['asked']:,} → {approvals['draft']['asked']:,}, " + (
        f"approved at once: {approvals['against']['approved_at_once']:,} → {approvals['draft']['approved_at_once']:,}"
    )
    if refused["both"] or refused["against_only"] or refused["draft_only"]:
        yield f"refused at submit: {refused['draft_only']:,} only by the draft, {refused['against_only']:,} only " + (
            f"before, {refused['both']:,} by both"
        )
    if report["waiting"] is None:
        yield "waiting time: not estimated, there are no recorded waits"
    else:
        against, draft = report["waiting"]["against"], report["waiting"]["draft"]
        yield f"estimated waiting time (median): {hours(against['median_hours'])} → {hours(draft['median_hours'])}"


def hours(number: float) -> str:
    """Hours for people: ``3.5 h``, ``2.1 days``."""
    return f"{number:,.1f} h" if number < 48 else f"{number / 24:,.1f} days"


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for at, column in enumerate(columns):
        if at < left:
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, justify="right", no_wrap=True)
    return table


def _number(value: int) -> str:
    return f"{value:,}" if value else "·"


def _approvers(report: Json) -> Table:
    changed = [row for row in report["approvers"] if any(row[kind] for kind in CHANGES)]
    waits = ("usual wait",) if report["waiting"] is not None else ()
    table = _table("approvers", "who", "before", "draft", *CHANGES, *waits)
    for row in changed[:SHOWN]:
        wait = row["median_wait_hours"]
        numbers = (row["asked_against"], row["asked_draft"], *(row[kind] for kind in CHANGES))
        told = ("" if wait is None else hours(wait),) if waits else ()
        table.add_row(row["approver"], *map(_number, numbers), *told)
    return table


def _rules(report: Json) -> Table:
    changed = [row for row in report["rules"] if any(row[kind] for kind in (*CHANGES, "votes"))]
    changed.sort(key=lambda row: -sum(row[kind] for kind in (*CHANGES, "votes")))
    table = _table("rules that make a difference", "rule", "fired before", "in draft", *CHANGES)
    for row in changed[:SHOWN]:
        numbers = (row["fired_against"], row["fired_draft"], *(row[kind] for kind in CHANGES))
        table.add_row(row["rule"], *map(_number, numbers))
    return table


def _refusals(report: Json) -> Table:
    table = _table("refused at submit", "code", "where", "before", "draft", left=2)
    for row in report["refused"]["reasons"]:
        table.add_row(row["code"], row["path"], _number(row["against"]), _number(row["draft"]))
    return table


def _quotes(report: Json) -> Table:
    table = _table("quotes", "quote", "what changes", "by which rule", left=3)
    for row in report["differences"][:SHOWN]:
        name = row["quote_id"] + (f" round {row['round']}" if row["round"] > 1 else "")
        told = [(sentence(change), reasons(change)) for change in row["changes"]]
        told.extend((line, "") for line in refusals(row))
        for at, (what, why) in enumerate(told):
            table.add_row("" if at else name, what, why)
    return table
