"""``countersign demo``: the main job on real input, in virtual time, checked to the cent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from starter.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "hospital"
MARK = "demo.txt"


def demo(
    state_dir: Annotated[Path, typer.Option("--state-dir", help="Where the demo keeps what it made.")] = Path(
        ".countersign/demo"
    ),
) -> None:
    """Take the hospital quote from preview to recognised revenue. Exit 1 when a figure differs."""
    import asyncio

    from starter.child_process import StackError

    try:
        differences = asyncio.run(_run(state_dir))
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if differences:
        raise typer.Exit(1)


async def _run(state_dir: Path) -> int:
    from rich.console import Console

    from activities.partners.file_erp import FileErp
    from activities.store.audit import audit
    from activities.store.work import Database
    from activities.tokens import Tokens
    from starter.connection import connect
    from starter.demo.figures import Figures
    from starter.demo.story import DemoStage, Story
    from starter.demo.telling import Teller
    from starter.embedded import embedded_stack
    from starter.settings import Settings
    from starter.stories.document import read_story
    from starter.worker_process import worker_process

    console = Console(highlight=False)
    settings = Settings(state_dir=_fresh(state_dir), temporal=None, database=None, stories=True)
    case = read_story(EXAMPLE / "scenario.yaml")[-1]
    figures = Figures.of(EXAMPLE / "expected.json")
    with console.status("starting PostgreSQL, Temporal and a worker …"):
        stack_context = embedded_stack(settings, ui=False, time_skipping=True, temporal_port=0, say=lambda _: None)
        stack = await stack_context.__aenter__()
    try:
        async with worker_process(settings, stack):
            client = await connect(settings, stack.temporal_address)
            database = Database(stack.database_url)
            tokens = Tokens(settings.signing_key())
            erp = FileErp(settings.erp_outbox_dir, settings.erp_inbox_dir)
            stage = DemoStage(erp, client, database, tokens, task_queue=settings.task_queue)
            teller = Teller(console, case.quote["customer"]["time_zone"])
            told = await Story(stage, case, figures, teller).tell()
            report = await audit(database)
            await database.close()
    finally:
        await stack_context.__aexit__(None, None, None)

    teller.chapter("6. What is left to look at")
    _addresses(settings, console)
    for difference in [*figures.differences, *(str(each) for each in report.violations)]:
        console.print(f"DIFFERS {difference}", style="red", markup=False)
    typer.echo(f"figures {figures.checked} checked, {len(figures.differences)} differ")
    for name, value in told.items():
        typer.echo(f"{name} {value}")
    typer.echo(f"audit {len(report.violations)} violations")
    return len(figures.differences) + len(report.violations)


def _fresh(state_dir: Path) -> Path:
    """The demo's own folder, emptied: it tells the same story every time."""
    import shutil

    from starter.child_process import FolderInUse, in_use

    if state_dir.exists():
        if in_use(state_dir.absolute()):
            raise FolderInUse(f"{state_dir} is in use; wait for the other demo, or name another --state-dir")
        if any(state_dir.iterdir()) and not (state_dir / MARK).exists():
            raise FolderInUse(f"{state_dir} holds something that is not a demo's; name another --state-dir")
        shutil.rmtree(state_dir)
    state_dir.mkdir(mode=0o700, parents=True)
    (state_dir / MARK).write_text("made by countersign demo, and emptied by the next one\n")
    return state_dir


def _addresses(settings: Settings, console: Console) -> None:
    for what, where in (
        ("mails", settings.outbox_dir),
        ("ERP documents", settings.erp_outbox_dir),
        ("ERP answers", settings.erp_inbox_dir / "done"),
        ("logs", settings.state_dir / "logs"),
    ):
        found = sum(1 for path in where.rglob("*") if path.is_file()) if where.exists() else 0
        console.print(f"  {what:<14} {where} ({found} files)", markup=False, soft_wrap=True)
    again = f"countersign up --state-dir {settings.state_dir}"
    console.print(f"  everything     {settings.state_dir}: `{again}` serves it, with the Temporal UI", soft_wrap=True)
