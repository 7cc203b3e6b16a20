"""Cells that a spreadsheet would calculate are marked, in whatever disguise."""

from __future__ import annotations

import csv
import io

import pytest

from starter.csv_text import csv_lines


@pytest.mark.parametrize(
    "text", ["=1+1", "\n=1+1", "\r\n=1+1", "\t=1", "＝1+1", "＋1", "－1", "＠SUM(A1)", "+1", "-1", "@A1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    ((cell, plain),) = csv.reader(io.StringIO(csv_lines([[text, "1 = 1"]]), newline=""))
    assert (cell, plain) == (f"'{text}", "1 = 1")


def test_a_number_of_ours_stays_a_number() -> None:
    written = csv_lines([["-1", "-1"]], numbers=frozenset({1}))
    assert written == "'-1,-1\r\n"
