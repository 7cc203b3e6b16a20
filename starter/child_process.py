"""A server program of ours that runs beside us, and is found again after a crash."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self

POLL = 0.05
LARGEST_LOG = 10_000_000
LOCK = "lock"


class StackError(Exception):
    """The embedded stack cannot run; the message says why and what to do."""


class FolderInUse(StackError):
    """Another process of ours works on the same state folder."""


class ChildProcess:
    """One running server.

    It inherits a lock on a file that names its pid. So whoever finds the lock held later, after our own crash, knows
    that the pid in the file is still this very server and no stranger with a reused number.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str | Path], *, lock: Path, log: Path, stop_signal: signal.Signals, **how: Any
    ) -> Self:
        """Start the command with its output in the log; end a leftover of an earlier run first."""
        await end_leftover(lock, stop_signal)
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output, lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(held.fileno(),),
                # Ctrl-C goes to the terminal's whole group, and the servers must outlive the worker that uses them.
                start_new_session=True,
                **how,
            )
            held.write(f"{process.pid}\n")
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exited(self) -> bool:
        return self._process.returncode is not None

    async def until(self, ready: Callable[[], Awaitable[bool]], *, within: float) -> None:
        """Wait until the server answers. Raises StackError with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + within
        while not await ready():
            if self.exited:
                raise StackError(f"{self.name} ended at its start (status {self._process.returncode}){self.log_end()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} did not answer within {within:.0f} s{self.log_end()}")
            await asyncio.sleep(POLL)

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the log, ready to be put behind a message."""
        return f". The end of {self.log}:\n" + "\n".join(log_lines(self.log)[-lines:])

    async def stop(self, how: signal.Signals, *, grace: float = 15) -> None:
        """Ask it to end, and kill it when it has not after the grace."""
        if self.exited:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def end_leftover(lock: Path, stop_signal: signal.Signals, *, grace: float = 15) -> None:
    """End the server that an earlier, killed run left behind, if there is one."""
    if not lock.exists():
        return
    with lock.open() as file:
        deadline = time.monotonic() + grace
        sent: set[signal.Signals] = set()
        while not _free(file):
            wanted = stop_signal if time.monotonic() < deadline else signal.SIGKILL
            if wanted not in sent:
                sent.add(wanted)
                _send(file, wanted)
            if time.monotonic() > deadline + 5:
                raise StackError(f"a server of an earlier run does not end; its pid is in {lock}")
            await asyncio.sleep(POLL)


def _send(file: IO[str], wanted: signal.Signals) -> None:
    file.seek(0)
    pid = file.read().strip()
    if pid.isdigit():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), wanted)


def _free(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def log_lines(log: Path) -> list[str]:
    """The lines of a log, none when it does not exist."""
    return log.read_text(errors="replace").splitlines() if log.exists() else []


def own_folder(path: Path) -> None:
    """Make the state folder for its owner alone; one that an earlier run left open to others is closed to them.

    It holds the key that signs tokens, the mails, and the data of the servers. Under root another user, who runs the
    database, may pass it and not read it. A folder that somebody else keeps things in stays as it is.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (path / LOCK).exists() or not any(path.iterdir()):
        kept = 0o711 if os.geteuid() == 0 else 0o700
        with contextlib.suppress(PermissionError):  # another's folder is theirs to open
            path.chmod(path.stat().st_mode & kept)


@contextlib.contextmanager
def sole_use(state_dir: Path) -> Iterator[None]:
    """Hold the state folder for this process. Raises FolderInUse when another one has it."""
    own_folder(state_dir)
    with (state_dir / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise FolderInUse(
                f"{state_dir} is in use by another countersign (process {file.read().strip() or 'unknown'}); "
                "stop that one, or set COUNTERSIGN_STATE_DIR to another folder"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def in_use(state_dir: Path) -> bool:
    """Whether a process holds the state folder now."""
    path = state_dir / LOCK
    if not path.exists():
        return False
    with path.open() as file:
        return not _free(file)
