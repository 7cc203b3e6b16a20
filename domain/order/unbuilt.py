"""Operations that are not built yet are refused by name, never half done."""

from __future__ import annotations

from domain.refusal import Refusal


def not_built(what: str, path: str = "") -> Refusal:
    """The refusal of ``what`` (a verb or a setting, named as the user writes it). Code: ``not_built_yet``."""
    return Refusal("not_built_yet", f"{what} is not built yet", path)
