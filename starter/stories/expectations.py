"""What an ``expect`` step can look at, drawn from the facts of a stage (``spec/scenarios.md``, table)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from domain.approval.state import Approval, ApprovalState, RoundState, TestedValue, Verdict
from domain.ledger.contract import contracts
from domain.ledger.entitlement import View, covers, entitlements
from domain.ledger.known import end_of_day
from domain.ledger.revenue import report, revenue
from domain.order.invariants import violations
from domain.policy.what_if.statement import same_statement
from domain.refusal import Refusal
from starter.stories.comparison import Mismatch, compare, contained
from starter.stories.stage import Facts, Happening


def mismatches(expected: Mapping[str, Any], facts: Facts, happenings_seen: int, messages_seen: int) -> list[Mismatch]:
    """Every expectation of ``expected`` that does not hold; events and messages count since the last expect step."""
    found: list[Mismatch] = []
    recent = facts.happenings[happenings_seen:]
    sent = [{"kind": kind, "to": to} for kind, to in facts.messages[messages_seen:]]
    for key, value in expected.items():
        name = key.removesuffix("_any_order").removesuffix("_only")
        if name == "events":
            found.extend(_events(value, recent))
        elif name == "messages":
            found.extend(compare({key: value}, {"messages": sent}, ""))
        elif name == "not_fired":
            found.extend(contained(value, _not_fired(facts), name))
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
        picked = {approval.rule: pick(approval) for approval in _round(facts)}
        return {rule: value for rule, value in picked.items() if value is not None}

    return view


def _seen(name: str, expected: Any, facts: Facts) -> Any:
    """What ``name`` shows; whether nobody voted so can be asked of every approval of the round."""
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


def _events(expected: Any, recent: Sequence[Happening]) -> Iterator[Mismatch]:
    told = [{each.kind: list(each.names)} for each in recent]
    for wanted in expected if isinstance(expected, list) else [expected]:
        for kind, name in wanted.items():
            if not any(each.kind == kind and (name is None or str(name) in each.names) for each in recent):
                yield Mismatch(
                    "events", wanted, [f"{next(iter(each))}: {next(iter(each.values()))[:1]}" for each in told]
                )


# -- orders


def _orders(facts: Facts) -> dict[str, Any]:
    if facts.book is None:
        return {}
    named = {key: alias for alias, key in facts.names.items()}
    return {
        name: {
            "state": str(order.state),
            "total": order.total,
            "order_date": order.order_date.isoformat(),
            "ship_to": order.ship_to,
            "version": order.version,
            "items": {
                item.line_id: {
                    "quantity": item.quantity,
                    "amount": item.amount,
                    "state": str(item.state),
                    "start": item.start.isoformat() if item.start else None,
                    "end": item.end.isoformat() if item.end else None,
                }
                for item in order.items
            },
        }
        for order in facts.book.orders
        for name in {order.key, named.get(order.key, order.key)}
    }


def _totals(facts: Facts) -> dict[str, Any]:
    if facts.book is not None:
        return facts.book.totals.model_dump()
    zero = facts.quote_total * 0
    nothing = dict.fromkeys(("ordered", "cancelled", "returned", "variance"), zero)
    return {"quote": facts.quote_total, "unordered": facts.quote_total, **nothing}


def _invariants(expected: Any, facts: Facts) -> Iterator[Mismatch]:
    found = violations(facts.book) if facts.book is not None else ()
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


# -- questions that carry their own parameters


def _known(value: Any, facts: Facts, zone: str) -> datetime:
    """The moment from which one looks back; a bare date is the end of that local day, nothing is now."""
    if value is None:
        return facts.now
    if len(str(value)) == 10:
        return end_of_day(date.fromisoformat(str(value)), zone)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=facts.now.tzinfo)


def _entitlements(_key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    for question in expected if isinstance(expected, list) else [expected]:
        on = date.fromisoformat(str(question["on"]))
        known = _known(question.get("known"), facts, facts.time_zone)
        held = entitlements(facts.entries, on, known, View(question.get("view", "contracted")))
        actual: dict[str, Any] = {}
        for product, quantity in question.get("is", question.get("is_only", {})).items():
            if isinstance(quantity, Mapping):
                actual[product] = {site: held.of(product, site) for site in quantity}
            else:
                actual[product] = held.of(product)
        if "is_only" in question or question.get("is") == {}:
            actual = {**held.by_product, **actual}
        key = "is_only" if "is_only" in question else "is"
        yield from compare({key: question.get(key, {})}, {"is": actual}, f"entitlements[{on}]")


def _covers(_key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    for question in expected if isinstance(expected, list) else [expected]:
        on = date.fromisoformat(str(question["on"]))
        known = _known(question.get("known"), facts, facts.time_zone)
        found = covers(facts.entries, on, known, View(question.get("view", "contracted")))
        asked = [product for key, value in question.items() if key.startswith("is") for product in value]
        there: dict[str, list[str]] = {product: [] for product in asked}
        there.update({product: list(sites) for product, sites in found.items()})
        wanted = {key: value for key, value in question.items() if key.startswith("is")}
        yield from compare(wanted, {"is": there}, f"covers[{on}]")


def _revenue(_key: str, expected: Any, facts: Facts) -> Iterator[Mismatch]:
    told = report(revenue(facts.entries))
    for period, value in expected.items():
        if period == "by_line":
            for line, periods in value.items():
                of_line = told.lines.get(line)
                actual = {each: of_line.amount(each) if of_line else 0 for each in periods}
                yield from compare(periods, actual, f"revenue.by_line.{line}")
        elif period == "of":
            raise Refusal("not_built_yet", "revenue of one contract or order is not built yet", "of")
        else:
            yield from compare({period: value}, {period: told.amount(period)}, "revenue")


QUERIES: Mapping[str, Callable[[str, Any, Facts], Iterator[Mismatch]]] = {
    "entitlements": _entitlements,
    "covers": _covers,
    "revenue": _revenue,
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
    "orders": _orders,
    "totals": _totals,
    "contracts": _contracts,
}
