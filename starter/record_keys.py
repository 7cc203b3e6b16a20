"""Where the key that signs the record is kept, and by which public keys signed heads are verified.

The private key lies with the installation's secrets. The public halves of every key it ever signed with are kept
beside it, so that heads signed before a change of keys can still be verified.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from activities.head_file import HeadFile
from activities.head_keys import HeadKey, HeadKeys
from starter.settings import Settings, keep_secret

PRIVATE = "record-key.json"
PUBLIC = "record-public-keys.json"


def signing_key(settings: Settings) -> HeadKey:
    """The key that signs; made at the first call when none is set. Code: ``invalid_key``."""
    if settings.record_key is not None:
        key = HeadKey(settings.record_key.get_secret_value())
    else:
        path = settings.state_dir / PRIVATE
        if not path.exists():
            keep_secret(path, HeadKey.generate().encode())
        key = HeadKey(path.read_text(encoding="utf-8"))
    _remember(settings.state_dir / PUBLIC, key)
    return key


def known_keys(settings: Settings) -> HeadKeys:
    """The public keys that this installation signed with; none where it never did. Code: ``invalid_key``."""
    path = settings.state_dir / PUBLIC
    return HeadKeys.read(path) if path.exists() else HeadKeys(())


def head_file(settings: Settings) -> HeadFile:
    """The file of signed heads."""
    return HeadFile(settings.heads_dir / "heads.jsonl")


def _remember(path: Path, key: HeadKey) -> None:
    known = json.loads(path.read_text(encoding="utf-8"))["keys"] if path.exists() else []
    mine = json.loads(key.public)
    if mine["kid"] in [each.get("kid") for each in known]:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"keys": [*known, mine]}, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
