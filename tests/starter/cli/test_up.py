"""``countersign up`` as a process: it serves, keeps its worker alive, and ends with everything it started."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from domain.refusal import Refusal
from starter.cli.main import app
from tests.starter.api.conftest import YES

ROOT = Path(__file__).parents[3]
START = [sys.executable, "-c", "from starter.cli.main import main; main()", "up", "--any-port", "--port", "0"]


class Running:
    """One `countersign up` on a state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.output = state.with_suffix(".out")
        bare = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        self.environment = {**bare, "COUNTERSIGN_STATE_DIR": str(state), "DATABASE_URL": ""}
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                START, cwd=ROOT, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        try:
            self.wait_until(lambda: "countersign is up" in self.output.read_text())
        except BaseException:
            self.stop()
            raise

    def wait_until(self, condition: Any, within: float = 60) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    @property
    def api(self) -> str:
        return str(json.loads((self.state / "api.json").read_text())["url"])

    def pid(self, name: str) -> int:
        return int((self.state / f"{name}.lock").read_text())

    def run(self, *arguments: str) -> str:
        """What a command beside it prints; a refusal is raised."""
        told = CliRunner().invoke(app, arguments, env={"COUNTERSIGN_STATE_DIR": str(self.state)})
        if isinstance(told.exception, Refusal):
            raise told.exception
        assert told.exit_code == 0, told.output
        return told.stdout

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def running() -> Iterator[Running]:
    # Not under pytest's own folder: under root PostgreSQL runs as another user, who may not pass that one.
    folder = Path(tempfile.mkdtemp(prefix="countersign-test-"))
    running = Running(folder / "state")
    yield running
    if running.process.poll() is None:
        running.stop()
    shutil.rmtree(folder, ignore_errors=True)


def far_quote(running: Running) -> str:
    """Hand in the hospital's quote, moved far off: orders activate by themselves when their dates come."""
    quote_id = f"Q-{uuid.uuid4().hex[:8]}"
    text = (ROOT / "examples/hospital/quote.json").read_text().replace("Q-1001", quote_id)
    file = running.state.with_name("quote.json")
    file.write_text(re.sub(r"20([23]\d)-", lambda found: f"{2060 + int(found[1])}-", text))
    assert "draft" in running.run("quote", "put", str(file), "--as", "rosa")
    return quote_id


@pytest.mark.timeout(240)
def test_the_whole_system_runs_by_one_command(running: Running) -> None:
    """One system for all of it, for a start takes longer than what is looked at."""
    it_serves_the_example_and_the_commands_beside_it(running)
    a_second_one_on_the_same_folder_is_refused(running)
    quote = far_quote(running)
    orders_are_made_and_carried_out_from_the_command_line(running, quote)
    a_worker_that_dies_is_started_again_and_goes_on(running)
    it_ends_with_all_it_started_and_finds_it_again(running)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def it_serves_the_example_and_the_commands_beside_it(running: Running) -> None:
    for name in (".", "logs", "temporal.db", "stack.json"):
        assert (running.state / name).stat().st_mode & 0o066 == 0, f"{name} is open to others"
    assert httpx2.get(f"{running.api}/healthz").json() == {"status": "ok"}
    assert httpx2.get(f"{running.api}/readyz").status_code == 200
    token = {"Authorization": f"Bearer {running.run('token', 'rosa').strip()}"}
    quote = httpx2.get(f"{running.api}/api/v1/quotes/Q-1001", headers=token).json()
    assert (quote["state"], quote["net_total"]) == ("draft", {"amount": "1911201.11", "currency": "USD"})
    assert "discount-manager" in running.run("quote", "preview", "Q-1001", "--as", "rosa")
    assert "requested" in running.run("quote", "submit", "Q-1001", "--as", "rosa", "--comment", "please")
    assert "Q-1001.1.discount-manager" in running.run("approval", "list", "--as", "mei")
    with pytest.raises(Refusal) as refused:
        running.run("approval", "approve", "Q-1001.1.terms-legal", "--as", "rosa")
    assert refused.value.code == "four_eyes"
    assert "is approved" in running.run("approval", "approve", "Q-1001.1.terms-legal", "--as", "nora")
    assert "audit 0 violations" in running.run("audit")


def a_second_one_on_the_same_folder_is_refused(running: Running) -> None:
    second = subprocess.run(
        START, cwd=ROOT, env=running.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert "in use by another countersign" in second.stderr


def a_worker_that_dies_is_started_again_and_goes_on(running: Running) -> None:
    first = running.pid("worker")
    os.kill(first, signal.SIGKILL)
    running.wait_until(lambda: (running.state / "worker.lock").read_text().strip() not in ("", str(first)))
    assert "is approved" in running.run("approval", "approve", "Q-1001.1.discount-manager", "--as", "mei")
    assert "the worker ended and is started again" in running.output.read_text()


def orders_are_made_and_carried_out_from_the_command_line(running: Running, quote: str) -> None:
    rosa = ("--as", "rosa")
    running.run("quote", "submit", quote, *rosa)
    for who, rule in YES:
        told = running.run("approval", "approve", f"{quote}.1.{rule}", "--as", who)
    assert "the quote is approved" in told
    assert "accepted" in running.run("quote", "accept", quote, *rosa)
    assert running.run("order", "preview", quote, *rosa) == running.run("order", "create", quote, *rosa)
    order = f"{quote}-3"
    moved = json.loads(running.run("order", "move", order, "--to", "2087-05-01", "--preview", "--json", *rosa))
    assert (moved["order_date"], moved["version"]) == ("2087-05-01", 2)
    assert json.loads(running.run("order", "show", order, "--json", *rosa))["version"] == 1
    running.run("order", "activate", order, *rosa)
    running.run("order", "acknowledge", order, "--document", "SO-1", *rosa)
    running.run("order", "deliver", order, "--line", "L2", "--quantity", "4", *rosa)
    delivered = json.loads(running.run("order", "deliver", order, "--json", *rosa))
    assert (delivered["state"], delivered["total"]["amount"]) == ("fulfilled", "34999.90")
    assert "ordered 1,911," in running.run("order", "list", quote, *rosa)
    customer = json.loads(running.run("quote", "show", quote, "--json", *rosa))["customer_id"]
    assert "2090-01-31" in running.run("customer", "contract", customer, "--method", "by_end_date", *rosa)
    assert "PATIENT-MONITOR  MC  10" in running.run("customer", "entitlements", customer, *rosa)
    assert "34999.90" in running.run("customer", "revenue", customer, "--csv", *rosa)
    assert "contracted  1,911," in running.run("customer", "revenue", customer, *rosa)
    assert "version 2" in running.run("policy", "publish", str(ROOT / "examples/hospital/policy.yaml"), *rosa)
    assert "version 2" in running.run("directory", "load", str(ROOT / "examples/hospital/directory.yaml"), *rosa)


def it_ends_with_all_it_started_and_finds_it_again(running: Running) -> None:
    pids = [running.pid(name) for name in ("temporal", "postgres", "worker")]
    assert running.stop() == 0
    assert all(is_gone(pid) for pid in pids)
    assert not (running.state / "api.json").exists()
    assert "audit 0 violations" in running.run("audit")

    again = Running(running.state)
    try:
        assert "loaded" not in again.output.read_text()
        assert "Q-1001" in again.run("quote", "show", "Q-1001", "--as", "rosa")
    finally:
        assert again.stop() == 0
