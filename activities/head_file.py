"""The file of signed heads: kept elsewhere than the record, only ever added to, one JSON document a line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from activities.head_keys import SignedHead


@dataclass(frozen=True, slots=True)
class HeadLine:
    """A line of the file; ``signed`` is none where it cannot be read."""

    number: int
    signed: SignedHead | None


class HeadFile:
    """Signed heads in a file; the folder is made when the first one is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        return self.path.is_file()

    def lines(self) -> Iterator[HeadLine]:
        """What the file holds, in its order. Raises OSError."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield HeadLine(number, _read(line))

    def newest(self) -> SignedHead | None:
        """The head with the largest number; none where there is no file yet."""
        if not self.exists:
            return None
        found = [line.signed for line in self.lines() if line.signed is not None]
        return max(found, key=lambda signed: signed.number, default=None)

    def append(self, heads: Iterable[SignedHead]) -> None:
        """Add lines, and wait until the disk has them."""
        text = "".join(signed.model_dump_json() + "\n" for signed in heads)
        if not text:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One write at the end of the file: two processes that share it do not mix their lines.
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, (self._line_end() + text).encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def _line_end(self) -> str:
        # A line that a crash left half written is ended, so that it does not swallow the next one.
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return "\n" if size and file.read(1) != b"\n" else ""


def _read(line: str) -> SignedHead | None:
    try:
        return SignedHead.model_validate_json(line)
    except ValidationError:
        return None
