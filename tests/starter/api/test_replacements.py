"""Replacements over HTTP and from the command line, as the page says: asked for, shown, listed, called off."""

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.starter.api.conftest import Api
from tests.starter.listening import run
from workflows.names import replacement_id

PAGE = (Path(__file__).parents[3] / "docs/replacement.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)[0].splitlines()
REPLACE = "/approvers/sales-director/replace"


async def ordered(api: Api, path: str = REPLACE, **body: Any) -> Any:
    return await api.call("POST", path, "ada", "admin", json={"by": "farid", **body})


async def over(api: Api, place: str) -> Any:
    """The operation once it is done."""
    while True:
        found = (await api.call("GET", place.removeprefix("/api/v1"), "ada", "admin")).json()
        if found["state"] not in ("scheduled", "running"):
            return found
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("working")
async def test_an_operation_is_ordered_followed_and_reported(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit")
    answer = await ordered(api, comment="David moves on")
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert place == f"/api/v1/operations/{answer.json()['operation']}"
    found = await over(api, place)
    assert (found["state"], found["total"], found["done"], found["rounds"]) == ("done", 1, 1, {"replaced": 1})
    assert found["replaced"] == {"id": "sales-director", "kind": "approver"}
    assert [(each["entry"], each["before"], each["after"]) for each in found["directory"]] == [
        ("sales-director", "david", "farid")
    ]
    page = (await api.call("GET", f"/operations/{found['operation']}/rounds?limit=1", "ada", "admin")).json()
    assert page["next"] is None
    (told,) = page["rounds"]
    assert (told["quote_id"], told["outcome"]) == (quote, "replaced")
    assert {(each["rule"], each["of"], each["to"]) for each in told["approvals"]} == {
        ("discount-director", "david", "farid")
    }
    record = await api.get(f"/quotes/{quote}/record")
    assert any(each["kind"] == "replaced" for each in record["entries"])


@pytest.mark.usefixtures("working")
async def test_a_dry_run_tells_the_same_and_writes_nothing(api: Api, quote: str) -> None:
    await api.post(f"/quotes/{quote}/submit")
    before = await api.get(f"/quotes/{quote}/rounds/1")
    answer = await ordered(api, dry_run=True)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["dry_run"], shown["total"], shown["rounds"]) == (True, 1, {"replaced": 1})
    assert await api.get(f"/quotes/{quote}/rounds/1") == before
    found = await over(api, (await ordered(api)).headers["location"])
    page = (await api.call("GET", f"/operations/{found['operation']}/rounds", "ada", "admin")).json()
    assert page["rounds"] == shown["touched"]
    assert found["directory"] == shown["directory"]


@pytest.mark.usefixtures("working")
async def test_a_start_is_shown_and_can_be_called_off(api: Api) -> None:
    begun = (await ordered(api, **{"from": "2099-01-01"})).json()
    # Midnight where the replaced person works.
    assert (begun["state"], begun["starts_at"]) == ("scheduled", "2099-01-01T06:00:00+00:00")
    path = f"/operations/{begun['operation']}/cancel"
    assert await api.refused("POST", path, "david") == (403, "admin_only")
    assert (await api.call("POST", path, "ada", "admin")).json()["state"] == "cancelled"


@pytest.mark.usefixtures("working")
async def test_an_operation_whose_run_was_ended_is_resumed(api: Api, address: str) -> None:
    begun = (await ordered(api, **{"from": "2099-01-01"})).json()
    run_of = api.desk.client.get_workflow_handle(replacement_id(begun["operation"]))
    for resume in ("http", "command"):
        await run_of.terminate("by mistake")
        if resume == "http":
            path = f"/operations/{begun['operation']}/resume"
            assert await api.refused("POST", path, "david") == (403, "admin_only")
            assert (await api.call("POST", path, "ada", "admin")).json()["state"] == "scheduled"
        else:
            done = await run(address, "operation", "resume", begun["operation"], "--as", "ada")
            assert (done.returncode, done.stderr) == (0, "")
            assert "scheduled for 2099-01-01T06:00" in done.stdout
        assert (await run_of.describe()).status is WorkflowExecutionStatus.RUNNING
    await api.call("POST", f"/operations/{begun['operation']}/cancel", "ada", "admin")
    assert await api.refused("POST", path, "ada", "admin") == (409, "wrong_state")


@pytest.mark.usefixtures("working")
async def test_the_same_key_is_one_operation(api: Api) -> None:
    key = {"Idempotency-Key": "replace-once"}
    first, again = [
        await api.call("POST", REPLACE, "ada", "admin", headers=key, json={"by": "farid"}) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["operation"] == again.json()["operation"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (REPLACE, {"by": "nobody"}, (404, "unknown_user")),
        (REPLACE, {"by": "david"}, (422, "same_person")),
        (REPLACE, {}, (422, "missing_field")),
        (REPLACE, {"by": "farid", "from": "soon"}, (422, "invalid_moment")),
        (REPLACE, {"by": "farid", "kind": "robot"}, (422, "invalid_choice")),
        (REPLACE, {"by": "farid", "who": "me"}, (422, "unknown_field")),
        ("/approvers/nothing/replace", {"by": "farid"}, (404, "unknown_approver")),
        ("/approvers/nobody/replace", {"by": "farid", "kind": "user"}, (404, "unknown_user")),
        ("/operations/none/cancel", {}, (404, "unknown_operation")),
        ("/operations/none/resume", {}, (404, "unknown_operation")),
    ],
)
async def test_what_cannot_be_is_refused(api: Api, path: str, body: Any, told: tuple[int, str]) -> None:
    assert await api.refused("POST", path, "ada", "admin", json=body) == told


async def test_only_admins_come_in(api: Api) -> None:
    assert await api.refused("POST", REPLACE, "david", json={"by": "farid"}) == (403, "admin_only")
    for path in ("/operations/none", "/operations/none/rounds"):
        assert await api.refused("GET", path, "david") == (403, "admin_only")
        assert await api.refused("GET", path, "ada", "admin") == (404, "unknown_operation")


@pytest.mark.usefixtures("working")
async def test_the_commands_of_the_page_work(api: Api, quote: str, address: str) -> None:
    await api.post(f"/quotes/{quote}/submit")

    async def told(*words: str) -> str:
        done = await run(address, *words)
        assert (done.returncode, done.stderr) == (0, ""), f"{words}: {done.stderr}"
        return done.stdout

    dry, waited, later = [await told(*shlex.split(line)[1:]) for line in COMMANDS]
    assert "would touch 1 rounds: 1 replaced" in dry
    assert "approvers.sales-director.user" in dry
    assert re.search(r"discount-director +replaced +david +→ farid", dry)
    assert "done, 1 of 1 rounds: 1 replaced" in waited
    assert "scheduled for 2099-01-01T06:00" in later
    name = later.split()[1].rstrip(":")
    assert "cancelled" in await told("operation", "cancel", name, "--as", "ada")
    name = waited.split()[1].rstrip(":")
    shown = await told("operation", "show", name, "--rounds", "--as", "ada")
    assert re.search(rf"{quote} +round 1 +discount-director +replaced +david +→ farid", shown)
    document = json.loads(await told("operation", "show", name, "--rounds", "--json", "--as", "ada"))
    assert [each["quote_id"] for each in document["touched"]] == [quote]
    refused = await run(address, "approver", "replace", "sales-director", "farid", "--as", "ada")
    assert (refused.returncode, refused.stderr.split(":")[0]) == (1, "same_person")
