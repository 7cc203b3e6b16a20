"""Timeouts and retries by name, chosen once (style: terms).

No workflow has an execution timeout: it would kill without clean-up, and an approval ends by its own deadlines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy


@dataclass(frozen=True, slots=True)
class Term:
    """How long one attempt may take, how long all together, and how it is tried again.

    ``sign_of_life``: how soon an attempt counts as failed whose worker is no longer heard of.
    """

    attempt: timedelta
    retry: RetryPolicy
    altogether: timedelta | None = None
    sign_of_life: timedelta | None = None

    def options(self) -> dict[str, Any]:
        """As keyword arguments of ``workflow.execute_activity``."""
        return {
            "start_to_close_timeout": self.attempt,
            "schedule_to_close_timeout": self.altogether,
            "retry_policy": self.retry,
            "heartbeat_timeout": self.sign_of_life,
        }


LEDGER = Term(
    timedelta(seconds=10),
    RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30)),
)
"""One transaction of ours: short, and tried until it works, for nothing may be lost."""

PARTNER = Term(
    timedelta(seconds=60),
    RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(minutes=15),
        non_retryable_error_types=["erp_conflict"],
    ),
    timedelta(hours=24),
    timedelta(seconds=10),
)
"""A call to somebody else: time-outs and 5xx back off up to a day; a conflict is for people to look at."""

REFUSED_AGAIN = timedelta(minutes=10)
"""After this, what time should have brought and what was refused is tried again."""
