"""Tokens outlive people: whoever is in the directory and has left does nothing, with no role, and reads nothing."""

from __future__ import annotations

import pytest

from activities.tokens import Identity
from starter.people_desk import PeopleDesk
from tests.starter.api.conftest import Api
from tests.starter.api.test_inbox import submitted


@pytest.mark.usefixtures("working")
async def test_who_left_is_no_admin_and_overrides_nothing(api: Api) -> None:
    await submitted(api, ["Q-left"])
    approval = "/approvals/Q-left.1.discount-manager"
    await PeopleDesk(api.desk).deactivate(Identity("operator", frozenset({"admin"})), "david")
    no = (403, "unknown_user")
    body = {"decision": "approve", "comment": "x"}
    assert await api.refused("POST", f"{approval}/override", "david", "override", json=body) == no
    assert await api.refused("POST", f"{approval}/recompute", "david", "admin", json={}) == no
    assert await api.refused("PUT", "/directory", "david", "admin", json={}) == no
    assert await api.refused("GET", "/approvals?mine=false", "david", "admin") == no
    assert await api.refused("GET", "/quotes/Q-left", "david") == no
    operator = await api.call("GET", "/approvals?mine=false", "operator", "admin")
    assert operator.status_code == 200
