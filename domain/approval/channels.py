"""By which channel somebody acts: what a door says of itself, never what a sender says."""

from __future__ import annotations

from typing import Final

from domain.refusal import Refusal

DOORS: Final = frozenset({"api", "cli", "mail", "chat", "page"})
"""What a desk may say. ``api`` is also every update that another program sends to a run."""
SIGNAL: Final = "signal"
"""What a run says of whatever came by a signal. ``timeout`` and ``override`` are said by the rules alone."""
HEARD: Final = DOORS | {SIGNAL}


def check_channel(name: str, among: frozenset[str] = DOORS) -> None:
    """Refuse (``invalid_channel``) a channel by which nobody can act."""
    if name not in among:
        raise Refusal("invalid_channel", f"a channel is one of {', '.join(sorted(among))}", "channel")
