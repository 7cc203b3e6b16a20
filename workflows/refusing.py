"""Refusals inside workflows: by their code in the type, so that nobody ever reads a message to decide."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError

from activities.requests import RefusalNote
from domain.refusal import Refusal


def refused(refusal: Refusal | RefusalNote) -> ApplicationError:
    """The error by which an update is refused: type is the code, the detail is the whole refusal."""
    note = refusal if isinstance(refusal, RefusalNote) else RefusalNote.of(refusal)
    return ApplicationError(note.problems[0].message, note, type=note.code, non_retryable=True)
