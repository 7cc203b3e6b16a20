"""The verbs of stories about quotes, their approvals, and people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from domain.approval.state import Verdict, Where
from domain.reading import problem_error
from starter.stories.words import Verb


class Acting(Verb):
    by: str
    comment: str | None = None


class Recalling(Acting):
    admin: bool = False


class Deciding(Acting):
    rule: str | None = None
    approval: str | None = None
    reason: str | None = None
    for_: str | None = Field(default=None, alias="for")

    @model_validator(mode="after")
    def _names_an_approval(self) -> Deciding:
        if self.rule is None and self.approval is None:
            raise problem_error("missing_field", "name the rule (or the approval) that is decided")
        return self


class Asking(Deciding):
    """A question to the submitter."""


class Answering(Verb):
    """The submitter's answer; of the only open question where none is named."""

    by: str | None = None
    comment: str | None = None
    rule: str | None = None
    approval: str | None = None


class Reassigning(Deciding):
    to: str
    admin: bool = False


class Adding(Deciding):
    who: str
    where: Where = Where.BESIDE


class Overriding(Deciding):
    decision: Verdict


class Withdrawing(Deciding):
    """A decision that is taken back."""


class Recomputing(Verb):
    """An operator has deadlines worked out again on the calendars of now."""

    by: str | None = None
    comment: str | None = None
    rule: str | None = None
    approval: str | None = None


class ChangingDirectory(Verb):
    """Changes of the directory by path, as ``directory_change`` of a case."""

    change: Mapping[str, Any]
    comment: str | None = None


class Editing(Acting):
    change: Mapping[str, Any]


class Delegating(Verb):
    of: str
    to: str
    from_: str | None = Field(default=None, alias="from")
    until: str | None = None
    scope: Any = None
    largest: Any = None
    comment: str | None = None


class EndingDelegation(Verb):
    of: str
    comment: str | None = None


class Deactivating(Verb):
    user: str
    comment: str | None = None


class Replacing(Verb):
    """Somebody takes the place of an approver (as rules read the name) or of a user, everywhere and for good."""

    approver: str | None = None
    user: str | None = None
    by_whom: str
    by: str | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Replacing:
        if (self.approver is None) == (self.user is None):
            raise problem_error("missing_field", "name the approver or the user who is replaced, one of them")
        return self


class Publishing(Verb):
    """A new version; ``policy`` is a document, or a path from the story as in its head."""

    policy: Any = None
    policy_change: Mapping[str, Any] | None = None
    comment: str | None = None


class Previewing(Verb):
    by: str | None = None
