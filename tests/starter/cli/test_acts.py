"""``countersign approval`` and ``quote``: every verb of a round, over a running API; and tokens for one act."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from typer.testing import CliRunner, Result

from activities.tokens import Identity, Tokens
from domain.approval.deeds import deed_of, words_of
from domain.approval.state import ActVerb, RoundAct, RoundState, Verdict, Where
from domain.refusal import Refusal
from starter.cli.main import app
from starter.desk import Desk
from tests.starter.listening import listening
from tests.workflows.house import KEY, House, approval_of


@pytest.fixture
async def house(client: Client, database_url: str, task_queue: str) -> AsyncIterator[House]:
    async with House.built(client, database_url, task_queue) as house, house.worker():
        yield house


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    """Where the desk's API listens."""
    desk = Desk(house.client, house.database, house.desk.tokens, house.task_queue, clock=house.clock)
    async with listening(desk) as found:
        yield found


class Shell:
    """Commands at a running API, with the key of the house."""

    def __init__(self, address: str, state: Path) -> None:
        self.environment = {
            "COUNTERSIGN_API": address, "COUNTERSIGN_KEY": KEY, "COUNTERSIGN_STATE_DIR": str(state),
        }  # fmt: skip

    async def __call__(self, *words: str, exit_code: int = 0) -> str:
        def run() -> Result:
            return CliRunner().invoke(app, words, env=self.environment)

        done = await asyncio.to_thread(run)
        assert done.exit_code == exit_code, (words, done.output)
        return done.output.strip()


@pytest.fixture
def shell(address: str, tmp_path: Path) -> Shell:
    return Shell(address, tmp_path)


async def test_every_verb_has_a_command(shell: Shell, house: House, tmp_path: Path) -> None:
    state = await house.submitted()
    manager, terms = approval_of(state, "manager"), approval_of(state, "terms")
    director = approval_of(state, "director")
    assert await shell("approval", "ask", terms, "which terms?", "--as", "nora") == "terms is requested"
    await shell("quote", "answer", state.quote_id, "Net 90", "--as", "rosa")
    assert await shell("approval", "approve", terms, "--as", "nora") == "terms is approved"
    assert await shell("approval", "withdraw", terms, "--as", "nora", "--comment", "no") == "terms is requested"
    await shell("approval", "add", terms, "farid", "--where", "after", "--as", "nora")
    await shell("approval", "reassign", manager, "sam", "--as", "mei")
    await shell("approval", "reassign", manager, "farid", "--as", "ines", "--admin")
    await shell("approval", "recompute", manager, "--as", "ines")
    await shell("quote", "recompute", state.quote_id, "--as", "ines")
    await shell("quote", "comment", state.quote_id, "a note", "--as", "liam")
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"approval_id": manager, "verdict": "approve"}]))
    assert await shell("approval", "decide", str(answers), "--as", "farid") == f"{manager}  approved"
    told = await shell("approval", "override", director, "reject", "--reason", "no", "--as", "ines")
    assert told == "director is rejected; the quote is rejected"
    kinds = await house.kinds(state.quote_id)
    made = ("asked", "answered", "withdrawn", "added", "reassigned", "commented", "overridden")
    assert [kinds[kind] for kind in made] == [1, 1, 1, 1, 2, 1, 1]


async def test_what_is_refused_is_told_by_its_code_and_exit_1(shell: Shell, house: House, tmp_path: Path) -> None:
    state = await house.submitted()
    manager = approval_of(state, "manager")
    for words, code in (
        (("ask", manager, "why?", "--as", "rosa"), "four_eyes"),
        (("add", manager, "nobody", "--as", "mei"), "unknown_approver"),
        (("reassign", manager, "rosa", "--as", "mei"), "four_eyes"),
        (("reassign", manager, "sam", "--as", "farid"), "not_yours"),
        (("withdraw", manager, "--as", "mei"), "not_yours"),
        (("override", manager, "reject", "--as", "ines"), "reason_missing"),
        (("override", manager, "maybe", "--as", "ines"), "invalid_choice"),
    ):
        assert (await refused(shell, *words)).startswith(code)
    answers = tmp_path / "answers.json"
    yes = [{"approval_id": manager, "verdict": "approve"}]
    answers.write_text(json.dumps([*yes, {"approval_id": approval_of(state, "terms"), "verdict": "approve"}]))
    told = await shell("approval", "decide", str(answers), "--as", "mei", exit_code=1)
    assert [line.split()[-1] for line in told.splitlines()] == ["approved", "not_yours"]


async def refused(shell: Shell, *words: str) -> str:
    """What the command prints when the API refuses it."""

    def run() -> BaseException | None:
        return CliRunner().invoke(app, ["approval", *words], env=shell.environment).exception

    error = await asyncio.to_thread(run)
    assert isinstance(error, Refusal), error
    return error.code


