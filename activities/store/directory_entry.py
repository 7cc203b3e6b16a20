"""One entry of the directory as it is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class DirectoryEntry(BaseModel):
    """One user, group, approver, calendar or setting; ``version`` is the directory's when it last changed."""

    model_config = ConfigDict(frozen=True)

    kind: str
    id: str
    body: Any
    version: int
    changed_by: str
    changed_at: datetime
