"""The roster: users, groups, approvers and their calendars; who leads whom (``spec/approvals.md`` 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.calendar import ROUND_THE_CLOCK, Sla, WorkingCalendar
from domain.limit import Limit
from domain.quote import Identifier, Text
from domain.reading import problem_error


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class User(Entry):
    """A person. ``deputy`` is asked only on silence; an inactive user is never asked."""

    name: Text
    mail: Text | None = None
    manager: Identifier | None = None
    deputy: Identifier | None = None
    calendar: Identifier | None = None
    active: bool = True
    authority: Limit | None = None
    locale: Text | None = None


def _quorum(value: Any) -> str:
    text = str(value).strip().casefold()
    if text in ("any", "all"):
        return text
    number = text.removesuffix("%")
    if number.isascii() and number.isdigit() and int(number) > 0 and (number == text or int(number) <= 100):
        return text
    raise problem_error("invalid_quorum", "a quorum is any, all, a number of people, or a percent such as 60%")


Quorum = Annotated[str, BeforeValidator(_quorum)]


class UserGroup(Entry):
    """People who decide together; a no of somebody in ``veto`` decides alone."""

    members: tuple[Identifier, ...]
    quorum: Quorum = "any"
    veto: tuple[Identifier, ...] = ()


class Approver(Entry):
    """A name that rules use for a user, a group, a user in a quote field, or somebody's manager."""

    user: Identifier | None = None
    group: Identifier | None = None
    field: Text | None = None
    manager_of: Text | None = None
    level: Annotated[int, Field(ge=1, le=20)] = 1
    authority: Limit | None = None
    sla: Sla | None = None
    calendar: Identifier | None = None


class Roster(Entry):
    """Who there is, at one moment."""

    calendars: Mapping[Identifier, WorkingCalendar] = Field(default_factory=dict)
    users: Mapping[Identifier, User] = Field(default_factory=dict)
    groups: Mapping[Identifier, UserGroup] = Field(default_factory=dict)
    approvers: Mapping[Identifier, Approver] = Field(default_factory=dict)

    def is_active(self, user: str) -> bool:
        """Whether ``user`` is known and active."""
        found = self.users.get(user)
        return found is not None and found.active

    def calendar_of(self, user: str, override: str | None = None) -> WorkingCalendar:
        """The calendar on which ``user`` works; without one, round the clock."""
        name = override or (self.users[user].calendar if user in self.users else None)
        return self.calendars.get(name, ROUND_THE_CLOCK) if name else ROUND_THE_CLOCK

    def managers_of(self, user: str) -> Iterator[str]:
        """The line of managers over ``user``, nearest first; a circle ends it."""
        seen = {user}
        here = self.users.get(user)
        while here is not None and here.manager and here.manager not in seen:
            seen.add(here.manager)
            yield here.manager
            here = self.users.get(here.manager)

    def next_manager(self, user: str, barred: Sequence[str], taken: Sequence[str] = ()) -> str | None:
        """Upwards from ``user``, the first manager who is active, not barred, and not taken."""
        return next(
            (boss for boss in self.managers_of(user) if self.is_active(boss) and boss not in (*barred, *taken)), None
        )

    def members(self, name: str) -> tuple[str, ...]:
        """The members of the group of that name; a user is by themselves."""
        return self.groups[name].members if name in self.groups else (name,)

    def knows_approver(self, name: str) -> bool:
        """Whether ``name`` in a rule is an approver, a group or a user."""
        return name in self.approvers or name in self.groups or name in self.users
