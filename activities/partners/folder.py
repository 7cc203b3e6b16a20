"""Files that are written once and appear whole: a reader never sees half of one, a repeated write changes nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from pathlib import Path

# What os.link says where a file system has no links.
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOSYS}


def file_name(key: str, suffix: str) -> str:
    """A file name that can be read, fits every file system, and is another one for every key."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", key)[:80].lstrip(".")
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}{suffix}"


def write_once(path: Path, content: bytes) -> bool:
    """Write a file that is not there; False when it is, whatever it holds. What was written survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> bool:
    try:
        # A link never replaces: of two who write at once, the first one's file stays.
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if path.exists():
            return False
        draft.rename(path)
    _sync_folder(path.parent)
    return True


def move_into(path: Path, folder: Path) -> Path:
    """Move a file into ``folder``; where its name is taken there, it gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}.{number}{path.suffix}"
    path.rename(target)
    return target


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
