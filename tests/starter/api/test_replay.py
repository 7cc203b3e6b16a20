"""Replays over real rounds in the database: equal to what was asked then, over HTTP and by the command."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.store.past_rounds import PastRounds
from domain.approval.outline import Outline, outline_of
from domain.approval.outliner import Outliner
from domain.policy.replay import Past
from domain.yaml_text import read_yaml
from starter.api.replay import MOST_ROUNDS
from starter.clock import StoryClock
from starter.replaying.past import read_past
from starter.replaying.stored import stored_items, stored_setting
from tests.starter.api.conftest import BEGIN, HOSPITAL, YES, Api, quote_document

ROOT = Path(__file__).parents[3]
POLICY = (HOSPITAL / "policy.yaml").read_text(encoding="utf-8")
DRAFT = POLICY.replace("max_discount > 5", "max_discount > 9")
"""Managers may give 9 %: the hospital's 8 % no longer needs mei."""

Opened = dict[str, Outline]


class House:
    """Quotes that went their ways, and what each round asked when it was opened."""

    def __init__(self, api: Api, clock: StoryClock) -> None:
        self.api = api
        self.clock = clock
        self.opened: Opened = {}
        # Runs of other tests on the same server have names too.
        self.mark = f".{uuid.uuid4().hex[:8]}"

    def plain(self, name: str) -> str:
        """A name without what makes it unique."""
        return name.replace(self.mark, "")

    async def put(self, quote: str, who: str = "rosa", **changes: Any) -> None:
        answer = await self.api.call("PUT", f"/quotes/{quote}", who, json=quote_document(quote_id=quote, **changes))
        assert answer.is_success, answer.text

    async def submit(self, quote: str, number: int, who: str = "rosa") -> None:
        await self.api.post(f"/quotes/{quote}/submit", who)
        async with self.api.desk.reading() as work:
            self.opened[self.plain(f"{quote} round {number}")] = outline_of(await work.rounds.get(quote, number))

    async def say(self, quote: str, number: int, who: str, rule: str, verb: str = "approve") -> None:
        self.clock.move_to(self.clock.now() + timedelta(hours=3))
        body = {"reason": "no"} if verb == "reject" else {}
        await self.api.post(f"/approvals/{quote}.{number}.{rule}/{verb}", who, body)


@pytest.fixture
async def house(api: Api, clock: StoryClock, working: None) -> House:
    """Rounds that were approved, rejected, recalled and carried over; one is pending."""
    house = House(api, clock)
    approved, rejected, recalled = (f"Q-{name}{house.mark}" for name in ("approved", "rejected", "recalled"))
    await house.put(approved)
    await house.submit(approved, 1)
    for who, rule in YES:
        await house.say(approved, 1, who, rule)
    # Another hand in it, who is barred from now on, and content on which less has to be asked.
    await house.put(approved, "grace", title="Once more")
    await house.submit(approved, 2, "grace")

    await house.put(rejected, "sam")
    await house.submit(rejected, 1)
    await house.say(rejected, 1, "mei", "discount-manager")
    await house.say(rejected, 1, "david", "discount-director", "reject")
    await house.submit(rejected, 2)
    clock.move_to(clock.now() + timedelta(hours=1))
    await house.put(recalled)
    await house.submit(recalled, 1)
    await house.say(recalled, 1, "nora", "terms-legal")
    await api.post(f"/quotes/{recalled}/recall")
    await house.submit(recalled, 2)
    return house


async def replayed(house: House) -> dict[str, tuple[Past, Outline]]:
    """Every stored round as it is read back, and as it is planned again."""
    found: dict[str, tuple[Past, Outline]] = {}
    async with house.api.desk.reading() as work:
        document = read_yaml(POLICY).value
        setting, _ = await stored_setting(work, document, BEGIN, name="standard")
        player = setting.player()
        outliner = Outliner(player.draft, player.directory)
        async for page in stored_items(work, None):
            for item in page:
                past = read_past(item, BEGIN)
                found[house.plain(item.where)] = past, outliner.outline(past.under(player.draft, player.directory))
    return found


async def test_every_stored_round_is_planned_again_as_it_was_opened(house: House) -> None:
    found = await replayed(house)
    assert {name: outline for name, (_, outline) in found.items()} == house.opened
    carried = {name: {ask.rule for ask in each.asks if ask.carried} for name, each in house.opened.items()}
    assert carried["Q-rejected round 2"] == {"discount-manager"}
    assert carried["Q-recalled round 2"] == {"terms-legal"}
    assert any(carried["Q-approved round 2"])


async def test_editors_and_states_are_as_they_were(house: House) -> None:
    found = {name: past for name, (past, _) in (await replayed(house)).items()}
    assert {name: (past.submitter, past.editors, past.status, len(past.earlier)) for name, past in found.items()} == {
        "Q-approved round 1": ("rosa", ("rosa",), "draft", 0),
        "Q-approved round 2": ("grace", ("grace",), "draft", 1),
        "Q-rejected round 1": ("rosa", ("sam",), "draft", 0),
        "Q-rejected round 2": ("rosa", ("sam",), "rejected", 1),
        "Q-recalled round 1": ("rosa", ("rosa",), "draft", 0),
        "Q-recalled round 2": ("rosa", ("rosa",), "recalled", 1),
    }


