"""Explanations as a document for API and ``--json``, and as lines of text that a rep can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.policy.explain import ExplainedCondition, Explanation
from domain.policy.what_if.draft import Key, document_value
from domain.policy.what_if.proof import Change
from domain.policy.what_if.statement import plain
from domain.policy.what_if.texts import ANOTHER
from domain.quote import Quote

Json = dict[str, Any]
SHOWN = 3
"""Edits told in a line of text; ``--json`` has them all."""


def explanations_document(told: Iterable[Explanation], quote: Quote) -> Json:
    """Every rule by its id: fired or not, its conditions, and the smallest single change that would turn it."""
    return {each.rule: _document(each, quote) for each in told}


def _document(told: Explanation, quote: Quote) -> Json:
    return {
        "fired": told.fired,
        "counterfactual": told.change.statement.text if told.change else None,
        "change": _change(told.change, quote) if told.change else None,
        "others": [_change(each, quote) for each in told.others],
        "note": told.note,
        "complete": told.complete,
        "conditions": [_condition(each) for each in told.conditions],
    }


def _condition(told: ExplainedCondition) -> Json:
    tested = told.tested
    threshold = list(tested.threshold) if isinstance(tested.threshold, tuple) else tested.threshold
    return {
        "condition": tested.text,
        "value": tested.value,
        "threshold": threshold,
        "met": tested.met,
        "negated": tested.negated,
        "decided": told.decided,
    }


def _change(change: Change, quote: Quote) -> Json:
    return {
        "statement": change.statement.text,
        "fact": change.fact,
        "before": plain(change.before) if change.before is not None else None,
        "after": plain(change.after) if change.after is not None else None,
        "relative": plain(round(change.size, 4)),
        "edits": [
            {"path": ".".join(key), "before": _before(quote, key), "after": document_value(value)}
            for key, value in change.edits.items()
        ],
        "also_asks": list(change.adds),
        "no_longer_asks": list(change.drops),
    }


def _before(quote: Quote, key: Key) -> Any:
    """What stands at ``key`` now; of a whole line its product."""
    names = list(key)
    here: Any = quote
    if key[0] == "lines":
        here = quote.by_id.get(key[1])
        names = names[2:] or ["product"]
    for name in names:
        if isinstance(here, Mapping):
            here = here.get(name)
        elif isinstance(here, tuple):
            here = here[int(name)]
        else:
            here = getattr(here, name, None)
    return plain(here) if isinstance(here, Decimal) else document_value(here)


def change_line(explained: Mapping[str, Any] | None) -> str | None:
    """The change of one rule of :func:`explanations_document` in words; ``None`` where nothing is to be said."""
    if explained is None or (explained["change"] is None and not explained["fired"]):
        return None  # why it is not asked is told by its conditions
    change = explained["change"]
    if change is None:
        return str(explained["note"])
    aim = "not needed with" if explained["fired"] else "asked with"
    parts = [f"{aim} {change['statement']}: {_edits(change['edits'])}"]
    if change["also_asks"]:
        parts.append(f"then also asked: {', '.join(change['also_asks'])}")
    if not explained["complete"]:
        parts.append("not everything was searched")
    return "; ".join(parts)


def _edits(edits: list[Json]) -> str:
    told = list(_told(edits))
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _told(edits: list[Json]) -> Iterator[str]:
    for each in edits:
        what, before, after = each["path"].removeprefix("lines."), each["before"], each["after"]
        if isinstance(after, Mapping):
            yield f"one more line {after['product']}"
        elif after is None:
            yield f"without {what} ({before})"
        else:
            yield f"{what} {before if before is not None else 'blank'} → {'any other' if after == ANOTHER else after}"
