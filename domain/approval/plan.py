"""The plan: what a round will ask for, of whom and why. Preview shows the same plan (``spec/approvals.md`` 1, 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.approval.absence import absent_from
from domain.approval.seats import Seating, Table, seat
from domain.approval.smart import Past, weigh
from domain.approval.smart_deciders import Deciders
from domain.approval.state import Approval, ApprovalState, Lane, NotFired, RoundState, Snapshot
from domain.approvers import fact_of, fields_of_vetoes, find_approver, name_of
from domain.limit import Matter
from domain.people import Directory
from domain.policy.document import UNCHAINED, ApproverName, ChainPart, Policy
from domain.policy.evaluate import CompiledPolicy, RuleResult
from domain.policy.facts import header_facts
from domain.pricing import PricedQuote
from domain.refusal import Problem, Refusal


@dataclass(frozen=True, slots=True)
class Submission:
    """A quote as it is handed in for approval, with all that a plan depends on.

    ``editors`` changed it since the last approved round; ``earlier`` are its rounds so far, in order; ``status`` is
    its approval state before. The day of rule windows is the submitter's local date at ``at``.
    """

    priced: PricedQuote
    policy: CompiledPolicy
    directory: Directory
    submitter: str
    at: datetime
    editors: tuple[str, ...] = ()
    earlier: Sequence[RoundState] = ()
    comment: str | None = None
    status: str = "draft"
    round: int = field(default=0)

    @property
    def number(self) -> int:
        """The number of the round: 1, 2, 3 …"""
        return self.round or (self.earlier[-1].round + 1 if self.earlier else 1)

    @property
    def barred(self) -> tuple[str, ...]:
        """Who never decides this round: the submitter, the owner, the editors (four eyes)."""
        return tuple(dict.fromkeys((self.submitter, self.priced.quote.owner, *self.editors)))

    @property
    def past(self) -> Past:
        """What smart approval looks back on."""
        return Past(self.earlier, self.barred, self.priced.quote.rates)


def make_plan(submission: Submission) -> RoundState:
    """The round as it stands before its first request: every approval ``assigned``, or ``skipped`` on its basis.

    Codes: ``unknown_user``, ``no_decider``, ``four_eyes``, ``authority_exceeded``, ``missing_rate``.
    """
    quote, policy = submission.priced.quote, submission.policy.policy
    if not submission.directory.is_active(submission.submitter):
        raise Refusal("unknown_user", f"{submission.submitter} is no active user of the directory", "by")
    day = submission.at.astimezone(submission.directory.calendar_of(submission.submitter).zone).date()
    evaluation = submission.policy.evaluate(submission.priced, day, status=submission.status)
    approvals = _approvals(submission, evaluation.fired)
    return RoundState(
        quote_id=quote.quote_id,
        round=submission.number,
        title=quote.title,
        customer_id=quote.customer.customer_id,
        owner=quote.owner,
        submitter=submission.submitter,
        policy=policy.policy,
        policy_version=policy.version or 0,
        content_hash=quote.content_hash,
        currency=quote.currency,
        net_total=submission.priced.net_total,
        rates=quote.rates,
        opened_at=submission.at,
        comment=submission.comment,
        barred=submission.barred,
        fallback=policy.fallback,
        facts=_facts_of_ladders(submission, approvals),
        watchers=policy.watchers,
        reasons=tuple(policy.reasons),
        lanes=lanes_of(policy, {result.rule.chain or UNCHAINED for result in evaluation.fired}),
        approvals=approvals,
        not_fired=tuple(
            NotFired(rule=result.rule.id, why=result.why, conditions=result.conditions)
            for result in evaluation.results
            if not result.fired
        ),
    )


def lanes_of(policy: Policy, used: AbstractSet[str]) -> tuple[Lane, ...]:
    """The chains in use, which have something to ask, in the order of the policy; the lane without one is the last."""
    names = [*policy.chains, UNCHAINED]
    return tuple(Lane(name=name, after=_lanes_before(policy, name, used)) for name in names if name in used)


def _facts_of_ladders(submission: Submission, approvals: Sequence[Approval]) -> dict[str, str]:
    """The facts of the quote by which fallback, named ends of ladders, watchers and vetoes find their person."""
    policy = submission.policy.policy
    names = [policy.fallback, *(each.sla.to for each in approvals if each.sla), *policy.watchers]
    entries = [submission.directory.approvers.get(name) for name in dict.fromkeys(names) if name]
    fields = {field for entry in entries if entry for field in (entry.field, entry.manager_of) if field}
    # Any group may be added or replaced while the round is open.
    fields |= set(fields_of_vetoes(submission.directory, submission.directory.groups))
    facts = header_facts(submission.priced) if fields else {}
    return {field: str(facts[field]) for field in sorted(fields) if facts.get(field) is not None}


def _lanes_before(policy: Policy, name: str, used: AbstractSet[str]) -> tuple[str, ...]:
    """The lanes in use that must be done first, seen through lanes in which nothing fired."""
    found: list[str] = []
    waiting = list((policy.chains.get(name) or ChainPart()).after)
    while waiting:
        other = waiting.pop(0)
        if other in used:
            found.append(other)
        else:
            waiting.extend((policy.chains.get(other) or ChainPart()).after)
    return tuple(dict.fromkeys(found))


def _approvals(submission: Submission, fired: Sequence[RuleResult]) -> tuple[Approval, ...]:
    names = [*submission.policy.policy.chains, UNCHAINED]
    ordered = sorted(fired, key=lambda result: (names.index(result.rule.chain or UNCHAINED), result.rule.step))
    approvals: list[Approval] = []
    problems: list[Problem] = []
    for result in ordered:
        try:
            approvals.append(_approval(submission, result))
        except Refusal as refusal:
            problems.extend(refusal.problems)
    if problems:
        raise Refusal.of(problems)
    return tuple(approvals)


def _named_by(directory: Directory, approver: ApproverName, facts: Mapping[str, Any]) -> str | None:
    fact = fact_of(directory, approver)
    value = facts.get(fact) if fact is not None else None
    return None if value is None else str(value)


def _approval(submission: Submission, result: RuleResult) -> Approval:
    quote, policy, rule = submission.priced.quote, submission.policy.policy, result.rule
    facts = {**header_facts(submission.priced), "submitter": submission.submitter}
    named = find_approver(submission.directory, rule.approver, facts)
    table = Table(submission.directory, submission.barred, policy.fallback, policy.self_approval, facts)
    chain = rule.chain or UNCHAINED
    matter = Matter(policy.policy, chain, submission.priced.net_total, quote.currency, quote.rates)
    snapshot = Snapshot(
        fingerprint=policy.fingerprint(rule),
        conditions=result.conditions,
        named_by=_named_by(submission.directory, rule.approver, facts),
    )
    deciders = Deciders(rule.approver, named, submission.directory, matter, facts)
    weighing, basis = weigh(rule, policy.smart_mode, snapshot, submission.past, deciders)
    try:
        seating = seat(named, table, matter, rule.id, submission.at)
    except Refusal:
        if basis is None:
            raise
        seating = Seating((), 0, named.group, named.quorum)  # nobody is asked, so nobody is missing
    return Approval(
        approval_id=f"{quote.quote_id}.{submission.number}.{rule.id}",
        rule=rule.id,
        chain=chain,
        step=rule.step,
        approver=name_of(rule.approver),
        reason=rule.reason,
        group=seating.group,
        seats=seating.seats,
        needed=seating.needed,
        quorum=seating.quorum,
        veto=seating.veto,
        explicit=rule.explicit,
        sla=rule.sla or named.sla,
        snapshot=snapshot,
        state=ApprovalState.SKIPPED if basis else ApprovalState.ASSIGNED,
        basis=basis,
        settled_at=submission.at if basis else None,
        weighed=weighing,
        absent=absent_from(named, seating.seats, submission.directory, submission.barred),
    )
