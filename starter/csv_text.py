"""CSV (RFC 4180) that spreadsheets open without running anything that a stranger wrote into it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so is calculated by spreadsheets, some of which trim lines and read full-width signs: it gets an
apostrophe before it."""


def csv_lines(rows: Iterable[Iterable[object]], *, numbers: frozenset[int] = frozenset()) -> str:
    """The rows as text; nothing is an empty cell, and no cell can be a formula.

    ``numbers`` are the positions of columns of which we write every cell, so that a minus stays one.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([each if at in numbers else _cell(each) for at, each in enumerate(row)] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
