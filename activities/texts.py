"""Texts that come from outside by way of the server, where no door has looked at them: what a database can hold.

Whatever no row or index takes is refused: tried again and again, it would hold up its run for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from activities.store.jsonable import UNSTORABLE, refuse_unstorable
from domain.refusal import Refusal

LONGEST_NAME = 300
LONGEST_TEXT = 20_000
TEXTS = frozenset({"comment", "reason", "evidence", "why", "token"})


def refuse_unstorable_texts(message: BaseModel) -> None:
    """Refuse texts and names that the store does not take. Codes: ``invalid_text``, ``too_long``."""
    fields = message.model_dump(mode="json")
    refuse_unstorable(fields)
    _refuse_long(fields)


def _refuse_long(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            _refuse_long(value)
        for text in value if isinstance(value, list) else (value,):
            most = LONGEST_TEXT if name in TEXTS else LONGEST_NAME
            if isinstance(text, str) and len(text) > most:
                raise Refusal("too_long", f"{name} has {len(text)} characters, at most {most} are kept", name)


def storable(text: str) -> str:
    """The text without what no database text can hold, and not too long; for what must be noted whatever it says."""
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:LONGEST_TEXT]
