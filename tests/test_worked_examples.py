"""The worked examples: played on the core, and every figure of their pages calculated again without the program."""

from __future__ import annotations

import ast
import re
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from domain.ledger.entitlement import View, entitlements
from domain.ledger.entries import EntryKind, LedgerEntry
from domain.ledger.invoicing import position
from domain.ledger.known import end_of_day
from domain.ledger.later_period import due_periods
from domain.ledger.revenue import remaining, report, revenue
from domain.ledger.revenue_audit import revenue_violations
from domain.money import round_half_away
from domain.order.promised import promises
from starter.stories.core import CoreStage
from starter.stories.document import Case, read_story
from starter.stories.player import play

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDERS = [EXAMPLES / "construction", EXAMPLES / "software"]
CASES = [case for folder in FOLDERS for case in read_story(folder / "scenario.yaml")]
STAGES: dict[str, CoreStage] = {}
FORMULA = re.compile(r"`([-+*/(). 0-9]+)` = (-?\d+\.\d\d)(?!\d)")
MONEY = re.compile(r"(?<![\d.-])-?\d+\.\d\d(?!\d)")
OPERATORS = {
    ast.Add: Fraction.__add__,
    ast.Sub: Fraction.__sub__,
    ast.Mult: Fraction.__mul__,
    ast.Div: Fraction.__truediv__,
}


def calculated(formula: str) -> Decimal:
    """What a formula comes to in exact arithmetic, rounded once."""

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        text = ast.get_source_segment(formula, node)
        assert isinstance(node, ast.Constant), formula
        assert text is not None
        return Fraction(text)

    return round_half_away(value(ast.parse(formula, mode="eval").body), 2)


def worked_out(folder: Path) -> set[str]:
    return {told for _, told in FORMULA.findall(page(folder))}


def page(folder: Path) -> str:
    return " ".join((folder / "README.md").read_text(encoding="utf-8").split())


async def played(folder: str) -> CoreStage:
    """The stage after the last case of an example, which tells the whole of it; played once, for nobody changes it."""
    if folder not in STAGES:
        stage = CoreStage()
        told = await play(read_story(EXAMPLES / folder / "scenario.yaml")[-1], stage)
        assert told.passed, "\n".join(told.failures)
        STAGES[folder] = stage
    return STAGES[folder]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_story_holds_on_the_core(case: Case) -> None:
    told = await play(case, CoreStage())
    assert told.passed, "\n".join(told.failures)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_formula_of_the_page_comes_to_its_figure(folder: Path) -> None:
    formulas = FORMULA.findall(page(folder))
    assert len(formulas) > 50
    wrong = [(formula, told) for formula, told in formulas if str(calculated(formula)) != told]
    assert not wrong


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_amount_of_the_story_is_worked_out_on_the_page(folder: Path) -> None:
    story = (folder / "scenario.yaml").read_text(encoding="utf-8")
    assert set(MONEY.findall(story)) <= worked_out(folder)


async def test_construction_is_deferred_and_accrued_as_the_page_says() -> None:
    stage = await played("construction")
    earth = [row for row in revenue(stage.entries) if row.plan.line_id == "EARTH"]
    assert len(earth) == 2  # the line and its change order are one account
    _, invoiced = page(EXAMPLES / "construction").split("## What is invoiced")
    for day in ("2027-03-31", "2027-04-30", "2027-05-31"):
        found = position(earth, date.fromisoformat(day))
        row = re.search(rf"\| {day} \| `[^`]+` = (\S+) \| `[^`]+` = (\S+) \|", invoiced)
        assert row is not None
        assert (f"{found.deferred:.2f}", f"{found.accrued:.2f}") == row.groups()


async def test_what_remains_of_construction() -> None:
    schedules = revenue((await played("construction")).entries)
    for day in ("2027-06-30", "2027-12-31", "2028-01-31"):
        on = date.fromisoformat(day)
        recognised = sum(row.recognised_by(on) for row in schedules)
        assert recognised + remaining(schedules, on) == Decimal("2196643.09")
    assert remaining(schedules, date(2027, 12, 31)) == Decimal("83672.83")
    assert remaining(schedules, date(2028, 1, 31)) == 0


async def test_hosting_runs_on_after_its_first_period() -> None:
    stage = await played("software")
    rows: list[LedgerEntry] = [entry for entry in stage.entries if entry.kind is not EntryKind.PERIOD]
    rows += due_periods(rows, date(2027, 12, 31), stage.clock)
    host = report(revenue(rows)).lines["HOST"]
    assert f"{host.contracted:.2f}" in worked_out(EXAMPLES / "software")
    assert f"{host.amount('2027'):.2f}" in worked_out(EXAMPLES / "software")
    assert (host.contracted, host.amount("2027")) == (Decimal("117600.00"), Decimal("115567.74"))


UNORDERED = {
    "2027-02-01": {"LON": 840, "NYC": 1260, "SIN": 480, "SAO": 300},
    "2027-03-15": {"LON": 0, "NYC": 60, "SIN": 0, "SAO": 0},
    "2027-08-09": {"NYC": 60},
    "2027-08-10": {"NYC": 20, "SIN": 0},
    "2028-04-01": {"NYC": 20, "SIN": 0, "SAO": 0},
}


@pytest.mark.parametrize("known", UNORDERED)
async def test_what_is_unordered_of_the_seats_as_known(known: str) -> None:
    stage = await played("software")
    assert stage.book is not None
    since = datetime.fromisoformat("2027-01-11T09:00+00:00")
    held = entitlements(
        stage.entries,
        date(2027, 9, 10),
        end_of_day(date.fromisoformat(known), "Europe/London"),
        View.UNORDERED,
        promises=promises(stage.priced, stage.book, since),
    )
    assert {site: held.of("PLATFORM-SEAT", site) for site in UNORDERED[known]} == UNORDERED[known]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
async def test_the_audit_of_revenue_finds_nothing(folder: Path) -> None:
    assert not tuple(revenue_violations((await played(folder.name)).entries))
