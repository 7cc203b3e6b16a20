"""What a check says of decision tables: gaps, overlaps, rows that never matter."""

from typing import Any

from domain.policy.document import read_policy
from domain.policy.matrix_findings import matrix_findings


def told(*rows: dict[str, Any], columns: tuple[str, ...] = ("n", "tier")) -> list[tuple[str, str, str]]:
    table = {"id": "m", "columns": list(columns), "approver": "ann", "rows": list(rows)}
    findings = matrix_findings(read_policy({"policy": "p", "matrix": [table]}))
    return [(finding.code, finding.path, finding.message) for finding in findings]


def test_bands_that_cover_everything_have_nothing_to_report() -> None:
    assert told({"n": "..5"}, {"n": "5..10"}, {"n": "10.."}, columns=("n",)) == []


def test_a_hole_between_two_bands_is_a_gap() -> None:
    found = told({"n": "..5"}, {"n": "7.."}, columns=("n",))
    assert found == [
        ("matrix_gap", "matrix.m.rows", "no row takes n between 5 and 7; n 7: the table asks nobody there")
    ]


def test_bands_that_share_numbers_overlap() -> None:
    found = told({"n": "..10"}, {"n": "5.."}, columns=("n",))
    assert found == [("matrix_overlap", "matrix.m.rows.1", "m-1 and m-2 both take n between 5 and 10")]


def test_bands_that_touch_do_not_overlap() -> None:
    assert told({"n": "..5"}, {"n": "> 5"}, columns=("n",)) == []


def test_a_row_behind_a_wider_one_is_shadowed() -> None:
    found = told({"n": "*"}, {"n": "5..10", "tier": "Gold"})
    assert [(code, path) for code, path, _ in found] == [("matrix_shadowed", "matrix.m.rows.1")]


def test_texts_are_told_apart_by_name_without_case() -> None:
    found = told({"n": "*", "tier": "Gold"}, {"n": "*", "tier": "gold, Silver"})
    told_gap = "no row takes n any other, tier any other: the table asks nobody there"
    assert ("matrix_gap", "matrix.m.rows", told_gap) in found
    assert any(code == "matrix_overlap" for code, _, _ in found)


def test_a_huge_table_is_reported_as_not_looked_at() -> None:
    rows = [{"n": f"{at}..{at + 1}", "m": f"{at}..{at + 1}", "o": f"{at}..{at + 1}"} for at in range(100)]
    assert [code for code, _, _ in told(*rows, columns=("n", "m", "o"))] == ["matrix_too_large"]


def test_rows_of_different_steps_may_share_what_they_take() -> None:
    assert told({"n": "..5", "step": 1}, {"n": "5..", "step": 1}, {"n": "10..", "step": 2}, columns=("n",)) == []
