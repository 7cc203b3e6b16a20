"""``countersign policy replay`` over files: differences, lines that cannot be read, JSON, and the page."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain.refusal import Refusal
from starter.cli.main import app
from starter.replaying import pool
from starter.replaying import run as running
from starter.replaying.past import LONGEST_LINE, Item, lines_of
from starter.replaying.player import Played, Player, Setting
from starter.replaying.plot_scale import steps_to
from starter.replaying.pool import Replaying
from starter.stories.material import read_file

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
DRAFT, QUOTES = EXAMPLES / "replay/draft.yaml", EXAMPLES / "replay/past-quotes.jsonl"
AGAINST, PEOPLE = EXAMPLES / "hospital/policy.yaml", EXAMPLES / "hospital/directory.yaml"
FILES = ("--against", str(AGAINST), "--directory", str(PEOPLE))
LINES = QUOTES.read_text(encoding="utf-8").splitlines()
PAGE = (ROOT / "docs/policies-replay.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S)


def run(*arguments: str, draft: Path = DRAFT) -> Result:
    return CliRunner().invoke(app, ["policy", "replay", str(draft), *arguments])


def replay(*arguments: str, draft: Path = DRAFT, quotes: Path = QUOTES) -> dict[str, Any]:
    result = run(*FILES, "--quotes", str(quotes), "--json", *arguments, draft=draft)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_difference_is_told_for_approvers_rules_and_quotes() -> None:
    report = replay()
    assert report["submissions"] == {"replayed": 24, "different": 18, "same": 6, "unreadable": 0}
    rules = {row["rule"]: row for row in report["rules"]}
    assert rules["long-payment-finance"]["in_against"] is False
    assert rules["long-payment-finance"]["added"] == 7
    people = {row["approver"]: row for row in report["approvers"]}
    assert people["mei"]["dropped"] == people["mei"]["asked_against"] - people["mei"]["asked_draft"]
    assert report["waiting"] is None
    listed = {row["quote_id"]: row for row in report["differences"]}
    assert listed["Q-2603"]["changes"] == [
        {
            "kind": "added",
            "approver": "farid",
            "rules": [{"rule": "long-payment-finance", "why": "is new"}],
            "against": None,
            "draft": "1",
        }
    ]
    assert (listed["Q-2603"]["by"], listed["Q-2603"]["at"][:4]) == ("rosa", "2026")


def test_a_policy_against_itself_makes_no_difference() -> None:
    report = replay(draft=AGAINST)
    assert report["submissions"]["different"] == 0
    assert report["approvals"]["against"] == report["approvals"]["draft"]


def test_tables_tell_the_same_in_words() -> None:
    result = run(*FILES, "--quotes", str(QUOTES))
    assert result.exit_code == 0
    assert "24 submissions replayed, 18 would go another way" in result.stdout
    assert "waiting time: not estimated" in result.stdout
    assert "long-payment-finance is new" in re.sub(r"\s+", " ", result.stdout)


def test_limit_takes_the_first_lines_and_list_only_shortens_the_list() -> None:
    assert replay("--limit", "5")["submissions"]["replayed"] == 5
    shortened = replay("--list", "3")
    assert len(shortened["differences"]) == 3
    assert shortened["unlisted"] == 15
    assert {**shortened, "differences": 0, "unlisted": 0} == {**replay(), "differences": 0, "unlisted": 0}


WRONG = [
    ("{", "invalid_json", ""),
    ("[1]", "wrong_type", ""),
    ('{"a": 1, "a": 2}', "invalid_json", ""),
    ('{"quote": 1, "colour": 1}', "unknown_field", "colour"),
    ('{"quote": 1}', "wrong_type", ""),
    ("[" * 100_000, "invalid_json", ""),
    (LINES[1].replace('"quantity": "', '"quantity": 1, "unit": "', 1), "number_not_text", "lines.L1.quantity"),
    (json.dumps({"quote": json.loads(LINES[5]), "by": 7}), "wrong_type", "by"),
    (json.dumps({"quote": json.loads(LINES[5]), "at": "soon"}), "invalid_moment", "at"),
    (json.dumps({"quote": json.loads(LINES[5]), "at": "9999-12-31T23:59Z"}), "invalid_moment", "at"),
]


def test_lines_that_cannot_be_read_are_told_by_their_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "past.jsonl"
    file.write_text("\n".join([LINES[0], "", *(line for line, _, _ in WRONG), LINES[5]]), encoding="utf-8")
    result = run(*FILES, "--quotes", str(file), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["submissions"]["replayed"] == 2
    assert report["submissions"]["unreadable"] == len(WRONG)
    assert [(each["where"], each["code"], each["path"]) for each in report["unread"]] == [
        (f"{file}:{number}", code, path) for number, (_, code, path) in enumerate(WRONG, 3)
    ]
    told = result.stderr.splitlines()
    assert told[0].startswith(f"invalid_json: {file}:3: column ")
    assert told[6].startswith(f"number_not_text: {file}:9: lines.L1.quantity: ")


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "past.jsonl"
    with file.open("wb") as out:
        out.truncate(3 * LONGEST_LINE)
        out.seek(0, 2)
        out.write(b"\n" + LINES[0].encode() + b"\n")
    long, good = lines_of(file)
    assert (long.too_long, long.where[-2:], long.text) == (True, ":1", None)
    assert (good.where[-2:], good.size) == (":2", len(LINES[0].encode()) + 1)
    result = run(*FILES, "--quotes", str(file), "--json")
    assert [each["code"] for each in json.loads(result.stdout)["unread"]] == ["too_long"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("approver: finance", "approver: nobody"), "unknown_approver"),
        (("max_discount > 7", "max_discount ! 7"), "invalid_condition"),
        (("chains:", "chains: ["), "invalid_yaml"),
    ],
)
def test_a_draft_that_could_not_be_published_is_refused(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(DRAFT.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    result = run(*FILES, "--quotes", str(QUOTES), draft=draft)
    assert isinstance(result.exception, Refusal)
    assert result.exception.code == code


def test_files_that_are_not_there_and_wrong_moments_are_refused(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    for arguments, code in (
        ((*FILES, "--quotes", nowhere), "unreadable_file"),
        (("--against", nowhere, "--directory", str(PEOPLE), "--quotes", str(QUOTES)), "unreadable_file"),
        ((*FILES, "--quotes", str(QUOTES), "--at", "soon"), "invalid_moment"),
        ((*FILES, "--quotes", str(QUOTES), "--html", str(tmp_path)), "unwritable_file"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, Refusal), result.output
        assert result.exception.code == code
    assert run("--quotes", str(QUOTES)).exit_code == 2


def test_progress_is_told_on_a_terminal_after_two_seconds_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (*FILES, "--quotes", str(QUOTES), "--json")
    assert (running.SHOWN_AFTER, run(*arguments).stderr) == (2.0, "")
    monkeypatch.setattr(running, "SHOWN_AFTER", -1.0)
    assert run(*arguments).stderr == ""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    result = run(*arguments)
    assert "24 quotes" in result.stderr
    assert json.loads(result.stdout)["submissions"]["replayed"] == 24


# -- the page


class Reader(HTMLParser):
    """What a page is made of."""

    VOID = frozenset(("meta",))

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        self.ids.extend(value for name, value in attrs if name == "id" and value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(tmp_path: Path, quotes: Path = QUOTES, draft: Path = DRAFT) -> tuple[Reader, str]:
    file = tmp_path / "replay.html"
    result = run(*FILES, "--quotes", str(quotes), "--html", str(file), draft=draft)
    assert f"the page is in {file}" in result.stdout
    text = file.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader, text


def test_the_page_holds_all_it_needs_and_can_be_read_without_eyes(tmp_path: Path) -> None:
    reader, text = page(tmp_path)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert not [value for name, value in reader.attributes if name in ("src", "href", "xlink:href", "action")]
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert ("lang", "en") in reader.attributes
    assert reader.tags.count("svg") == 3
    labelled = [value for name, value in reader.attributes if name == "aria-labelledby" and value]
    assert len(labelled) == 3
    assert {part for value in labelled for part in value.split()} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.tags.count("caption") == reader.tags.count("table")
    assert "long-payment-finance is new" in reader.texts


def test_texts_of_quotes_and_policies_stay_texts_on_the_page(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    quote = json.loads(LINES[5])
    quote["fields"]["region"] = hostile
    quote["owner"] = "rosa"
    quotes = tmp_path / "past.jsonl"
    broken = json.dumps({"quote": quote, hostile: 1})
    quotes.write_text("\n".join([*LINES, json.dumps(quote), broken]), encoding="utf-8")
    reader, text = page(tmp_path, quotes)
    assert hostile not in text
    assert "script" not in reader.tags
    assert hostile in "".join(reader.texts)


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (1, (0, 1)),
        (5, (0, 1, 2, 3, 4, 5)),
        (7, (0, 2, 4, 6, 8)),
        (60, (0, 10, 20, 30, 40, 50, 60)),
        (15_000, (0, 5000, 10000, 15000)),
    ],
)
def test_axes_have_round_marks(top: float, marks: tuple[float, ...]) -> None:
    assert steps_to(top) == marks


# -- many


def played(setting: Setting, items: list[Item], processes: int) -> Played:
    sizes: list[int] = []
    with Replaying(setting, listed=10, processes=processes, on_played=lambda _, size: sizes.append(size)) as replaying:
        for item in items:
            replaying.feed(item)
        result = replaying.finish()
    assert sum(sizes) == sum(item.size for item in items)
    return result


@pytest.mark.timeout(240)
def test_all_cores_come_to_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "FEW", 60)
    monkeypatch.setattr(pool, "CHUNK", 25)
    setting = Setting(read_file(DRAFT), read_file(AGAINST), read_file(PEOPLE), datetime(2026, 11, 16, tzinfo=UTC))
    items = [Item(f"past:{number}", LINES[number % 24].encode(), size=7) for number in range(200)]
    items[70] = Item("past:70", b"{")
    here = played(setting, items, processes=1)
    # What is played now is played elsewhere.
    monkeypatch.setattr(Player, "play", None)
    found = [here, played(setting, items, processes=2)]
    assert found[0] == found[1]
    assert found[0].totals.submissions == 199
    assert len(found[0].listed) == 10
    assert [each.where for each in found[0].unread] == ["past:70"]


# -- the document


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [line for kind, block in BLOCKS if kind == "sh" for line in block.strip().splitlines()]
    assert len(commands) == 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "countersign"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "replay.html").exists()


def test_the_page_shows_what_the_command_prints() -> None:
    printed = re.sub(r"[ \t]+", " ", run(*FILES, "--quotes", str(QUOTES)).stdout)
    (shown,) = [block for kind, block in BLOCKS if not kind and "replayed" in block]
    for line in re.sub(r"[ \t]+", " ", shown).splitlines():
        if line != "…":
            assert line.strip() in printed
