"""Operations that are not built yet are refused by name, never half done."""

from __future__ import annotations

from domain.refusal import Refusal

OPERATIONS = frozenset(
    {
        "split",
        "move",
        "merge",
        "cancel",
        "hold",
        "release",
        "supplement",
        "close_short",
        "return",
        "rollback",
        "amend",
        "renew",
        "close_period",
        "progress",
        "usage",
        "invoice",
    }
)
"""The order verbs of ``spec/scenarios.md`` that no function of this room carries out yet."""


def not_built(what: str, path: str = "") -> Refusal:
    """The refusal of ``what`` (a verb or a setting, named as the user writes it). Code: ``not_built_yet``."""
    return Refusal("not_built_yet", f"{what} is not built yet", path)
