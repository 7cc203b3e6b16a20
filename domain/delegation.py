"""Delegations: who hands over to whom, from when until when, and for what (``spec/approvals.md`` 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.limit import Limit
from domain.quote import Identifier
from domain.reading import problem_error


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    elif isinstance(value, datetime):
        return value
    raise problem_error("invalid_moment", "write a moment as 2026-11-20T09:00, with a zone or in the approver's")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Scope(BaseModel):
    """What a delegation is limited to; blank means everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: tuple[Identifier, ...] = ()
    chains: tuple[Identifier, ...] = ()


class Delegation(BaseModel):
    """``of`` hands over to ``to`` (a user or a group) from a moment until another; without a zone, in ``of``'s."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Identifier | None = None
    of: Identifier
    to: Identifier
    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    scope: Scope = Scope()
    largest: Limit | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """``asked`` are listed and reminded, ``acting`` may decide (those asked first)."""

    asked: tuple[str, ...]
    acting: tuple[str, ...]
