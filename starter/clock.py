"""Clocks: business time for desk, activities and reads. In earnest the world's; in stories and the demo their own."""

from __future__ import annotations

from datetime import UTC, datetime


class Clock:
    """The world's time."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    def told(self) -> datetime | None:
        """The moment to be told to workflows: nothing, for in earnest they know it themselves."""
        return None


class StoryClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def told(self) -> datetime | None:
        return self._at

    def move_to(self, at: datetime) -> None:
        """Move on to ``at``; a story never goes back."""
        if at < self._at:
            raise ValueError(f"the clock shows {self._at} and does not go back to {at}")
        self._at = at.astimezone(UTC)
