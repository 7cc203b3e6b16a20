"""The record as a table: one row for each entry, its questions (who, when, how, what, why) answered in columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from activities.store.record import RecordedEntry

SAID = ("approver", "comment", "reason", "why", "tested", "basis", "weighed")
HEADER = (
    *("seq", "at", "recorded_at", "kind", "quote_id", "order_id", "round", "approval_id", "rule", "approver"),
    *("by", "on_behalf_of", "channel", "comment", "reason", "why_asked", "tested_values", "basis", "asked_again"),
    *("content_hash", "policy", "policy_version", "detail", "prev_hash", "hash"),
)
BASIS = ("kind", "round", "approval", "persons", "at")


def record_row(entry: RecordedEntry) -> tuple[object, ...]:
    """The cells of one entry, in the order of the header."""
    body = entry.body
    is_skip = entry.kind == "skipped"
    told = {*SAID, "basis_tested", *(BASIS if is_skip else ())}
    rest = {name: value for name, value in body.items() if name not in told}
    return (
        *(entry.seq, entry.at.isoformat(), entry.recorded_at.isoformat(), entry.kind, entry.quote_id),
        *(entry.order_id, entry.round, entry.approval_id, entry.rule, body.get("approver")),
        *(entry.by, entry.on_behalf_of, entry.channel, body.get("comment"), body.get("reason")),
        *(body.get("why"), tested_text(body.get("tested", ())), basis_text(body) if is_skip else None),
        *(_weighed_text(body.get("weighed")), entry.content_hash, entry.policy, entry.policy_version),
        *(json.dumps(rest, ensure_ascii=False, sort_keys=True) if rest else None, entry.prev_hash, entry.hash),
    )


def tested_text(tested: Any) -> str:
    """Conditions with what they were tested on: ``max_discount > 25: 27 (met)``."""
    return "; ".join(
        f"{each['text']}: {'blank' if each['value'] is None else each['value']}"
        f"{' ' + each['currency'] if each.get('currency') else ''} ({'met' if each['met'] else 'not met'})"
        for each in tested
    )


def basis_text(body: Mapping[str, Any]) -> str:
    """Why somebody was not asked again: who approved what, when, and on which values."""
    persons = ", ".join(body.get("persons", ()))
    told = f"{body.get('kind')}: {persons} approved {body.get('approval')} (round {body.get('round')})"
    then = tested_text(body.get("basis_tested", ()))
    return f"{told} at {body.get('at')}" + (f" on {then}" if then else "")


def _weighed_text(weighed: Mapping[str, Any] | None) -> str | None:
    if weighed is None:
        return None
    asking = [f"{each['text']}: {each['why']}" for each in weighed.get("conditions", ()) if each.get("asks")]
    return "; ".join([f"{'asked' if weighed.get('asks') else 'not asked'} again: {weighed.get('why')}", *asking])