# -- tokens


def given(verb: ActVerb, **fields: Any) -> RoundAct:
    return RoundAct(act_id="k", verb=verb, by="mei", approval="Q.1.manager", **fields)


DEEDS: tuple[tuple[RoundAct, list[str]], ...] = (
    (given(ActVerb.ASK), []),
    (given(ActVerb.ANSWER), []),
    (given(ActVerb.WITHDRAW), []),
    (given(ActVerb.RECOMPUTE), []),
    (given(ActVerb.ADD, to="sam", where=Where.AFTER), ["--to", "sam", "--where", "after"]),
    (given(ActVerb.REASSIGN, to="sam"), ["--to", "sam"]),
    (given(ActVerb.REASSIGN, to="s:am", seat_of="mei"), ["--to", "s:am", "--for", "mei"]),
    (given(ActVerb.OVERRIDE, verdict=Verdict.REJECT), ["--verdict", "reject", "--role", "override"]),
)


@pytest.mark.parametrize(("act", "words"), DEEDS, ids=lambda each: each.verb if isinstance(each, RoundAct) else "")
def test_a_token_is_made_for_one_deed(act: RoundAct, words: list[str], tmp_path: Path) -> None:
    environment = {"COUNTERSIGN_KEY": KEY, "COUNTERSIGN_STATE_DIR": str(tmp_path)}
    command = ["token", "mei", "--approval", act.approval, "--deed", act.verb, "--key", "k", *words]
    made = CliRunner().invoke(app, command, env=environment, catch_exceptions=False)
    assert made.exit_code == 0, made.output
    who = Identity("mei", frozenset({"override"}) if "--role" in words else frozenset())
    tokens, now = Tokens(KEY.encode()), datetime.now(UTC)

    def taken(at: datetime, said: RoundAct) -> Identity:
        return tokens.check_act(made.output.strip(), "mei", said.approval, deed_of(said), "k", at, words=words_of(said))

    assert taken(now, act) == taken(now + timedelta(hours=23), act) == who
    for at, said in ((now + timedelta(hours=25), act), (now, act.model_copy(update={"comment": "other words"}))):
        with pytest.raises(Refusal, match="invalid_token"):
            taken(at, said)


async def test_what_the_command_makes_is_taken_by_the_run(shell: Shell, house: House) -> None:
    state = await house.submitted()
    manager = approval_of(state, "manager")
    token = await shell(
        "token", "mei", "--approval", manager, "--deed", "reassign", "--to", "sam", "--key", "k-1"
    )  # fmt: skip
    fields = {"act_id": "k-1", "verb": "reassign", "by": "mei", "approval": manager, "to": "sam"}
    await house.run_of(state).execute_update("act", {"act": fields, "token": token})
    taken = (await house.round(state)).approval("manager")
    assert taken is not None
    assert taken.waiting_for == ("sam",)
    whole = f"{state.quote_id}.{state.round}"
    token = await shell("token", "rosa", "--approval", whole, "--deed", "recall", "--key", "k-2")
    answer = await house.run_of(state).execute_update("recall", {"key": "k-2", "by": "rosa", "token": token})
    assert RoundState.model_validate(answer["state"]).outcome == "recalled"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--deed", "ask"],
        ["--key", "k"],
        ["--approval", "a", "--deed", "ask"],
        ["--approval", "a", "--key", "k"],
        ["--approval", "a", "--deed", "dance", "--key", "k"],
        ["--approval", "a", "--deed", "ask", "--key", "k", "--decision", "d"],
        ["--approval", "a", "--deed", "ask", "--key", "k", "--to", "sam"],
        ["--approval", "a", "--deed", "recall", "--key", "k", "--to", "sam"],
        ["--approval", "a", "--deed", "reassign", "--key", "k"],
        ["--approval", "a", "--deed", "add", "--key", "k", "--to", "sam"],
        ["--approval", "a", "--deed", "add", "--key", "k", "--to", "sam", "--where", "above"],
        ["--approval", "a", "--deed", "override", "--key", "k"],
        ["--to", "sam"],
        ["--verdict", "approve"],
        ["--comment", "fine"],
        ["--any-words"],
        ["--approval", "a", "--decision", "d", "--any-words", "--comment", "fine"],
    ],
    ids=" ".join,
)
def test_half_a_deed_is_used_wrongly(wrong: list[str], tmp_path: Path) -> None:
    environment = {"COUNTERSIGN_KEY": KEY, "COUNTERSIGN_STATE_DIR": str(tmp_path)}
    assert CliRunner().invoke(app, ["token", "mei", *wrong], env=environment).exit_code == 2
