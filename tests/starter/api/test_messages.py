"""Messages over HTTP and on the command line: why somebody got no mail, and sending one again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote as quoted

import pytest
from typer.testing import CliRunner

from activities.messages import Relay
from activities.partners.mail_folder import MailFolder
from starter.cli.main import app
from tests.starter.api.conftest import Api


async def listed(api: Api, **params: Any) -> list[dict[str, Any]]:
    answer = await api.call("GET", "/messages", "pat", "admin", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def resend(api: Api, key: str, who: str = "pat") -> dict[str, Any]:
    answer = await api.call("POST", f"/messages/{quoted(key, safe='')}/resend", who, "admin")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def asked(api: Api, working: None, quote: str) -> str:
    """A quote that is pending: the first step was asked, and nothing has left yet."""
    await api.post(f"/quotes/{quote}/submit")
    return quote


async def put_address(api: Api, user: str, mail: str | None) -> None:
    async with api.desk.database.work() as work:
        entry = await work.directory.get("user", user)
        await work.directory.put("user", user, {**entry.body, "mail": mail}, "setup")


async def test_operators_see_why_somebody_got_no_mail(api: Api, asked: str, tmp_path: Path) -> None:
    waiting = await listed(api, quote_id=asked)
    assert {each["state"] for each in waiting} == {"waiting"}
    assert all(each["quote_id"] == asked and each["round"] == 1 and each["next_try_at"] for each in waiting)
    silent = waiting[0]["to"]
    await put_address(api, silent, None)
    await Relay(api.desk.database, MailFolder(tmp_path / "mail")).drain()
    (failed,) = await listed(api, quote_id=asked, failed="true", to=silent)
    assert (failed["state"], failed["reason"], failed["attempts"]) == ("given_up", "no_address", 1)
    assert failed["error"] == f"{silent} has no mail address in the directory"
    assert silent not in {each["to"] for each in await listed(api, quote_id=asked, state="sent")}


async def test_what_was_given_up_is_sent_again_once_it_can_be(api: Api, asked: str, tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    relay = Relay(api.desk.database, MailFolder(folder))
    silent = (await listed(api, quote_id=asked))[0]["to"]
    await put_address(api, silent, None)
    await relay.drain()
    before = len(list(folder.iterdir()))
    (failed,) = await listed(api, state="given_up")
    await put_address(api, silent, "found@example.com")
    again = await resend(api, failed["key"])
    assert (again["state"], again["reason"], again["attempts"]) == ("waiting", None, 0)
    assert await relay.drain() == 1
    assert len(list(folder.iterdir())) == before + 1
    assert await listed(api, state="given_up") == []
    record = await api.get(f"/quotes/{asked}/record")
    told = [each for each in record["entries"] if each["kind"] == "message_resent"]
    assert [each["by"] for each in told] == ["pat"]


async def test_what_is_settled_is_neither_sent_nor_sent_again(api: Api, asked: str, tmp_path: Path) -> None:
    await api.post(f"/quotes/{asked}/recall")
    await Relay(api.desk.database, MailFolder(tmp_path / "mail")).drain()
    gone = await listed(api, quote_id=asked, state="given_up")
    requests = [each for each in gone if each["kind"] == "request"]
    assert requests
    assert {each["reason"] for each in requests} == {"superseded"}
    # Nothing went wrong: whoever looks for failures is not shown them.
    assert not [each for each in await listed(api, failed="true") if each["reason"] == "superseded"]
    path = f"/messages/{quoted(requests[0]['key'], safe='')}/resend"
    assert await api.refused("POST", path, "pat", "admin") == (409, "superseded")


async def test_only_admins_see_and_send_messages(api: Api, asked: str) -> None:
    assert await api.refused("GET", "/messages") == (403, "admin_only")
    assert await api.refused("POST", f"/messages/{asked}%2F1%2F1/resend") == (403, "admin_only")
    assert await api.refused("POST", "/messages/none/resend", "pat", "admin") == (404, "unknown_message")
    assert await api.refused("GET", "/messages?state=lost", "pat", "admin") == (422, "invalid_choice")
    assert await api.refused("GET", "/messages?cursor=x", "pat", "admin") == (400, "invalid_cursor")


async def test_messages_are_paged(api: Api, asked: str) -> None:
    everything = [each["key"] for each in await listed(api)]
    assert len(everything) > 2
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.call("GET", "/messages", "pat", "admin", params={"limit": "2", **cursor})).json()
        found += [each["key"] for each in page["messages"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == everything


def test_templates_are_tried_out_on_the_command_line(tmp_path: Path) -> None:
    bare = {name: "" for name in os.environ if name.startswith("COUNTERSIGN_")}
    (tmp_path / "request.txt").write_text("Subject: Decide on {{ quote.id }}\n\nHello {{ to.name }}\n")
    good = CliRunner().invoke(app, ["messages", "check", str(tmp_path)], env=bare)
    assert (good.exit_code, good.output) == (0, "all templates can be filled in\n")
    (tmp_path / "approved.de.txt").write_text("Subject: {{ quote.naem }}\n")
    bad = CliRunner().invoke(app, ["messages", "check"], env={**bare, "COUNTERSIGN_MAIL_TEMPLATES": str(tmp_path)})
    assert bad.exit_code == 1
    assert "approved.de.txt: UndefinedError" in bad.output
    assert "naem" in bad.output
    assert CliRunner().invoke(app, ["messages", "check"], env=bare).exit_code == 2