async def test_a_limit_takes_the_newest_rounds_with_all_that_was_before_them(house: House) -> None:
    async with house.api.desk.reading() as work:
        past = PastRounds(work.connection)
        assert await past.count() == 6
        newest = [(house.plain(each.quote_id), each.round) async for page in past.pages(2) for each in page]
        one = [each async for page in past.pages(1) for each in page]
        every = [each async for page in past.pages(99) for each in page]
    assert newest == [("Q-recalled", 1), ("Q-recalled", 2)]
    assert [(house.plain(each.quote_id), each.round, len(each.earlier)) for each in one] == [("Q-recalled", 2, 1)]
    assert len(every) == 6


async def test_a_replay_by_http_tells_whom_the_draft_spares(house: House) -> None:
    before = await entries(house)
    report = await report_of(house.api, {"text": DRAFT, "against": 1})
    assert await entries(house) == before
    assert report["against"]["name"] == "standard version 1"
    assert report["submissions"] == {"replayed": 6, "different": 4, "same": 2, "unreadable": 0}
    people = {row["approver"]: row for row in report["approvers"]}
    assert (people["mei"]["asked_against"], people["mei"]["asked_draft"], people["mei"]["dropped"]) == (4, 0, 4)
    assert people["mei"]["median_wait_hours"] is not None
    assert report["waiting"]["draft"]["median_hours"] <= report["waiting"]["against"]["median_hours"]
    changes = {house.plain(f"{row['quote_id']} {row['round']}"): row["changes"] for row in report["differences"]}
    assert changes["Q-recalled 1"] == [
        {
            "kind": "earlier",
            "approver": "david",
            "rules": [{"rule": "discount-manager", "why": "is no longer settled before"}],
            "against": "1",
            "draft": "0",
        },
        {
            "kind": "earlier",
            "approver": "farid",
            "rules": [{"rule": "discount-manager", "why": "is no longer settled before"}],
            "against": "2",
            "draft": "1",
        },
        {
            "kind": "dropped",
            "approver": "mei",
            "rules": [{"rule": "discount-manager", "why": "does not fire"}],
            "against": "0",
            "draft": None,
        },
    ]


async def report_of(api: Api, body: Any) -> Any:
    answer = await api.call("POST", "/policies/replay", "setup", "admin", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def entries(house: House) -> int:
    quotes = [f"Q-{name}{house.mark}" for name in ("approved", "rejected", "recalled")]
    async with house.api.desk.reading() as work:
        pages = [await work.views.record_page(quote, limit=500) for quote in quotes]
    return sum(len(page.entries) for page in pages)


async def test_the_version_against_itself_makes_no_difference_over_http(house: House) -> None:
    document = read_yaml(POLICY).value
    report = await report_of(house.api, {"document": document, "limit": 5})
    assert report["submissions"] == {"replayed": 5, "different": 0, "same": 5, "unreadable": 0}
    assert report["differences"] == []


async def test_what_is_refused_over_http(api: Api) -> None:
    path = "/policies/replay"
    assert await api.refused("POST", path, json={"text": POLICY}) == (403, "admin_only")

    async def told(body: Any) -> tuple[int, str]:
        return await api.refused("POST", path, "setup", "admin", json=body)

    assert await told({}) == (422, "missing_field")
    assert await told({"text": POLICY, "document": {}}) == (422, "conflicting_fields")
    assert await told({"text": "- 1"}) == (422, "wrong_type")
    assert await told({"text": "a: [1"}) == (422, "invalid_yaml")
    assert await told({"text": POLICY, "against": 7}) == (404, "unknown_policy")
    assert await told({"text": POLICY, "limit": MOST_ROUNDS + 1}) == (422, "invalid_number")
    assert await told({"text": POLICY, "colour": "red"}) == (422, "unknown_field")
    assert await told({"text": POLICY.replace("approver: finance", "approver: nobody")}) == (422, "unknown_approver")
    assert await told({"text": POLICY.replace("max_discount > 5", "max_discount ! 5")}) == (422, "invalid_condition")


async def test_no_rounds_are_no_difference(api: Api) -> None:
    report = await report_of(api, {"text": DRAFT})
    assert report["submissions"] == {"replayed": 0, "different": 0, "same": 0, "unreadable": 0}
    assert report["waiting"] is None


async def test_the_command_tells_the_same_as_the_api(house: House, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT, encoding="utf-8")
    by_http = await report_of(house.api, {"text": DRAFT})
    arguments = ["policy", "replay", str(tmp_path / "draft.yaml"), "--against", "1", "--json"]
    done = await asyncio.to_thread(command, arguments, database_url, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    by_command = json.loads(done.stdout)
    assert by_command["draft"]["name"] == "draft.yaml"
    assert {**by_command, "draft": None} == {**by_http, "draft": None}

    missing = await asyncio.to_thread(command, [*arguments[:4], "9"], database_url, tmp_path)
    assert (missing.returncode, missing.stderr.partition(":")[0]) == (1, "unknown_policy")


async def test_quotes_of_a_file_meet_the_versions_people_and_waits_of_the_database(
    house: House, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT, encoding="utf-8")
    (tmp_path / "past.jsonl").write_text(json.dumps(quote_document()) + "\n", encoding="utf-8")
    arguments = ["policy", "replay", str(tmp_path / "draft.yaml"), "--against", "1", "--json"]
    arguments += ["--quotes", str(tmp_path / "past.jsonl")]
    done = await asyncio.to_thread(command, arguments, database_url, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["submissions"]["replayed"] == 1
    assert report["waiting"]["against"]["median_hours"] > 0
    assert report["differences"][0]["by"] == "rosa"


def command(arguments: list[str], database_url: str, state: Path) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")},
        "COUNTERSIGN_DATABASE": database_url,
        "COUNTERSIGN_STATE_DIR": str(state),
    }
    return subprocess.run(
        [sys.executable, "-c", "from starter.cli.main import main; main()", *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
