"""The difference of two policies as data, the same for API and command line."""

from __future__ import annotations

from typing import Any

from domain.policy.difference import Difference


def difference_document(found: Difference) -> dict[str, Any]:
    """``effect`` of a change is ``outcomes`` or ``cosmetic``."""
    changes = [
        {"path": each.path, "text": each.text, "effect": "cosmetic" if each.cosmetic else "outcomes"}
        for each in found.changes
    ]
    return {"can_change_outcomes": found.can_change_outcomes, "summary": found.summary, "changes": changes}
