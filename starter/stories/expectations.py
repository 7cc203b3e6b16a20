"""What an ``expect`` step can look at, drawn from the facts of a stage (``spec/scenarios.md``, table)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from domain.approval.state import Approval, ApprovalState, RoundState, TestedValue, Verdict
from domain.ledger.contract import contracts
from domain.order.invariants import violations
from domain.order.item import Item
from domain.policy.what_if.statement import same_statement
from starter.stories.comparison import Mismatch, compare, contained
from starter.stories.questions import ask_covers, ask_entitlements, ask_revenue, base_of
from starter.stories.stage import Facts, Happening


def mismatches(expected: Mapping[str, Any], facts: Facts, happenings_seen: int, messages_seen: int) -> list[Mismatch]:
    """Every expectation of ``expected`` that does not hold; events and messages count since the last expect step."""
    found: list[Mismatch] = []
    recent = facts.happenings[happenings_seen:]
    sent = [{"kind": kind, "to": to} for kind, to in facts.messages[messages_seen:]]
    for key, value in expected.items():
        name = base_of(key)
        if name == "events":
            found.extend(_events(key, value, recent, facts.names))
        elif name == "messages":
            found.extend(compare({key: value}, {"messages": sent}, ""))
        elif name == "not_fired":
            found.extend(_among(key, value, _not_fired(facts)))
        elif name == "invariants":
            found.extend(_invariants(value, facts))
        elif name in QUERIES:
            found.extend(QUERIES[name](key, value, facts))
        else:
            found.extend(compare({key: value}, {name: _seen(name, value, facts)}, ""))
    return found


# -- approvals


def _round(facts: Facts) -> Sequence[Approval]:
    return facts.round.approvals if facts.round else ()


def _people(pick: Callable[[Approval], Any]) -> Callable[[Facts], dict[str, Any]]:
    """``{rule: …}`` of the approvals for which ``pick`` gives something other than ``None``."""

    def view(facts: Facts) -> dict[str, Any]:
        picked: dict[str, Any] = {}
        for approval in _round(facts):
            value = pick(approval)
            if value is not None:
                # Ad-hoc approvals have the rule of the one they were added to: their people follow one another.
                before = picked.setdefault(approval.rule, value)
                if before is not value and isinstance(before, list) and isinstance(value, list):
                    picked[approval.rule] = [*before, *value]
        return picked

    return view


def _seen(name: str, expected: Any, facts: Facts) -> Any:
    """What ``name`` shows; whether nobody voted so can be asked of every approval of the round."""
    if name == "orders":
        return _orders(facts, expected if isinstance(expected, Mapping) else {})
    view = VIEWS[name](facts)
    if name in ("approved", "rejected") and isinstance(expected, Mapping):
        nobody: dict[str, Any] = {each.rule: [] for each in _round(facts) if expected.get(each.rule) == []}
        return {**nobody, **view}
    return view


def _in_state(state: ApprovalState, value: Callable[[Approval], Any]) -> Callable[[Approval], Any]:
    return lambda approval: value(approval) if approval.state is state else None


def _voted(verdict: Verdict) -> Callable[[Approval], Any]:
    return lambda approval: [vote.by for vote in approval.votes if vote.verdict is verdict] or None


def _asked(approval: Approval) -> list[str]:
    return list(approval.waiting_for)


def _not_fired(facts: Facts) -> list[str]:
    plan = facts.plan or facts.round
    return [each.rule for each in plan.not_fired] if plan else []


def _plan(facts: Facts) -> dict[str, Any]:
    plan = facts.plan or facts.round
    return {approval.rule: planned(approval) for approval in plan.approvals} if plan else {}


def planned(approval: Approval) -> dict[str, Any]:
    """An approval as a plan tells it: who is asked, in which state, on which conditions and basis."""
    return {
        "asks": _asked(approval),
        "state": str(approval.state),
        "chain": approval.chain,
        "step": approval.step,
        "due": approval.due_at,
        "reason": approval.reason,
        "conditions": {each.text: _condition(each) for each in approval.snapshot.conditions},
        "basis": _basis(approval),
    }


def _condition(tested: TestedValue) -> dict[str, Any]:
    return {"value": tested.value, "threshold": tested.threshold, "met": tested.met}


def _basis(approval: Approval) -> dict[str, Any] | None:
    basis = approval.basis
    if basis is None:
        return None
    return {
        "kind": basis.kind,
        "round": basis.round,
        "approval": basis.approval_id,
        "persons": list(basis.persons),
        "person": basis.persons[0] if basis.persons else None,
        "at": basis.at,
    }


def _explain(key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    """Of changes that are equally small, a story may name any."""
    wanted = expected if isinstance(expected, Mapping) else {}
    actual: dict[str, Any] = {}
    for told in facts.explained():
        one = wanted.get(told.rule)
        asked = str(one.get("counterfactual")) if isinstance(one, Mapping) else ""
        statements = [change.statement.text for change in told.smallest]
        named = next((asked for each in statements if same_statement(each, asked)), None)
        actual[told.rule] = {
            "fired": told.fired,
            "counterfactual": named or next(iter(statements), None),
            "note": told.note,
            "also_asks": list(told.change.adds) if told.change else [],
        }
    yield from compare({key: expected}, {"explain": actual}, "")


def _among(key: str, expected: Any, actual: Sequence[str]) -> Iterator[Mismatch]:
    """``expected`` is among ``actual``; with nothing expected, or by ``_only``, there is nothing else."""
    name = base_of(key)
    if key.endswith("_only") or not expected:
        yield from compare({f"{name}_any_order": list(expected or ())}, {name: list(actual)}, "")
    else:
        yield from contained(expected, actual, name)


def _events(key: str, expected: Any, recent: Sequence[Happening], aliases: Mapping[str, str]) -> Iterator[Mismatch]:
    """Every event of ``expected`` is on the record; with nothing expected, or by ``_only``, there is nothing else.

    Orders go by their keys, or by the names of ``aliases``.
    """
    listed = expected if isinstance(expected, list | tuple) else [expected]
    wanted = [(kind, name) for each in listed if each for kind, name in each.items()]

    def meets(happening: Happening, kind: str, name: Any) -> bool:
        named = name is None or not {str(name), aliases.get(str(name))}.isdisjoint(happening.names)
        return happening.kind == kind and named

    told = [f"{each.kind}: {list(each.names[:1])}" for each in recent]
    for kind, name in wanted:
        if not any(meets(each, kind, name) for each in recent):
            yield Mismatch("events", {kind: name}, told)
    if key.endswith("_only") or not wanted:
        surplus = [
            one for one, each in zip(told, recent, strict=True) if not any(meets(each, *pair) for pair in wanted)
        ]
        if surplus:
            yield Mismatch("events", expected, surplus)


# -- orders


def _orders(facts: Facts, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Every order under the name that the story asks for it by: the one it was given, or its key."""
    aliases: dict[str, list[str]] = {}
    for alias, order_id in facts.names.items():
        aliases.setdefault(order_id, []).append(alias)
    return {
        name: {
            "state": str(order.state),
            "total": order.total,
            "order_date": order.order_date.isoformat(),
            "ship_to": order.ship_to,
            "version": order.version,
            "kind": str(order.kind),
            "hold": order.hold.why if order.hold else None,
            "items": _items(order.items),
        }
        for book in reversed(facts.books)  # of orders with one key the first has it
        for order in book.orders
        for name in _asked_by([*aliases.get(order.order_id, ()), order.key], expected)
    }


