"""The example: people, policy and quote of the hospital, for a system in which there is nothing yet."""

from __future__ import annotations

from pathlib import Path

from activities.tokens import Identity
from starter.desk import Desk
from starter.people_desk import PeopleDesk
from starter.quote_desk import QuoteDesk
from starter.stories.material import read_file

FOLDER = Path(__file__).parents[1] / "examples" / "hospital"
SETUP = Identity("setup", frozenset({"admin"}))


def example_folder() -> Path | None:
    """Where the example lies; none in an installation without the checkout."""
    return FOLDER if (FOLDER / "quote.json").exists() else None


async def load_example(desk: Desk, folder: Path) -> tuple[str, ...]:
    """Load what there is nothing of yet, and say what that was; whatever somebody has made of it stays."""
    people, loaded = PeopleDesk(desk), []
    document = read_file(folder / "quote.json")
    async with desk.reading() as work:
        users = await work.directory.all("user")
        published = await work.policies.newest_version(desk.policy)
        known = await work.quotes.find(document["quote_id"])
    if not users:
        await people.load_directory(SETUP, read_file(folder / "directory.yaml"))
        loaded.append("directory")
    policy = folder / "policy.yaml"
    if not published and read_file(policy)["policy"] == desk.policy:
        await people.publish(SETUP, read_file(policy), policy.read_text())
        loaded.append(f"policy {desk.policy}")
    if known is None and (not users or document["owner"] in users):
        await QuoteDesk(desk).put(Identity(document["owner"]), document)
        loaded.append(f"quote {document['quote_id']}")
    return tuple(loaded)
