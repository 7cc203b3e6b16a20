"""The page of errors says of every code the status that the API gives it."""

import re
from pathlib import Path

from domain.refusal import Problem
from starter.api.problems import STATUS_OF_CODE, status_of

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
ROW = re.compile(r"^\| `(\w+)` \| (\d{3})", re.MULTILINE)


def test_every_code_has_the_status_that_the_page_says() -> None:
    told = {code: int(status) for code, status in ROW.findall(PAGE.read_text())}
    assert {code: status_of(Problem(code, ""), {}) for code in told} == told
    assert set(STATUS_OF_CODE) <= set(told)
