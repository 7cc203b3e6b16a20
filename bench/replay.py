"""Replay of 15,000 quotes against 200 rules, by the command itself: from the lines of a file to the report.

The quotes are the orders of TPC-H at scale 0.01 with their line items, the same on every machine. In the draft a tenth
of the rules has another threshold, some are gone, some are new, some ask somebody else.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.measure import Figures
from starter.replaying.past import lines_of
from starter.replaying.player import Setting
from starter.replaying.pool import Replaying, cores

Json = dict[str, Any]

SCALE = "0.01"
RULES = 200
PATIENCE = 60
NOW = datetime(2026, 11, 16, 15, tzinfo=UTC)
METALS = ("Steel", "Copper", "Brass", "Tin", "Nickel")
WAYS = ("AIR", "MAIL", "RAIL", "SHIP", "TRUCK")
URGENT = ("URGENT", "HIGH", "MEDIUM", "LOW", "NOT")
APPROVERS: tuple[Any, ...] = (
    "desk",
    {"manager_of": "owner"},
    "legal",
    "head",
    {"manager_of": "owner", "level": 2},
    "finance",
)


def generate(folder: Path) -> Path:
    """The quotes as JSONL in ``folder``."""
    tables = folder / "tables"
    program = Path(sysconfig.get_path("scripts")) / ("tpchgen-cli.exe" if sys.platform == "win32" else "tpchgen-cli")
    command: list[str | Path] = [program, "csv", "-s", SCALE, "--tables=orders,lineitem,part", f"--output-dir={tables}"]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    parts = {row["p_partkey"]: row["p_type"].split()[-1].title() for row in _rows(tables / "part.csv")}
    items: dict[str, list[Json]] = {}
    for row in _rows(tables / "lineitem.csv"):
        items.setdefault(row["l_orderkey"], []).append(_line(row, parts[row["l_partkey"]]))
    path = folder / "quotes.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(tables / "orders.csv"):
            file.write(json.dumps(_submission(row, items[row["o_orderkey"]])) + "\n")
    return path


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _line(row: dict[str, str], family: str) -> Json:
    unit = Decimal(row["l_extendedprice"]) / Decimal(row["l_quantity"])
    return {
        "line_id": f"L{row['l_linenumber']}",
        "product": f"P-{row['l_partkey']}",
        "family": family,
        "kind": "one_time",
        "quantity": row["l_quantity"],
        "list_price": str(unit.quantize(Decimal("0.01"))),
        "discount_percent": str(Decimal(row["l_discount"]) * 100),
        "fields": {"ship_mode": row["l_shipmode"], "returned": row["l_returnflag"]},
    }


def _submission(row: dict[str, str], lines: list[Json]) -> Json:
    quote = {
        "quote_id": f"O-{row['o_orderkey']}",
        "title": row["o_comment"],
        "owner": row["o_clerk"].replace("#", "-"),
        "currency": "USD",
        "customer": {"customer_id": f"c-{row['o_custkey']}", "name": f"Customer {row['o_custkey']}"},
        "fields": {"priority": row["o_orderpriority"], "status": row["o_orderstatus"]},
        "lines": lines,
    }
    return {"quote": quote, "at": f"{row['o_orderdate']}T12:00Z"}


def people() -> Json:
    """A thousand clerks under ten managers with limits of their own, two groups, and one delegation."""
    users: Json = {f"Clerk-{number:09d}": {"name": "Clerk", "manager": f"m{number % 10}"} for number in range(1, 1001)}
    for number in range(10):
        limit = {"amount": 100_000 + number * 20_000, "currency": "USD"}
        users[f"m{number}"] = {"name": "Manager", "manager": "ines", "authority": limit}
    users |= {name: {"name": name.title()} for name in ("ines", "ann", "bob", "cat", "dan", "eve")}
    return {
        "users": users,
        "groups": {
            "desk": {"members": ["ann", "bob", "cat"], "quorum": 2},
            "legal": {"members": ["cat", "dan"], "quorum": "any"},
        },
        "approvers": {"finance": {"user": "eve"}, "head": {"user": "ines"}},
        "delegations": [{"of": "eve", "to": "dan", "from": "1995-01-01T00:00Z", "until": "1995-07-01T00:00Z"}],
    }


def policy(*, draft: bool) -> Json:
    """200 rules in five lanes: half test header fields, half aggregates of the lines under a ``where``."""
    rules = []
    for number in range(RULES):
        if draft and number % 40 == 39:
            continue
        moved = 9 if draft and number % 10 == 3 else 0
        of_five, later = number // 2 % 5, number + moved
        if number % 2 == 0:
            when = [f"net_total > {20_000 + later * 2_500}", f"priority contains {URGENT[of_five]}"]
        elif number % 4 == 1:
            when = [f"net_{METALS[of_five]} > {30_000 + later * 1_000}"]
        else:
            when = [f"discount_{WAYS[of_five]} > {later % 10}", f"net_total > {number * 1_500}"]
        asked = APPROVERS[(number + (1 if draft and number % 40 == 20 else 0)) % len(APPROVERS)]
        place = {"chain": f"lane-{number % 5}", "step": number // 5 % 4 + 1}
        rules.append({"id": f"rule-{number}", "approver": asked, "when": {"all": when}, **place})
    if draft:
        rules += [
            {"id": f"new-{number}", "approver": "head", "when": f"net_total > {250_000 + number * 50_000}"}
            for number in range(5)
        ]
    variables: Json = {
        **{f"net_{metal}": {"sum": "lines.net_total", "where": f"family = {metal}"} for metal in METALS},
        **{f"discount_{way}": {"max": "lines.discount_percent", "where": f"ship_mode = {way}"} for way in WAYS},
    }
    chains: Json = {f"lane-{number}": {} for number in range(5)}
    return {"policy": "bench", "fallback": "head", "variables": variables, "chains": chains, "rules": rules}


def measure(quotes: Path, processes: int) -> Figures:
    """One replay, from the first byte of the file to the totals, with so many processes."""
    setting = Setting(policy(draft=True), policy(draft=False), people(), NOW)
    begun = time.perf_counter()
    with Replaying(setting, listed=200, processes=processes) as replaying:
        for item in lines_of(quotes):
            replaying.feed(item)
        played = replaying.finish()
    took = time.perf_counter() - begun
    assert not played.unread, played.unread[0]
    return {
        "quotes": played.totals.submissions,
        "rules": RULES,
        "processes": processes,
        "seconds": round(took, 2),
        "quotes_per_s": round(played.totals.submissions / took),
        "different": played.totals.different,
    }


def run() -> list[Figures]:
    """With one process, then with all cores; about 40 seconds on two."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        quotes = generate(Path(folder))
        return [measure(quotes, processes) for processes in sorted({1, cores(), min(os.cpu_count() or 1, 2)})]


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
