"""``countersign policy schema``: the JSON Schema of policies, for editors."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON Schema of the policy document; point your editor's YAML plug-in at it."""
    from domain.policy.schema import FILE

    typer.echo(FILE.read_text(encoding="utf-8"), nl=False)
