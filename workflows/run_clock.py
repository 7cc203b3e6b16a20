"""Business time in a workflow: the run's own time, shifted where a story is told (design, decision 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow


class RunClock:
    """``workflow.now()`` plus an offset that is fixed at the start of the run: zero except in stories and the demo."""

    def __init__(self, began_at: datetime | None, offset: timedelta | None = None) -> None:
        if offset is None:
            offset = timedelta() if began_at is None else began_at - workflow.now()
        self.offset = offset
        self.is_story = began_at is not None

    @property
    def is_shifted(self) -> bool:
        """Whether the run does not live in the world's time; a worker that is not for stories refuses it."""
        return self.is_story or self.offset != timedelta()

    def now(self) -> datetime:
        """The business time of this moment."""
        return workflow.now() + self.offset

    def moment(self, told: datetime | None) -> datetime:
        """When a message counts as sent: what a story says, else now. In earnest nobody tells us the time."""
        return told if self.is_story and told is not None else self.now()

    def due(self, moment: datetime) -> datetime:
        """When something due at ``moment`` counts as done: in a story then, in earnest now."""
        return moment if self.is_story else self.now()
