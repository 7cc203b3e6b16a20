"""The purse: what a search may cost."""

from __future__ import annotations


class Exhausted(Exception):
    """The search has cost what it may cost."""


class Purse:
    """What a search may cost, in lines priced: a limit that is the same on every machine."""

    def __init__(self, work: int) -> None:
        self.left = work
        self.is_empty = False

    def spend(self, work: int) -> None:
        """Take ``work`` out; where it is not there, nothing more is taken out by anybody."""
        self.is_empty = self.is_empty or work > self.left
        if self.is_empty:
            raise Exhausted
        self.left -= work
