"""The example answers of customers in ``docs/http.md`` and ``docs/revenue.md`` are what the doors answer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from starter.clock import StoryClock
from tests.starter.api.conftest import Api
from tests.starter.api.running import running

pytestmark = pytest.mark.usefixtures("working")
DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = re.compile(r"^`GET (/customers/C-RUN\S*)`[^\n]*\n+```json\n(.*?)^```", re.M | re.S)


def examples(page: str) -> dict[str, Any]:
    found = EXAMPLE.findall((DOCS / page).read_text(encoding="utf-8"))
    return {path: json.loads(told) for path, told in found}


def part(told: Any, answered: Any) -> Any:
    """``answered`` with nothing but the keys that are told."""
    if isinstance(told, dict) and isinstance(answered, dict):
        return {key: part(value, answered.get(key)) for key, value in told.items()}
    if isinstance(told, list) and isinstance(answered, list) and len(told) == len(answered):
        return [part(*pair) for pair in zip(told, answered, strict=True)]
    return answered


async def test_customers_answer_as_the_pages_show(api: Api, clock: StoryClock) -> None:
    quote = await running(api, clock)
    await api.post(f"/orders/{quote}-1/deliveries", "erp", {"line": "A", "quantity": "1"})
    await api.post(f"/orders/{quote}-1/invoices", "erp", {"line": "S", "amount": "1200.00"})
    clock.move_to(clock.now().replace(month=3, day=2))
    shown = {**examples("http.md"), **examples("revenue.md")}
    assert len(shown) == 4
    for path, told in shown.items():
        assert part(told, await api.get(path)) == told, path
