"""``countersign token``: access tokens, and acts that are good for one answer only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from activities.tokens import Tokens
from domain.refusal import Refusal
from starter.cli.main import app

NOW = datetime.now(UTC)


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    monkeypatch.setenv("COUNTERSIGN_KEY", "k" * 32)
    monkeypatch.setenv("COUNTERSIGN_STATE_DIR", str(tmp_path))
    return Tokens(b"k" * 32)


def made(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["token", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_a_service_says_that_it_is_one(tokens: Tokens) -> None:
    assert tokens.identity(made("erp", "--role", "service"), NOW).is_service


def test_an_act_is_good_for_one_answer_and_opens_nothing_else(tokens: Tokens) -> None:
    act = made("mei", "--approval", "Q-1.1.manager", "--verdict", "reject", "--decision", "d1")
    assert tokens.check_act(act, "mei", "Q-1.1.manager", "reject", "d1", NOW).user == "mei"
    with pytest.raises(Refusal, match="invalid_token"):
        tokens.check_act(act, "mei", "Q-1.1.manager", "approve", "d1", NOW)
    with pytest.raises(Refusal, match="invalid_token"):
        tokens.identity(act, NOW)


def test_an_act_is_good_for_a_day_or_as_said_and_in_its_words(tokens: Tokens) -> None:
    answer = ("mei", "--approval", "Q-1.1.manager", "--decision", "d1")

    def taken(act: str, days: float, *words: str | None) -> bool:
        try:
            tokens.check_act(act, "mei", "Q-1.1.manager", "approve", "d1", NOW + timedelta(days=days), words=words)
        except Refusal:
            return False
        return True

    plain, said = made(*answer), made(*answer, "--comment", "fine", "--reason", "price", "--for", "sam")
    assert (taken(plain, 0.9), taken(plain, 1.1)) == (True, False)
    assert (taken(plain, 0, None, None, None), taken(plain, 0, "fine")) == (True, False)
    assert (taken(said, 0, "fine", "price", "sam"), taken(said, 0, "fine", "price"), taken(said, 0)) == (
        True, False, False,
    )  # fmt: skip
    week = made(*answer, "--days", "7", "--any-words")
    assert (taken(week, 6.9, "whatever"), taken(week, 7.1)) == (True, False)


@pytest.mark.parametrize(
    "wrong", [["--approval", "a"], ["--decision", "d"], ["--approval", "a", "--decision", "d", "--verdict", "maybe"]]
)
def test_half_an_act_is_used_wrongly(tokens: Tokens, wrong: list[str]) -> None:
    assert CliRunner().invoke(app, ["token", "mei", *wrong]).exit_code == 2