def _asked_by(names: Sequence[str], expected: Mapping[str, Any]) -> Sequence[str]:
    wanted = {str(name).removesuffix("_only") for name in expected}
    return [name for name in names if name in wanted] or names[:1]


def _items(items: Sequence[Item]) -> dict[str, Any]:
    """By line: several items of one line in an order add up, from the first start to the last end."""
    by_line: dict[str, list[Item]] = {}
    for item in items:
        by_line.setdefault(item.line_id, []).append(item)
    return {line: _line_of(of_line) for line, of_line in by_line.items()}


def _line_of(items: Sequence[Item]) -> dict[str, Any]:
    starts = [item.start for item in items if item.start is not None]
    ends = [item.end for item in items if item.end is not None]
    return {
        "quantity": sum((item.quantity for item in items[1:]), items[0].quantity),
        "amount": sum((item.amount for item in items[1:]), items[0].amount),
        "state": ", ".join(dict.fromkeys(str(item.state) for item in items)),
        "start": min(starts).isoformat() if starts else None,
        "end": max(ends).isoformat() if len(ends) == len(items) else None,
    }


def _totals(facts: Facts) -> dict[str, Any]:
    if facts.book is not None:
        return facts.book.totals.model_dump()
    zero = facts.quote_total * 0
    nothing = dict.fromkeys(("ordered", "cancelled", "returned", "variance"), zero)
    return {"quote": facts.quote_total, "unordered": facts.quote_total, **nothing}


def _invariants(expected: Any, facts: Facts) -> Iterator[Mismatch]:
    found = [each for book in facts.books for each in violations(book)]
    if expected == "hold" and found:
        yield Mismatch("invariants", "hold", [str(each) for each in found])
    elif expected != "hold":
        yield Mismatch("invariants", expected, "hold is all that can be expected of invariants")


def _contracts(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "start": each.start.isoformat() if each.start else None,
            "end": each.end.isoformat() if each.end else None,
            "lines": list(each.lines),
            "value": each.value,
        }
        for each in contracts(facts.entries)
    ]


QUERIES: Mapping[str, Callable[[str, Any, Facts], Iterator[Mismatch]]] = {
    "entitlements": ask_entitlements,
    "covers": ask_covers,
    "revenue": ask_revenue,
    "explain": _explain,
}


def _of_round(pick: Callable[[RoundState], Any]) -> Callable[[Facts], Any]:
    return lambda facts: pick(facts.round) if facts.round else None


VIEWS: Mapping[str, Callable[[Facts], Any]] = {
    "state": lambda facts: str(facts.state),
    "round": _of_round(lambda state: state.round),
    "outcome_reason": _of_round(lambda state: state.outcome_reason),
    "requested": _people(_in_state(ApprovalState.REQUESTED, _asked)),
    "assigned": _people(_in_state(ApprovalState.ASSIGNED, _asked)),
    "approved": _people(_voted(Verdict.APPROVE)),
    "rejected": _people(_voted(Verdict.REJECT)),
    "skipped": _people(_in_state(ApprovalState.SKIPPED, lambda each: list(each.basis.persons) if each.basis else [])),
    "revoked": _people(_in_state(ApprovalState.REVOKED, lambda each: [vote.by for vote in each.votes])),
    "due": _people(lambda approval: approval.due_at if approval.state is ApprovalState.REQUESTED else None),
    "plan": _plan,
    "orders": lambda facts: _orders(facts, {}),
    "totals": _totals,
    "contracts": _contracts,
}
