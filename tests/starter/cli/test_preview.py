"""``countersign preview``: the plan of a quote without any server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.refusal import Refusal
from starter.cli.main import app

ROOT = Path(__file__).parents[3]
HOSPITAL = ROOT / "examples/hospital"
DOCUMENTS = ["--policy", str(HOSPITAL / "policy.yaml"), "--directory", str(HOSPITAL / "directory.yaml")]
QUOTE = str(HOSPITAL / "quote.json")


def preview(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["preview", QUOTE, *DOCUMENTS, *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def plan(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(preview("--json", *arguments))
    return found


def test_the_hospital_path_is_the_one_expected() -> None:
    expected = json.loads((HOSPITAL / "expected.json").read_text())["approval_path"]
    found = plan()
    lanes = [
        {
            "lane": lane["lane"],
            "steps": [
                {
                    "step": step["step"],
                    "approvals": [(each["rule"], each["approver"], each["asks"]) for each in step["approvals"]],
                }
                for step in lane["steps"]
            ],
        }
        for lane in found["lanes"]
    ]
    wanted = [
        {
            "lane": lane["lane"],
            "steps": [
                {
                    "step": step["step"],
                    "approvals": [(each["rule"], each["approver"], each["asks"]) for each in step["approvals"]],
                }
                for step in lane["steps"]
            ],
        }
        for lane in expected["lanes"]
    ]
    assert lanes == wanted
    assert [each["rule"] for each in found["not_fired"]] == list(expected["did_not_fire"])
    assert found["net_total"] == {"amount": "1911201.11", "currency": "USD"}


def test_a_condition_is_told_with_value_threshold_and_whether_it_was_met() -> None:
    first = plan()["lanes"][0]["steps"][0]["approvals"][0]
    assert first["conditions"] == [
        {"condition": "max_discount > 5", "value": "8", "threshold": "5", "previous": None, "met": True, "smart": True}
    ]
    assert first["reason"] == "Line discount above 5 %"


def test_due_dates_are_in_the_working_time_of_who_is_asked() -> None:
    found = plan("--at", "2026-11-16T09:00-06:00")
    assert found["lanes"][0]["steps"][0]["approvals"][0]["due"] == "2026-11-17T09:00:00+00:00"  # 18:00 in Tokyo


def test_who_submits_decides_who_is_barred() -> None:
    assert plan("--by", "mei")["lanes"][0]["steps"][0]["approvals"][0]["asks"] == ["david"]


def test_the_picture_shows_lanes_steps_people_and_reasons() -> None:
    output = preview()
    assert "[1: ? mei] ─▶ [2: · david] ─▶ [3: · farid]" in output
    assert "sam, grace, nora 2 of 3" in output
    assert "because max_discount > 5 (is 8)" in output
    assert "not asked: imaging-without-installation: install_lines = 0 (is 1)" in output


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--at", "soon"], "invalid_moment"), (["--by", "nobody-known"], "unknown_user")]
)
def test_what_cannot_be_previewed_is_refused_by_its_code(arguments: list[str], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        CliRunner().invoke(app, ["preview", QUOTE, *DOCUMENTS, *arguments], catch_exceptions=False)
    assert caught.value.code == code


def test_the_command_itself_prints_code_and_reason_and_exits_with_1(tmp_path: Path) -> None:
    wrong = json.loads((HOSPITAL / "quote.json").read_text())
    wrong["lines"][0]["quantity"] = 1
    wrong["colour"] = "red"
    (tmp_path / "quote.json").write_text(json.dumps(wrong))
    call = [sys.executable, "-c", "from starter.cli.main import main; main()", "preview", str(tmp_path / "quote.json")]
    done = subprocess.run([*call, *DOCUMENTS], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "number_not_text: lines.L1.quantity: " in done.stderr
    assert "unknown_field: colour: " in done.stderr
    assert "Traceback" not in done.stderr


def test_neither_server_nor_store_is_loaded_for_a_preview() -> None:
    program = (
        "import sys; sys.argv = ['countersign', 'preview', *sys.argv[1:]]\n"
        "from starter.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'temporalio', 'sqlalchemy', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, QUOTE, *DOCUMENTS, "--json"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_rep_reads_what_would_make_an_approval_unnecessary() -> None:
    output = preview()
    assert "not needed with max_discount <= 5: L1.discount_percent 8 → 5, L3.discount_percent 7.5 → 5" in output
    assert "asked with install_lines = 0: without L1b (MRI-INSTALL)" in output
    assert "no single change found" in output  # of the director, who is asked for two reasons


def test_what_would_turn_each_rule_is_data_too_and_may_be_left_out() -> None:
    explained = plan()["explain"]
    assert explained["service-capacity"]["counterfactual"] == "equipment_net <= 999999.99"
    assert explained["service-capacity"]["change"]["no_longer_asks"] == ["big-deal-finance"]
    assert "explain" not in plan("--no-explain")
    assert "not needed with" not in preview("--no-explain")


def test_policy_and_people_beside_the_quote_need_not_be_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["preview", QUOTE, "--no-explain"], catch_exceptions=False)
    assert (result.exit_code, result.output) == (0, preview("--no-explain"))
    alone = tmp_path / "quote.json"
    alone.write_text(Path(QUOTE).read_text())
    result = CliRunner().invoke(app, ["preview", str(alone)])
    assert result.exit_code == 2
    assert "--directory" in result.output
