"""The directory over HTTP: entries with their versions, the whole document, delegations; who may, and what follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from tests.starter.api.conftest import BEGIN, HOSPITAL, Api

YAML = {"Content-Type": "application/yaml"}
MATCHING = {
    "users": ("ursula", {"name": "Ursula", "manager": "ines", "authority": {"amount": "50000", "currency": "USD"}}),
    "groups": ("night-watch", {"members": ["sam", "grace"], "quorum": "60%", "veto": ["sam"]}),
    "approvers": ("head-of-terms", {"user": "nora", "sla": {"remind": "4h"}}),
    "calendars": ("riyadh", {"time_zone": "Asia/Riyadh", "hours": {"sun-thu": ["08:00-16:00"]}}),
}


async def put(api: Api, path: str, body: Any, **headers: str) -> Any:
    return await api.call("PUT", path, "ada", "admin", json=body, headers=headers)


@pytest.mark.parametrize("section", sorted(MATCHING))
async def test_an_entry_is_added_read_and_replaced_by_its_version(api: Api, section: str) -> None:
    name, body = MATCHING[section]
    path = f"/{section}/{name}"
    code = f"unknown_{section.removesuffix('s')}"
    assert await api.refused("GET", path) == (404, code)
    added = await put(api, path, body, **{"If-None-Match": "*"})
    assert (added.status_code, added.json(), added.headers["location"]) == (201, body, f"/api/v1{path}")
    seen = await api.call("GET", path)
    assert (seen.json(), seen.headers["etag"]) == (body, added.headers["etag"])
    again = await put(api, path, body)
    assert (again.status_code, again.headers["etag"]) == (200, added.headers["etag"]), "nothing changed"
    assert (await put(api, path, body, **{"If-None-Match": "*"})).status_code == 412
    stale = {"If-Match": '"1"'}
    assert (await put(api, path, body, **stale)).json()["code"] == "stale"
    changed = await put(api, path, CHANGED[section], **{"If-Match": seen.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != seen.headers["etag"]
    assert await api.get(path) == CHANGED[section]


CHANGED = {
    "users": {"name": "Ursula", "active": False},
    "groups": {"members": ["sam"]},
    "approvers": {"group": "legal"},
    "calendars": {"time_zone": "Asia/Riyadh", "hours": {"sun-wed": ["08:00-16:00"]}},
}


async def test_an_entry_comes_as_yaml_too_and_the_same_numbers_are_the_same(api: Api) -> None:
    text = "{name: Ursula, authority: {amount: 50000.10, currency: USD}}"
    answer = await api.call("PUT", "/users/ursula", "ada", "admin", content=text, headers=YAML)
    assert answer.status_code == 201
    assert answer.json()["authority"] == {"amount": "50000.10", "currency": "USD"}


@pytest.mark.parametrize(
    ("path", "body", "code", "where"),
    [
        ("/users/mei", {}, "missing_field", "name"),
        ("/users/mei", {"name": "Mei", "boss": "david"}, "unknown_field", "boss"),
        ("/users/mei", {"name": "Mei", "calendar": "mars"}, "unknown_calendar", "calendar"),
        ("/users/not%20an%20id", {"name": "Mei"}, "invalid_id", ""),
        ("/groups/legal", {"members": ["liam"], "quorum": "101%"}, "invalid_quorum", "quorum"),
        ("/approvers/ceo", {"user": "ines", "group": "legal"}, "conflicting_fields", ""),
        ("/approvers/ceo", {"user": "ines", "sla": {"remind": "soon"}}, "invalid_duration", "sla.remind"),
        ("/calendars/texas", {"hours": {}}, "empty_calendar", ""),
        ("/calendars/texas", {"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, "overlapping_slots", ""),
        (
            "/calendars/texas",
            {"time_zone": "Mars/Base", "hours": {"mon": ["09:00-12:00"]}},
            "unknown_time_zone",
            "time_zone",
        ),
    ],
)
async def test_a_wrong_entry_is_refused_by_the_field_and_changes_nothing(
    api: Api, path: str, body: Any, code: str, where: str
) -> None:
    before = (await api.call("GET", "/directory", "ada", "admin")).headers["etag"]
    problem = (await put(api, path, body)).json()
    assert (problem["status"], problem["code"], problem["errors"][0]["path"]) == (422, code, where)
    assert (await api.call("GET", "/directory", "ada", "admin")).headers["etag"] == before


async def test_a_group_that_would_close_a_loop_of_delegations_is_refused(api: Api) -> None:
    await api.post("/delegations", "mei", {"to": "legal"})
    await api.post("/delegations", "sam", {"to": "mei"})
    problem = (await put(api, "/groups/legal", {"members": ["liam", "sam"]})).json()
    assert problem["code"] == "delegation_loop"


async def test_what_was_wrong_before_does_not_stand_in_the_way_of_another_entry(api: Api) -> None:
    async with api.desk.database.work() as work:
        await work.directory.put("user", "old", {"name": "Old", "calendar": "gone"}, "a release before")
    assert (await put(api, "/users/ursula", {"name": "Ursula"})).status_code == 201


async def test_lists_come_by_page_in_the_order_of_ids(api: Api) -> None:
    first = await api.get("/users?limit=4")
    names = [each["id"] for each in first["users"]]
    while first["next"]:
        first = await api.get(f"/users?limit=4&cursor={first['next']}")
        names += [each["id"] for each in first["users"]]
    whole = yaml.safe_load((HOSPITAL / "directory.yaml").read_text())
    assert names == sorted(whole["users"])
    (legal,) = [each for each in (await api.get("/groups"))["groups"] if each["id"] == "legal"]
    assert (legal["entry"]["members"], legal["changed_by"]) == (whole["groups"]["legal"]["members"], "setup")


async def test_the_whole_directory_goes_out_and_comes_back_as_it_was(api: Api) -> None:
    await api.post("/delegations", "mei", {"to": "sam", "until": "2026-12-01T00:00"})
    out = await api.call("GET", "/directory", "ada", "admin")
    again = await put(api, "/directory", out.json(), **{"If-Match": out.headers["etag"]})
    assert again.status_code == 200
    assert (await api.call("GET", "/directory", "ada", "admin")).json() == out.json()
    assert (await put(api, "/directory", out.json(), **{"If-Match": out.headers["etag"]})).json()["code"] == "stale"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/users/rosa"),
        ("PUT", "/groups/legal"),
        ("PUT", "/approvers/ceo"),
        ("PUT", "/calendars/x"),
        ("PUT", "/directory"),
        ("GET", "/directory"),
    ],
)
async def test_only_an_admin_writes_or_takes_the_whole(api: Api, method: str, path: str) -> None:
    body = {} if method == "GET" else {"json": {"name": "Rosa"}}
    assert await api.refused(method, path, "rosa", **body) == (403, "admin_only")


async def test_who_has_left_reads_nothing_and_hands_over_nothing(api: Api) -> None:
    await put(api, "/users/mei", {"name": "Mei", "active": False})
    for path in ("/users", "/users/david", "/delegations"):
        assert await api.refused("GET", path, "mei") == (403, "unknown_user")
    assert await api.refused("POST", "/delegations", "mei", json={"to": "sam"}) == (403, "unknown_user")


async def test_the_record_says_who_changed_what_and_keeps_no_contact_data(api: Api) -> None:
    await put(api, "/users/ursula", {"name": "Ursula", "mail": "u@example.com", "manager": "ines"})
    await put(api, "/users/ursula", {"name": "Ursula", "mail": "w@example.com", "manager": "david"})
    async with api.desk.reading() as work:
        kinds = await work.connection.exec_driver_sql(
            "select body from record where kind = 'user_changed' order by seq"
        )
        told = [body["changes"] for body in kinds.scalars()]
    manager = [{"from": None, "to": "ines"}, {"from": "ines", "to": "david"}]
    assert [each["manager"] for each in told] == manager
    assert [each["mail"] for each in told] == [{}, {}]


# -- delegations


async def test_ones_own_delegation_is_entered_listed_and_ended(api: Api) -> None:
    answer = await api.call("POST", "/delegations", "mei", json={"to": "sam", "until": "2026-11-20T17:00"})
    name = answer.json()["id"]
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/delegations/{name}")
    (shown,) = (await api.get("/delegations?of=mei"))["delegations"]
    assert (shown["id"], shown["of"], shown["to"], shown["state"]) == (name, "mei", "sam", "in_force")
    assert shown["until"] == "2026-11-20T17:00:00"
    assert shown["ends_at"] == "2026-11-20T17:00:00+09:00", "without a zone it is Mei's, who works in Tokyo"
    assert await api.refused("DELETE", f"/delegations/{name}", "sam") == (403, "admin_only")
    ended = await api.call("DELETE", f"/delegations/{name}", "mei")
    assert (ended.json()["state"], ended.json()["ended_by"]) == ("taken_back", "mei")
    assert (await api.call("DELETE", f"/delegations/{name}", "ada", "admin")).json() == ended.json()
    assert (await api.get("/delegations?of=mei"))["delegations"] == []
    assert len((await api.get("/delegations?of=mei&taken_back=true"))["delegations"]) == 1
    assert (await api.get(f"/delegations/{name}"))["state"] == "taken_back"
    assert await api.refused("DELETE", "/delegations/nothing", "mei") == (404, "unknown_delegation")


async def test_a_delegation_says_whether_it_is_to_come_or_over(api: Api, clock: Any) -> None:
    moments = {"from": (BEGIN + timedelta(days=1)).isoformat(), "until": (BEGIN + timedelta(days=2)).isoformat()}
    name = (await api.post("/delegations", "mei", {"to": "sam", **moments}))["id"]
    states = [(await api.get(f"/delegations/{name}"))["state"]]
    for day in (1, 2):
        clock.move_to(BEGIN + timedelta(days=day))
        states.append((await api.get(f"/delegations/{name}"))["state"])
    assert states == ["to_come", "in_force", "over"]


async def test_the_same_key_enters_a_delegation_once(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    given = [await api.post("/delegations", "mei", {"to": "sam"}, headers=headers) for _ in range(2)]
    assert given[0] == given[1]
    assert len((await api.get("/delegations?of=mei"))["delegations"]) == 1


async def test_delegations_come_by_page_the_last_entered_first(api: Api, clock: Any) -> None:
    names = []
    for hour, to in enumerate(("sam", "david", "farid")):
        clock.move_to(BEGIN + timedelta(hours=hour))
        names.append((await api.post("/delegations", "mei", {"to": to}))["id"])
    page = await api.get("/delegations?limit=2")
    last = await api.get(f"/delegations?limit=2&cursor={page['next']}")
    assert [each["id"] for each in (*page["delegations"], *last["delegations"])] == names[::-1]
    assert [each["to"] for each in (await api.get("/delegations?to=david"))["delegations"]] == ["david"]


# -- what a change does to rounds that wait


async def asked(api: Api, quote: str) -> dict[str, list[str]]:
    """Who may decide now and is listed, by rule."""
    document = await api.get(f"/quotes/{quote}")
    return {
        approval["rule"]: approval["asks"]
        for lane in document["approval"]["lanes"]
        for step in lane["steps"]
        for approval in step["approvals"]
        if approval["state"] == "requested"
    }


async def test_taking_a_delegation_back_returns_what_waits(api: Api, working: None, quote: str) -> None:
    name = (await api.post("/delegations", "mei", {"to": "grace"}))["id"]
    await api.post(f"/quotes/{quote}/submit")
    assert (await asked(api, quote))["discount-manager"] == ["grace"]
    await api.call("DELETE", f"/delegations/{name}", "mei")
    assert (await asked(api, quote))["discount-manager"] == ["mei"]


async def test_who_leaves_by_an_entry_is_replaced_and_a_delegate_who_comes_back_takes_over(
    api: Api, working: None, quote: str
) -> None:
    grace = await api.get("/users/grace")
    await put(api, "/users/grace", {**grace, "active": False})
    await api.post("/delegations", "mei", {"to": "grace"})
    await api.post(f"/quotes/{quote}/submit")
    assert (await asked(api, quote))["discount-manager"] == ["mei"]
    await put(api, "/users/grace", grace)
    assert (await asked(api, quote))["discount-manager"] == ["grace"]
    await put(api, "/users/mei", {**await api.get("/users/mei"), "active": False})
    assert (await asked(api, quote))["discount-manager"] == ["ines"]


async def test_a_group_that_stands_in_may_change_while_something_waits(api: Api, working: None, quote: str) -> None:
    await put(api, "/groups/desk", {"members": ["grace"]})
    await api.post("/delegations", "mei", {"to": "desk"})
    await api.post(f"/quotes/{quote}/submit")
    await put(api, "/groups/desk", {"members": ["farid", "grace"]})
    assert (await asked(api, quote))["discount-manager"] == ["farid", "grace"]


async def test_a_calendar_that_changes_moves_no_deadline_that_is_set(api: Api, working: None, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit")
    (before,) = [each for each in (await api.get("/approvals", "mei"))["approvals"] if each["quote_id"] == quote]
    tokyo = await api.get("/calendars/tokyo")
    await put(api, "/calendars/tokyo", {**tokyo, "hours": {"wed": ["10:00-11:00"]}})
    (after,) = [each for each in (await api.get("/approvals", "mei"))["approvals"] if each["quote_id"] == quote]
    assert after["due_at"] == before["due_at"] is not None
    await api.post("/delegations", "mei", {"to": "grace"})
    (handed,) = [each for each in (await api.get("/approvals", "grace"))["approvals"] if each["rule"] == before["rule"]]
    assert handed["due_at"] == before["due_at"], "a look at the new directory moves it neither"


async def test_whoever_still_waits_for_somebody_who_left_is_helped_by_a_new_entry(
    api: Api, working: None, quote: str
) -> None:
    await api.post(f"/quotes/{quote}/submit")
    known = {name: await api.get(f"/users/{name}") for name in ("ines", "david", "mei")}
    for name, entry in known.items():
        await put(api, f"/users/{name}", {**entry, "active": False})
    assert (await asked(api, quote))["discount-manager"] == ["mei"], "nobody is there to replace her"
    await put(api, "/users/ines", known["ines"])
    assert (await asked(api, quote))["discount-manager"] == ["ines"]
