"""JSON as PostgreSQL keeps it: what is written comes back equal, and has one canonical form to be hashed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import to_jsonable_python

from domain.refusal import Refusal

# Neither NUL nor half of a surrogate pair is text to PostgreSQL.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def jsonable(value: Any) -> Any:
    """``value`` as plain JSON data: models as mappings, decimals as texts, moments and dates as ISO texts."""
    return _whole_numbers(to_jsonable_python(value, by_alias=True, exclude_none=False))


def canonical(value: Any) -> str:
    """The one way to write JSON data: sorted keys, no blanks, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def compact(value: Any) -> str:
    """JSON data as it is written into the database: keys in the order they have."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(value: Any) -> str:
    """SHA-256 (hex) of the canonical form of JSON data."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def refuse_unstorable(value: Any) -> None:
    """Refuse JSON data with characters that no database text can hold. Code: ``invalid_text``, with the path."""
    for path, text in _texts(value, ()):
        if UNSTORABLE.search(text):
            message = f"{text!r:.60} has a character that is no text (NUL or half a surrogate); remove it"
            raise Refusal("invalid_text", message, UNSTORABLE.sub("?", ".".join(path)))


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield (*path, str(key)), str(key)
            yield from _texts(each, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for at, each in enumerate(value):
            yield from _texts(each, (*path, str(at)))


def _whole_numbers(value: Any) -> Any:
    # PostgreSQL gives 1e22 back as a whole number: make it one now, so that the hash is that of what comes back.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(each) for each in value]
    return value
