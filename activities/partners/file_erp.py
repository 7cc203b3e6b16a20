"""An ERP made of two folders: documents go into one, acknowledgements come from the other.

``inbox`` holds one JSON file for each :class:`~activities.partners.erp.Acknowledgement`. Write such a file under
another name (beginning with a dot) and rename it: files are read as soon as they are there. What was dealt with moves
to ``done/``; what cannot be read moves to ``rejected/``, with the reason beside it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from activities.partners.erp import Acknowledgement, ErpConflict, ErpOrder, Received, Sent, Status
from activities.partners.folder import file_name, move_into, write_once
from domain.reading import read_model
from domain.refusal import Refusal

LARGEST_FILE = 1_000_000


class FileErp:
    """The adapter over ``outbox`` (ours to write) and ``inbox`` (ours to read)."""

    def __init__(self, outbox: Path, inbox: Path) -> None:
        self._outbox = outbox
        self._inbox = inbox

    async def send(self, order: ErpOrder) -> Sent:
        """Write the document; the same again leaves the file untouched, another under its key is a conflict."""
        await asyncio.to_thread(self._write, order)
        return Sent(key=order.key)

    async def look_up(self, key: str) -> ErpOrder | None:
        """The document that was written under ``key``."""
        return await asyncio.to_thread(self._read, key)

    async def read_status(self) -> Status:
        """All acknowledgements that lie in the inbox, by file name."""
        return await asyncio.to_thread(self._read_inbox)

    async def taken(self, slip: str) -> None:
        """Move the acknowledgement to ``done/``."""
        path = self._inbox / Path(slip).name
        if path.exists():
            await asyncio.to_thread(move_into, path, self._inbox / "done")

    async def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Play the ERP: put an acknowledgement into the inbox."""
        path = self._inbox / file_name(acknowledgement.key, ".json")
        content = acknowledgement.model_dump_json(indent=1, exclude_none=True)
        await asyncio.to_thread(write_once, path, content.encode())

    def _path(self, key: str) -> Path:
        return self._outbox / file_name(key, ".json")

    def _write(self, order: ErpOrder) -> None:
        content = order.model_dump_json(indent=1) + "\n"
        if not write_once(self._path(order.key), content.encode()) and self._read(order.key) != order:
            raise ErpConflict(f"{self._path(order.key).name} holds another document under {order.key}")

    def _read(self, key: str) -> ErpOrder | None:
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        return ErpOrder.model_validate_json(content)

    def _read_inbox(self) -> Status:
        if not self._inbox.is_dir():
            return Status()
        received: list[Received] = []
        put_aside: dict[str, str] = {}
        for path in sorted(self._inbox.iterdir()):
            if not path.is_file() or path.name.startswith("."):
                continue
            try:
                received.append(Received(slip=path.name, acknowledgement=_acknowledgement(path)))
            except Refusal as refusal:
                put_aside[path.name] = str(refusal)
                moved = move_into(path, self._inbox / "rejected")
                moved.with_name(moved.name + ".reason.txt").write_text(f"{refusal}\n", encoding="utf-8")
        return Status(received=tuple(received), put_aside=put_aside)


def _acknowledgement(path: Path) -> Acknowledgement:
    if path.stat().st_size > LARGEST_FILE:
        raise Refusal("too_long", f"an acknowledgement has at most {LARGEST_FILE} bytes")
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refusal("invalid_json", f"this is no JSON: {error}") from None
    return read_model(Acknowledgement, data)
