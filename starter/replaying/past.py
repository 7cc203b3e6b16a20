"""Past submissions as they come, from a line of a file or a stored round, and as a replay needs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from domain.approval.state import RoundState
from domain.policy.replay import Past
from domain.quote import read_priced
from domain.refusal import Problem, Refusal

LONGEST_LINE = 32 * 2**20
"""Bytes; a quote of 10,000 full lines has about 5 MB."""
YEARS = range(1900, 9000)
"""What calendars can reckon with, deadlines of ten years included."""


@dataclass(frozen=True, slots=True)
class Item:
    """One submission before it is read: ``where`` it is from, and its ``text`` (a line) or ``document``.

    A ``document`` has ``quote``, ``by`` and ``at``, of a stored round also ``editors``, ``earlier``, ``status`` and
    ``round``. Items cross process borders: nothing here loads the store. ``size`` is how far a reader has come by it.
    """

    where: str
    text: bytes | None = None
    document: Mapping[str, Any] | None = None
    size: int = 1
    too_long: bool = False


def lines_of(path: Path) -> Iterator[Item]:
    """The lines of a JSONL file that are not blank, one at a time. Code: ``unreadable_file``."""
    try:
        with path.open("rb") as file:
            yield from _lines(file, str(path))
    except OSError as error:
        raise Refusal("unreadable_file", f"{path}: {error.strerror or error}", "--quotes") from None


def _lines(file: IO[bytes], name: str) -> Iterator[Item]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        size, too_long = len(line), False
        while not line.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
            too_long, line, size = True, rest, size + len(rest)
        if too_long:
            yield Item(f"{name}:{number}", size=size, too_long=True)
        elif line.strip():
            yield Item(f"{name}:{number}", line, size=size)


def read_past(item: Item, now: datetime) -> Past:
    """The submission. Without ``by`` it is the owner's, without ``at`` it is of ``now``.

    Codes: ``invalid_json``, ``wrong_type``, ``unknown_field``, ``invalid_moment``, ``too_long``, and those of a quote.
    """
    data = item.document if item.document is not None else _wrapped(_decoded(item))
    priced = read_priced(data["quote"])
    by = data.get("by")
    if by is not None and (not isinstance(by, str) or not by.strip()):
        raise Refusal("wrong_type", "must be the id of a user", "by")
    return Past(
        priced,
        by or priced.quote.owner,
        moment_of(data.get("at"), now),
        tuple(data.get("editors", ())),
        tuple(RoundState.model_validate(each) for each in data.get("earlier", ())),
        data.get("status", "draft"),
        data.get("round", 0),
    )


def _decoded(item: Item) -> Any:
    if item.too_long:
        raise Refusal("too_long", f"a line has at most {LONGEST_LINE:,} bytes")
    try:
        value = json.loads(item.text or b"", object_pairs_hook=_no_repetition, parse_constant=_no_constant)
    except RecursionError:
        raise Refusal("invalid_json", "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Refusal("invalid_json", f"column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise Refusal("invalid_json", "it is not UTF-8") from None
    except ValueError as error:
        raise Refusal("invalid_json", str(error)) from None
    return value


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _wrapped(value: Any) -> Mapping[str, Any]:
    """A line is a quote, or ``{quote, by, at}``."""
    if not isinstance(value, dict):
        raise Refusal("wrong_type", "a line is one quote, or {quote, by, at}")
    if "quote" not in value or "quote_id" in value:
        return {"quote": value}
    unknown = [name for name in value if name not in ("quote", "by", "at")]
    if unknown:
        raise Refusal.of([Problem("unknown_field", "a line has quote, by and at", name) for name in unknown])
    return value


def moment_of(value: Any, now: datetime, path: str = "at") -> datetime:
    """The moment in ``value``, in UTC unless it says otherwise; ``now`` if there is none. Code: ``invalid_moment``."""
    if value is None:
        return now
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.year not in YEARS:
        raise Refusal("invalid_moment", "write a moment as 2026-11-16T09:00-06:00", path)
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
