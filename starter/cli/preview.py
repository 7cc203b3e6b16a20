"""``countersign preview``: the plan of a quote and its reasons, without any server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def preview(
    quote: Annotated[Path, typer.Argument(help="The quote (JSON).", metavar="QUOTE.json")],
    policy: Annotated[
        Path | None, typer.Option("--policy", help="The policy (YAML); policy.yaml beside the quote when left out.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--directory", help="The people (YAML); directory.yaml beside the quote when left out."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who would submit; the owner when left out.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="The moment, such as 2026-11-16T09:00-06:00; now.")] = None,
    explain: Annotated[bool, typer.Option(help="Look for the smallest change that turns each rule.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show whom a quote will need, in which order and why. Nothing is written and nobody is asked."""
    import json
    from datetime import UTC, datetime

    from domain.approval.plan import Submission
    from domain.approval.preview import explain_plan, preview_plan
    from domain.approvers import check_approvers
    from domain.people import read_directory
    from domain.policy.document import read_policy
    from domain.policy.evaluate import compile_policy
    from domain.pricing import price
    from domain.quote import read_quote
    from domain.refusal import Refusal
    from starter.cli.pictures import plan_picture
    from starter.explanations import explanations_document
    from starter.plans import plan_document
    from starter.stories.material import read_file

    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(UTC)
    except ValueError:
        raise Refusal("invalid_moment", "write a moment as 2026-11-16T09:00-06:00", "--at") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    people = read_directory(read_file(directory or _beside(quote, "directory")))
    rules = read_policy(read_file(policy or _beside(quote, "policy")))
    check_approvers(rules, people)
    priced = price(read_quote(read_file(quote)))
    submission = Submission(priced, compile_policy(rules), people, by or priced.quote.owner, moment)
    plan = preview_plan(submission)
    told = explanations_document(explain_plan(submission), priced.quote) if explain else {}
    if as_json:
        document = plan_document(plan)
        typer.echo(json.dumps({**document, "explain": told} if explain else document, indent=1))
    else:
        for line in plan_picture(plan, told):
            typer.echo(line)


def _beside(quote: Path, what: str) -> Path:
    """The file of that name in the folder of the quote."""
    found = quote.parent / f"{what}.yaml"
    if not found.is_file():
        raise typer.BadParameter(f"there is no {found}; say which file it is", param_hint=f"--{what}")
    return found
