"""An entry of the record: what happened, to what, by whom, on which content; and the hash that chains it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from activities.store.jsonable import fingerprint, jsonable
from domain.approval.state import RoundEvent, RoundState
from domain.approval.telling import told
from domain.order.event import OrderEvent

NO_HASH = "0" * 64
"""What the first entry of the chain names as the one before."""


class RecordEntry(BaseModel):
    """One thing that happened, to be recorded.

    ``at`` is when it happened (business time). ``key`` names the happening: an entry whose key is there already is not
    added again, so that a repeated activity tells it once. Without a key it is always added.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    at: AwareDatetime
    key: str | None = None
    quote_id: str | None = None
    order_id: str | None = None
    approval_id: str | None = None
    round: int | None = None
    rule: str | None = None
    by: str | None = None
    on_behalf_of: str | None = None
    channel: str | None = None
    body: Mapping[str, Any] = Field(default_factory=dict)
    content_hash: str | None = None
    policy: str | None = None
    policy_version: int | None = None

    @classmethod
    def of_round(cls, event: RoundEvent, state: RoundState, *, key: str | None = None) -> RecordEntry:
        """The entry for ``event`` of the round ``state``, with why it was asked and what was seen.

        Comment, reason and detail go into the body.
        """
        body = {"comment": event.comment, "reason": event.reason, **told(event, state).detail}
        return cls(
            kind=event.kind,
            at=event.at,
            key=key,
            quote_id=state.quote_id,
            approval_id=event.approval_id,
            round=state.round,
            rule=event.rule,
            by=event.by,
            on_behalf_of=event.on_behalf_of,
            channel=event.channel,
            body={name: value for name, value in body.items() if value is not None},
            content_hash=state.content_hash,
            policy=state.policy,
            policy_version=state.policy_version,
        )

    def round_event(self) -> RoundEvent:
        """What happened in the round, as it was before it became an entry."""
        detail = {name: value for name, value in self.body.items() if name not in ("comment", "reason")}
        return RoundEvent(
            kind=self.kind,
            at=self.at,
            by=self.by,
            on_behalf_of=self.on_behalf_of,
            rule=self.rule,
            approval_id=self.approval_id,
            channel=self.channel,
            comment=self.body.get("comment"),
            reason=self.body.get("reason"),
            detail=detail,
        )

    @classmethod
    def of_order(cls, event: OrderEvent, *, channel: str | None = None) -> RecordEntry:
        """The entry for ``event`` of an order, under the event's own id."""
        left = {"event_id", "kind", "at", "by", "on_behalf", "quote_id", "order_id"}
        return cls(
            kind=f"order_{event.kind}",
            at=event.at,
            key=event.event_id,
            quote_id=event.quote_id,
            order_id=event.order_id,
            by=event.by,
            on_behalf_of=event.on_behalf,
            channel=channel,
            body=event.model_dump(mode="json", exclude=left, exclude_none=True),
        )


def entry_hash(prev_hash: str, row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the entry before and every field of this one, ``recorded_at`` included, ``seq`` not.

    The place in the chain is said by ``prev_hash``: an entry moved elsewhere stays whole but no longer follows.
    """
    fields = {name: row[name] for name in HASHED}
    fields["at"], fields["recorded_at"] = _moment(row["at"]), _moment(row["recorded_at"])
    return fingerprint([prev_hash, jsonable(fields)])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


HASHED = (*RecordEntry.model_fields, "recorded_at")
