"""Many decisions in one request, made again under its key: what was done stays done, what was not is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.starter.api.conftest import Api
from tests.starter.api.test_inbox import submitted


@pytest.mark.usefixtures("working")
async def test_what_was_not_done_is_done_by_the_same_request_later(api: Api) -> None:
    await submitted(api, ["Q-bulk-1"])
    decisions = [
        {"approval_id": "Q-bulk-1.1.terms-legal", "verdict": "approve", "comment": "fine"},
        {"approval_id": "Q-bulk-2.1.terms-legal", "verdict": "approve"},
    ]
    how: dict[str, Any] = {"headers": {"Idempotency-Key": "bulk"}, "json": {"decisions": decisions}}

    async def decided() -> tuple[list[int], bool]:
        answer = await api.call("POST", "/approvals/decide", "nora", **how)
        return [each["status"] for each in answer.json()["answers"]], "idempotency-replayed" in answer.headers

    assert await decided() == ([200, 404], False)
    assert await decided() == ([200, 404], False)
    await submitted(api, ["Q-bulk-2"])
    assert await decided() == ([200, 200], False)
    assert await decided() == ([200, 200], True)
    for quote in ("Q-bulk-1", "Q-bulk-2"):
        page = await api.get(f"/quotes/{quote}/record")
        assert [entry["kind"] for entry in page["entries"]].count("approved") == 1
