"""``countersign directory`` and ``countersign delegation``: who there is, who stands in, and public holidays."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from starter.cli.options import ApiUrl, As, AsJson


class Section(StrEnum):
    """A part of the directory."""

    USERS = "users"
    GROUPS = "groups"
    APPROVERS = "approvers"
    CALENDARS = "calendars"


Part = Annotated[Section, typer.Argument(help="users, groups, approvers or calendars.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")]
Years = Annotated[list[int], typer.Argument(metavar="YEAR…", min=1970, max=2100)]

delegation = typer.Typer(help="Delegations: who stands in for whom, from when until when.", no_args_is_help=True)


def show(user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Print the whole directory as a file that `load` takes."""
    from starter.cli.line import Line
    from starter.cli.tables import show as tell
    from starter.cli.yaml_lines import yaml_lines

    found = Line(api, user, "admin").get("/directory")
    tell(found, yaml_lines(found), as_json)


def get(
    section: Part,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="All of them when left out.")] = None,
    cursor: Cursor = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print one entry as a file that `put` takes, or list all of a part."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell
    from starter.cli.tables import table
    from starter.cli.yaml_lines import yaml_lines

    line = Line(api, user)
    if name is not None:
        found = line.get(f"/{section}/{quoted(name)}")
        tell(found, yaml_lines(found), as_json)
        return
    found = line.get(f"/{section}", cursor=cursor)
    rows = [
        (each["id"], str(each["entry"].get("name", "")), f"version {each['version']}", each["changed_by"])
        for each in found[section]
    ]
    tell(found, [*table(rows), *_more(found)], as_json)


def put(
    section: Part,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The id of the entry.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The entry, YAML or JSON.")],
    seen: Annotated[int | None, typer.Option("--seen", help="The version you saw; another one is refused.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Refuse to replace one that is there.")] = False,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Add or replace one entry; what waits and is touched by it is handed over at once."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell
    from starter.stories.material import read_file

    if new and seen is not None:
        raise typer.BadParameter("a new entry has no version that you saw")
    read_file(file)  # what cannot be read is told with its line, before anybody is asked
    headers = {"If-None-Match": "*"} if new else {"If-Match": f'"{seen}"'} if seen is not None else {}
    media_type = "application/json" if file.suffix == ".json" else "application/yaml"
    path = f"/{section}/{quoted(name)}"
    found = Line(api, user, "admin").send("PUT", path, file.read_text(encoding="utf-8"), media_type, **headers)
    tell(found, [f"{section} {name} is as the file says"], as_json)


def holidays(
    country: Annotated[str, typer.Argument(metavar="COUNTRY", help="Two letters, such as US.")],
    years: Years,
    region: Annotated[str | None, typer.Option("--region", help="A state or province, such as TX.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print public holidays to paste into a calendar; deadlines are counted from what stands there, never from here."""
    from starter.cli.tables import show as tell

    found = {str(day): name for day, name in sorted(_holidays(country, years, region).items())}
    tell(found, ["holidays:", *(f'  - "{day}"  # {name}' for day, name in found.items())], as_json)


def _holidays(country: str, years: list[int], region: str | None) -> dict[Any, str]:
    from holidays import country_holidays

    try:
        return dict(country_holidays(country.upper(), subdiv=region, years=years, language="en_US"))
    except NotImplementedError as error:
        raise typer.BadParameter(str(error)) from None


@delegation.command("add")
def add_delegation(
    to: Annotated[str, typer.Argument(metavar="TO", help="A user or a group.")],
    of: Annotated[str | None, typer.Option("--of", help="Who hands over, for admins; yourself.")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="2026-12-01T09:00, in the person's zone; now.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Likewise; until it is ended.")] = None,
    policy: Annotated[list[str] | None, typer.Option("--policy", help="Only this policy; may be repeated.")] = None,
    chain: Annotated[list[str] | None, typer.Option("--chain", help="Only this chain; may be repeated.")] = None,
    largest: Annotated[str | None, typer.Option("--largest", help='"250000 USD": only quotes up to that.')] = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Hand over to somebody, what already waits included."""
    from starter.cli.line import Line
    from starter.cli.tables import show as tell

    scope = {name: given for name, given in (("policies", policy), ("chains", chain)) if given}
    body = {"of": of, "to": to, "from": begin, "until": until, "largest": _limit(largest), "scope": scope or None}
    found = Line(api, user, *(("admin",) if of is not None else ())).post("/delegations", body)
    tell(found, [f"delegation {found['id']} is entered"], as_json)


def _limit(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    amount, _, currency = text.strip().partition(" ")
    if not currency:
        raise typer.BadParameter("write an amount with its currency: 250000 USD", param_hint="--largest")
    return {"amount": amount.replace(",", ""), "currency": currency.strip()}


@delegation.command("list")
def list_delegations(
    of: Annotated[str | None, typer.Option("--of", help="Only those of this person.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only those to this user or group.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that were taken back.")] = False,
    cursor: Cursor = None,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """List who stands in for whom, the delegation entered last first."""
    from starter.cli.line import Line
    from starter.cli.tables import show as tell
    from starter.cli.tables import table

    asked = {"of": of, "to": to, "taken_back": "true" if ended else None, "cursor": cursor}
    found = Line(api, user).get("/delegations", **asked)
    rows = [
        (each["id"], each["of"], f"→ {each['to']}", each["state"], each["starts_at"] or "", each["ends_at"] or "")
        for each in found["delegations"]
    ]
    tell(found, [*table(rows), *_more(found)], as_json)


@delegation.command("end")
def end_delegation(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of the delegation.")],
    admin: Annotated[bool, typer.Option("--admin", help="It is somebody else's.")] = False,
    user: As = None,
    api: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Take a delegation back; what waits returns to whoever gave it."""
    from starter.cli.line import Line, quoted
    from starter.cli.tables import show as tell

    found = Line(api, user, *(("admin",) if admin else ())).delete(f"/delegations/{quoted(name)}")
    tell(found, [f"delegation {name} of {found['of']} is taken back"], as_json)


def _more(page: dict[str, Any]) -> list[str]:
    return [f"more: --cursor {page['next']}"] if page["next"] else []
