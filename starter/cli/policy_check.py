"""``countersign policy check``: what is wrong with a policy, and with its people, each with the line of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.cli.options import AsJson

if TYPE_CHECKING:
    from datetime import date

    from domain.people import Directory
    from domain.policy.finding import Document, Finding
    from domain.yaml_text import YamlDocument

PLACE = re.compile(r"(?s).*?:(\d+): (.*)")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy (YAML or JSON).")],
    directory: Annotated[Path | None, typer.Option("--directory", help="The directory: prove its people too.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="As of a date, such as 2027-02-15; today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove a policy without a server: types, contradictions, steps never reached, and rules with nobody to decide.

    Exit 1 when something is wrong, 0 when there are at most warnings, 2 when a file cannot be read.
    """
    import json

    paper = _Paper("policy", file)
    people = None if directory is None else _Paper("directory", directory)
    found = _findings(paper, people, _day(on))
    papers = {each.kind: each for each in (paper, people) if each is not None}
    rows = [papers[finding.document].row(finding) for finding in found]
    errors = sum(finding.is_error for finding in found)
    if as_json:
        document = {"errors": errors, "warnings": len(rows) - errors, "findings": rows}
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        for line in _lines(rows[:errors], rows[errors:]):
            typer.echo(line)
    if errors:
        raise typer.Exit(1)


def _day(text: str | None) -> date:
    from datetime import UTC, datetime

    from domain.reading import read_date
    from domain.refusal import Refusal

    if text is None:
        return datetime.now(UTC).date()
    try:
        return read_date(text)
    except Refusal as refusal:
        raise typer.BadParameter(refusal.message, param_hint="--on") from None


def _findings(paper: _Paper, people: _Paper | None, on: date) -> tuple[Finding, ...]:
    from domain.people import read_directory
    from domain.policy.check import check_document
    from domain.policy.finding import in_order, of_refusal
    from domain.refusal import Refusal

    wrong = [*paper.wrong, *(people.wrong if people is not None else ())]
    directory: Directory | None = None
    if people is not None and not people.wrong:
        try:
            directory = read_directory(people.value)
        except Refusal as refusal:
            wrong.extend(of_refusal(refusal, "directory"))
    found = () if paper.wrong else check_document(paper.value, directory, on=on)
    return in_order((*wrong, *found))


class _Paper:
    """A file with its lines. What is no YAML or JSON is wrong; a file that cannot be opened ends the command."""

    def __init__(self, kind: Document, file: Path) -> None:
        from domain.policy.finding import of_refusal
        from domain.refusal import Refusal

        self.kind = kind
        self.file = file
        self.wrong: tuple[Finding, ...] = ()
        self._lines: YamlDocument | None = None
        self.value: Any = None
        try:
            self._read(file)
        except Refusal as refusal:
            if refusal.code == "unreadable_file":
                typer.echo(f"{refusal.code}: {refusal.message}", err=True)
                raise typer.Exit(2) from None
            self.wrong = of_refusal(refusal, kind)

    def _read(self, file: Path) -> None:
        import json
        from decimal import Decimal

        from domain.policy.check import LARGEST_TEXT
        from domain.refusal import Refusal
        from domain.yaml_text import read_yaml
        from starter.stories.material import read_lines

        if self.kind == "policy" and file.is_file() and file.stat().st_size > LARGEST_TEXT:
            raise Refusal("too_long", f"{file}:1: a policy has at most {LARGEST_TEXT:,} characters")
        self._lines = read_lines(file)
        self.value = self._lines.value
        if file.suffix == ".json":
            text = file.read_text(encoding="utf-8")
            self.value = json.loads(text, parse_float=Decimal)  # in these documents bare numbers are exact decimals
            try:
                self._lines = read_yaml(text, str(file))  # nearly all JSON is YAML, and YAML knows its lines
            except Refusal:
                return

    def row(self, finding: Finding) -> dict[str, Any]:
        """``finding`` as data, with its file and line."""
        line, message = self._line(finding.path), finding.message
        if finding in self.wrong and (told := PLACE.fullmatch(message)):
            line, message = int(told[1]), told[2]
        return {
            "severity": finding.severity,
            "code": finding.code,
            "file": str(self.file),
            "line": line,
            "path": finding.path,
            "message": message,
        }

    def _line(self, path: str) -> int:
        from domain.yaml_text import find_path

        if self._lines is None:
            return 1
        value = self._lines.value
        if isinstance(value, Mapping) and isinstance(value.get("matrix"), Mapping):
            # A single table needs no list around it; its id is then no step of the way.
            path = re.sub(r"^matrix\.[^.]+", "matrix", path)
        return self._lines.line_of(find_path(value, path))


def _lines(errors: Sequence[Mapping[str, Any]], warnings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The errors, and apart from them the warnings."""
    told = [
        f"{row['file']}:{row['line']}: {row['severity']} {row['code']}: "
        + (f"{row['path']}: {row['message']}" if row["path"] else row["message"])
        for row in (*errors, *warnings)
    ]
    if errors and warnings:
        told.insert(len(errors), "")
    return [*told, f"{len(errors)} errors, {len(warnings)} warnings"]
