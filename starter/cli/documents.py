"""``countersign policy`` and ``countersign directory``: documents, on their own and at the running API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from starter.cli import policy_test, policy_versions
from starter.cli.options import ApiUrl, As, AsJson

policy = typer.Typer(help="Policies: who must approve what.", no_args_is_help=True)
policy.command("test")(policy_test.cover)
policy.command("versions")(policy_versions.versions)
policy.command("show")(policy_versions.show)
policy.command("diff")(policy_versions.diff)
policy.command("rollback")(policy_versions.rollback)
directory = typer.Typer(help="The directory: users, groups, approvers, calendars.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON.")]


@policy.command()
def publish(file: File, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Check a policy and publish it as the next version of its name; open rounds keep theirs."""
    from starter.cli.tables import show

    found = _send("POST", "/policies", file, user, api)
    show(found, [f"policy {found['policy']} is published as version {found['version']}"], as_json)


@directory.command()
def load(file: File, user: As = None, api: ApiUrl = None, as_json: AsJson = False) -> None:
    """Put a file in the place of the whole directory; what waits is handed over at once."""
    from starter.cli.tables import show

    found = _send("PUT", "/directory", file, user, api)
    show(found, [f"the directory is at version {found['version']}"], as_json)


def _send(method: str, path: str, file: Path, user: str | None, api: str | None) -> Any:
    from starter.cli.line import Line
    from starter.stories.material import read_file

    read_file(file)  # what cannot be read is told with its line, before anybody is asked
    media_type = "application/json" if file.suffix == ".json" else "application/yaml"
    return Line(api, user, "admin").send(method, path, file.read_text(encoding="utf-8"), media_type)
