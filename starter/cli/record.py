"""``countersign record``: show what happened, verify that nothing was changed or cut, and sign the head."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson, DatabaseUrl, QuoteId, StateDir

if TYPE_CHECKING:
    from activities.store.audit import Violation
    from activities.store.record_heads import Evidence
    from starter.settings import Settings

app = typer.Typer(help="The record: show it, verify it, sign its head.", no_args_is_help=True)

LARGEST_PAGE = "200"
Heads = Annotated[
    Path | None, typer.Option("--heads", help="The file of signed heads; the installation's own.", metavar="FILE")
]
Key = Annotated[
    Path | None, typer.Option("--key", help="Public keys to verify by; the installation's own.", metavar="FILE.json")
]


@app.command()
def show(
    quote: QuoteId,
    user: As = None,
    api: ApiUrl = None,
    approval: Annotated[bool, typer.Option("--approval", help="The id is that of an approval.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row for each entry.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a quote and its orders: who, for whom, when, how, what, why."""
    from starter.cli import tables
    from starter.cli.line import Line, quoted

    line = Line(api, user)
    path = f"/{'approvals' if approval else 'quotes'}/{quoted(quote)}/record"
    if as_csv:
        typer.echo(line.get_text(path, "text/csv"), nl=False)
        return
    found = _whole(line, path)
    tables.show(found, tables.table(_rows(found["entries"])), as_json)


def _whole(line: Any, path: str) -> dict[str, Any]:
    found: dict[str, Any] = line.get(path, limit=LARGEST_PAGE)
    while found["next"]:
        page = line.get(path, limit=LARGEST_PAGE, cursor=found["next"])
        found = {**found, "entries": [*found["entries"], *page["entries"]], "next": page["next"]}
    return found


def _rows(entries: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        who = entry["by"] or ""
        acting = f" for {entry['on_behalf_of']}" if entry["on_behalf_of"] else ""
        said = entry["body"].get("reason") or entry["body"].get("comment") or entry["body"].get("why") or ""
        how = f"by {entry['channel']}" if entry["channel"] else ""
        what = entry["rule"] or entry["order_id"] or ""
        yield str(entry["seq"]), entry["at"][:19], entry["kind"], what, who + acting, how, said


@app.command()
def verify(
    heads: Heads = None,
    key: Key = None,
    database: DatabaseUrl = None,
    state_dir: StateDir = None,
    as_json: AsJson = False,
) -> None:
    """Verify that no entry was changed, cut or put in; exit 1 and the first bad entry when one was."""
    import asyncio
    import json

    from starter.child_process import StackError
    from starter.cli.reading import settings_of

    settings = settings_of(database, state_dir)
    evidence = evidence_of(settings, heads, key)
    try:
        found, entries, believed = asyncio.run(_verify(settings, evidence))
    except StackError as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        told = {"entries": entries, "heads": believed, "violations": [each.model_dump() for each in found]}
        typer.echo(json.dumps(told, indent=1))
    else:
        for each in found:
            typer.echo(f"{each.code}: {each.where}: {each.message}")
        typer.echo(f"record {len(found)} violations ({entries} entries, {heads_text(believed)})")
    if found:
        raise typer.Exit(1)


def heads_text(believed: int | None) -> str:
    """How many signed heads were held against the chain."""
    return "signed heads not verified: no key here, name one with --key" if believed is None else f"{believed} heads"


def evidence_of(settings: Settings, heads: Path | None, key: Path | None) -> Evidence | None:
    """What to verify heads by; none where this installation has no key and none is named.

    Codes: ``unreadable_file``, ``invalid_key``.
    """
    from activities.head_file import HeadFile
    from activities.head_keys import HeadKeys
    from activities.store.record_heads import Evidence
    from domain.refusal import Refusal
    from starter.record_keys import head_file, known_keys

    keys = HeadKeys.read(key) if key is not None else known_keys(settings)
    if heads is not None and not heads.is_file():
        raise Refusal("unreadable_file", f"{heads} is no file; name the file of signed heads", "heads")
    if not keys:
        if heads is not None:
            raise Refusal("invalid_key", "there is no key here to verify heads by; name one with --key", "key")
        return None
    return Evidence(keys, HeadFile(heads) if heads is not None else head_file(settings))


async def _verify(settings: Settings, evidence: Evidence | None) -> tuple[list[Violation], int, int | None]:
    from activities.store.audit import audit_record
    from starter.cli.reading import reading

    async with reading(settings) as work:
        found, believed = await audit_record(work, evidence)
        return found, await work.record.count(), believed


@app.command()
def sign(database: DatabaseUrl = None, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Sign the head now and keep it in the table and in the file; workers do so by themselves."""
    import asyncio

    from activities.head_keys import SignedHead
    from starter.child_process import StackError
    from starter.cli.reading import database_of, settings_of
    from starter.cli.tables import show
    from starter.record_keys import head_file, signing_key
    from starter.record_signer import RecordSigner

    settings = settings_of(database, state_dir)

    async def at_once() -> SignedHead | None:
        async with database_of(settings) as found:
            return await RecordSigner(found, signing_key(settings), head_file(settings)).sign(at_once=True)

    try:
        signed = asyncio.run(at_once())
    except StackError as error:
        typer.echo(f"unavailable: {error}", err=True)
        raise typer.Exit(1) from None
    if signed is None:
        show({"signed": None}, ["nothing is new since the last signed head"], as_json)
    else:
        told = f"head {signed.number} is signed: {signed.seq} entries, the last is {signed.hash}"
        show({"signed": signed.model_dump(mode="json")}, [told], as_json)


@app.command()
def key(state_dir: StateDir = None) -> None:
    """Print the public key: whoever has it can verify signed heads, and cannot sign any."""
    from starter.cli.reading import settings_of
    from starter.record_keys import signing_key

    typer.echo(signing_key(settings_of(None, state_dir)).public)
