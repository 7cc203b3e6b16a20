"""The command ``countersign``. Commands import what they need when they run: help and preview stay quick."""

from __future__ import annotations

import sys

import typer

from starter.cli import (
    analytics,
    approval,
    approver,
    audit,
    contract,
    customer,
    demo,
    directory,
    documents,
    holdings,
    messages,
    order,
    period,
    policy_check,
    policy_replay,
    policy_schema,
    preview,
    quote,
    record,
    scenario,
    token,
    up,
)

app = typer.Typer(
    name="countersign",
    help="Durable quote approvals and order orchestration.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("preview")(preview.preview)
app.command("scenario")(scenario.scenario)
app.command("token")(token.token)
app.add_typer(quote.app, name="quote")
app.add_typer(approval.app, name="approval")
app.add_typer(approver.app, name="approver")
app.add_typer(approver.operation, name="operation")
app.add_typer(order.app, name="order")
order.app.command("assets")(holdings.order_assets)
order.app.command("service-levels")(holdings.order_service_levels)
customer.app.command("assets")(holdings.assets)
customer.app.command("coverage")(holdings.coverage)
customer.app.command("service-levels")(holdings.service_levels)
app.add_typer(customer.app, name="customer")
app.add_typer(contract.app, name="contract")
app.add_typer(period.app, name="period")
documents.policy.command("check")(policy_check.check)
documents.policy.command("schema")(policy_schema.schema)
documents.policy.command("replay")(policy_replay.replay)
app.add_typer(documents.policy, name="policy")
documents.directory.command("show")(directory.show)
documents.directory.command("get")(directory.get)
documents.directory.command("put")(directory.put)
documents.directory.command("holidays")(directory.holidays)
app.add_typer(documents.directory, name="directory")
app.add_typer(messages.app, name="messages")
app.add_typer(directory.delegation, name="delegation")
app.add_typer(record.app, name="record")
app.command("analytics")(analytics.analytics)
app.command("audit")(audit.audit)


def main() -> None:
    """Run the command line; exit 0 done, 1 refused, 2 used wrongly."""
    from domain.refusal import Refusal

    try:
        app()
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"{problem.code}: {problem}", file=sys.stderr)
        sys.exit(1)
