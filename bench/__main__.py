"""`python -m bench`: every benchmark against an embedded stack of its own, a table each, and bench/results.json."""

import asyncio
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench import approvals, burst, customer, floor, orders, policies, reads, replacement, replay
from bench.measure import Figures
from starter.connection import connect
from starter.embedded import embedded_stack
from starter.settings import Settings

RESULTS = Path(__file__).with_name("results.json")


def table(title: str, lines: list[Figures]) -> Table:
    """The figures of one benchmark for the terminal."""
    # Narrow enough that no heading is cut at 80 columns.
    shown = Table(title=title, title_justify="left", box=box.SIMPLE, padding=0)
    for column in lines[0]:
        shown.add_column(column.replace("_per_", "/").replace("_", " "), justify="right")
    for line in lines:
        shown.add_row(*(f"{value:,}" for value in line.values()))
    return shown


async def main(console: Console) -> None:
    """Run all and leave the results."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        settings = Settings(state_dir=Path(folder), temporal=None, temporal_namespace="default", database=None)
        async with embedded_stack(settings, ui=False, database=False, temporal_port=0, say=console.print) as stack:
            client = await connect(settings, stack.temporal_address)
            with console.status("floor: the bare Temporal server, about half a minute …"):
                lines = await floor.run(client)
            with console.status("approvals: whole rounds beside the floor, about two minutes …"):
                approved, approval_figures = await approvals.run(client, Path(folder))
            with console.status("replacement: 100, 1,000 and 10,000 pending approvals, some minutes …"):
                replaced = await replacement.run(client, Path(folder))
            with console.status("orders: one quote into 10, 100 and 1,000 orders, about two minutes …"):
                ordered, order_figures = await orders.run(client, Path(folder))
    with console.status("burst: 1,000 orders due while the server is down, some minutes …"):
        bursting, burst_figures = await burst.run()
    console.print(table("floor: a bare workflow, 2 updates, 2 timers, 3 empty activities", lines))
    console.print(table("approvals: two steps, beside the floor in turns", approved))
    console.print(table("replacement: one approver in every pending approval", replaced))
    console.print(table("orders: one quote split, and its whole fulfilment cancelled", ordered))
    console.print(table("burst: due in one second with the server down, after its return", bursting))
    with console.status("policies: 1,000 rules beside other engines, about a minute …"):
        evaluated, figures = policies.run()
    console.print(table("policies: 1,000 rules, milliseconds for one quote, and how many times as fast", evaluated))
    with console.status("replay: 15,000 quotes against 200 rules …"):
        replayed = replay.run()
    console.print(table("replay: 15,000 quotes, 200 rules", replayed))
    with console.status("reads: 100,000 approvals in the tables, about a minute …"):
        read, read_figures = await reads.run()
    console.print(table("reads: with 100,000 approvals, milliseconds", read))
    with console.status("customer: 2,000 ledger rows and a closing every month, about two minutes …"):
        looked, customer_figures = await customer.run()
    console.print(table("customer: with 2,000 ledger rows, milliseconds", looked))
    results = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "temporalio": version("temporalio"),
        "floor": lines,
        "approvals": approved,
        "replacement": replaced,
        "orders": ordered,
        "burst": bursting,
        "policies": evaluated,
        "replay": replayed,
        "reads": read,
        "customer": looked,
        **approval_figures,
        **order_figures,
        **burst_figures,
        **read_figures,
        **customer_figures,
        **figures,
        # How the rate over the most pending approvals compares with that over the fewest but one: 1 is flat.
        "replacement.flat": round(replaced[-1]["approvals_per_s"] / replaced[-2]["approvals_per_s"], 2),
        "policy.replay_quotes_per_s": max(line["quotes_per_s"] for line in replayed),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    console.print(f"written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Console())))
