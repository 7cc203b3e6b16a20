"""Plays submissions through two policies and sums up: in this process, or in another one, a chunk at a time."""

from __future__ import annotations

import gc
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.approvers import check_approvers
from domain.people import Directory, read_directory
from domain.policy.document import read_policy
from domain.policy.evaluate import CompiledPolicy, compile_policy
from domain.policy.replay import Difference, Past, Replay
from domain.policy.replay_totals import Totals
from domain.policy.waiting import Waits
from domain.refusal import Refusal
from starter.replaying.past import Item, read_past

MOST_UNREAD = 1000
"""Of what could not be read so many are kept; all are counted, and told as they come."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One submission on which the draft makes a difference."""

    quote_id: str
    round: int
    by: str
    at: datetime
    difference: Difference


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that is no submission: where it stands, and what is wrong with it."""

    where: str
    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: {self.path + ': ' if self.path else ''}{self.message}"


@dataclass(slots=True)
class Played:
    """What became of some submissions. ``unread`` are problems; ``unreadable`` counts the items that had them."""

    totals: Totals = field(default_factory=Totals)
    listed: list[Listed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    unreadable: int = 0

    def merge(self, other: Played, room: int) -> None:
        """Add what came after; at most ``room`` differences are listed in all."""
        self.totals.merge(other.totals)
        self.listed.extend(other.listed[: max(room - len(self.listed), 0)])
        self.unread.extend(other.unread[: max(MOST_UNREAD - len(self.unread), 0)])
        self.unreadable += other.unreadable


class Player:
    """Two compiled policies and the people, ready for any number of submissions."""

    def __init__(
        self,
        draft: CompiledPolicy,
        against: CompiledPolicy,
        directory: Directory,
        now: datetime,
        waits: Waits | None = None,
    ) -> None:
        self.draft = draft
        self.against = against
        self.directory = directory
        self._replay = Replay(draft, against, directory)
        self._now = now
        self._waits = waits

    def check(self) -> None:
        """Refuse (``unknown_approver``) a draft that could not be published: it names whom the directory lacks."""
        check_approvers(self.draft.policy, self.directory)

    def play(self, items: Sequence[Item], room: int) -> Played:
        """All of ``items``; at most ``room`` differences are listed. One that cannot be read stops no other."""
        played = Played()
        for item in items:
            try:
                past = read_past(item, self._now)
                replayed = self._replay.of(past)
            except Refusal as refusal:
                found = [Unread(item.where, each.code, each.path, each.message) for each in refusal.problems]
                played.unread.extend(found)
                played.unreadable += 1
                continue
            played.totals.add(replayed, self._waits)
            if replayed.difference.differs and len(played.listed) < room:
                played.listed.append(_listed(past, replayed.difference))
        return played


def _listed(past: Past, difference: Difference) -> Listed:
    return Listed(past.priced.quote.quote_id, past.round or 1, past.submitter, past.at, difference)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a player is made of, as documents, which cross to other processes."""

    draft: Any
    against: Any
    directory: Any
    now: datetime
    waits: Waits | None = None

    def player(self) -> Player:
        """The player. Codes: those of ``read_policy`` and ``read_directory``."""
        return Player(
            compile_policy(read_policy(self.draft)),
            compile_policy(read_policy(self.against)),
            read_directory(self.directory),
            self.now,
            self.waits,
        )


_here: list[Player] = []
"""The player of a process of the pool; empty elsewhere."""


def begin(setting: Setting) -> None:
    """Make ready a process of the pool; policies are compiled once in each."""
    # Ctrl-C reaches every process of the terminal; the one that started us ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here.append(setting.player())
    # What stays to the end need not be looked through again and again for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def play(items: Sequence[Item], room: int) -> Played:
    """A chunk, in a process of the pool."""
    return _here[0].play(items, room)
