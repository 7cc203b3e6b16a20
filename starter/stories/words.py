"""How stories write moments, numbers and lines, and what all their verbs have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from domain.reading import problem_error


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None:
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    raise problem_error("invalid_moment", 'write a moment as "2026-11-23T09:00-06:00"')


def _number(value: Any) -> Any:
    """Stories may write quantities bare; a text is what the documents themselves take."""
    return value if isinstance(value, str) or value is None or isinstance(value, bool) else str(value)


def line_map(value: Any) -> Any:
    """Lines as a mapping; a list of line ids, or one id, names them whole; a list may also say quantities."""
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list):
        return named
    pairs = [(each["line"], each.get("quantity")) if _is_line(each) else (each, None) for each in named]
    if any(not isinstance(line, str) for line, _ in pairs):
        return value
    if len(dict(pairs)) != len(pairs):
        raise problem_error("conflicting_fields", "a line is named twice; give one quantity of it")
    return dict(pairs)


def _is_line(value: Any) -> bool:
    return isinstance(value, dict) and "line" in value and value.keys() <= {"line", "quantity"}


def one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
NumberText = Annotated[str, BeforeValidator(_number)]
Disposition = Literal["unordered", "cancelled"]


class Verb(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
