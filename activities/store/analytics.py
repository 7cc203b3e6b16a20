"""What the tables tell of waits: answers, silences, skips and rounds of a policy in a span of days.

Approvals, decisions and rounds come from their tables; who was asked when beside the request itself (escalated, handed
over, replaced), open questions, and on which basis something was skipped come from the record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.store.past_rounds import OF_QUOTES
from activities.store.tables import approvals, decisions, record, rounds
from domain.analytics import Answer, Silence, Span, Totals
from domain.approval.state import ApprovalState, Verdict
from domain.people import Directory

MOST_APPROVALS = 200_000
"""So many are counted at most, the newest rounds first; the figures say when there are more."""
MOST_REASONS = 50
NO_ANSWER = frozenset(("timeout", "override"))
HANDED = ("escalated", "replaced", "reassigned")
TOLD = (*HANDED, "delegated", "asked", "answered", "skipped", "withdrawn")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which approvals are looked at: those of rounds opened ``since`` to ``until`` (dates in UTC, inclusive)."""

    policy: str | None = None
    since: date | None = None
    until: date | None = None
    chain: str | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to be counted."""

    answers: Sequence[Answer]
    silences: Sequence[Silence]
    totals: Totals


class Analytics:
    """Gathers within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def gather(self, chosen: Chosen, directory: Directory, *, most: int = MOST_APPROVALS) -> Material:
        """Everything about the chosen approvals; the calendars are those of the directory now."""
        await self._connection.execute(text("SET LOCAL statement_timeout = '25s'"))
        subset = _approvals(chosen, most)
        found = {row["approval_id"]: row for row in await self._rows(select(subset))}
        told: dict[str, list[Any]] = defaultdict(list)
        for event in await self._rows(_told(subset)):
            told[event["approval_id"]].append(event)
        votes = await self._rows(_votes(subset))
        answers, silences = [], []
        for vote in votes:
            approval = found[vote["approval_id"]]
            if vote["channel"] == "timeout":
                silences.append(_silence(approval, vote["seat_of"]))
            elif vote["channel"] not in NO_ANSWER and vote["turn"] == 1:
                answer = _answer(approval, vote, told[vote["approval_id"]], directory)
                answers += [answer] if answer else []
        silences += [
            _silence(found[name], event["from"])
            for name, events in told.items()
            for event in events
            if event["kind"] == "escalated"
        ]
        return Material(answers, silences, await self._totals(chosen, found, told, votes))

    async def _rows(self, statement: Select[Any]) -> list[Any]:
        result = await self._connection.stream(statement, execution_options={"yield_per": 5000})
        # Part by part: to wait for every single row would cost more than to read it.
        return [row async for part in result.mappings().partitions() for row in part]

    async def _totals(
        self, chosen: Chosen, found: Mapping[str, Any], told: Mapping[str, Sequence[Any]], votes: Sequence[Any]
    ) -> Totals:
        of_quotes = await self._rounds_of_quotes(chosen)
        states = Counter(row["state"] for row in found.values())
        reasons = Counter(
            vote["reason"] or "" for vote in votes if vote["verdict"] == Verdict.REJECT and vote["channel"] != "timeout"
        )
        bases = {
            name: event["basis"]
            for name, events in told.items()
            for event in events
            if event["kind"] == "skipped" and found[name]["state"] == ApprovalState.SKIPPED
        }
        channels = Counter(vote["channel"] for vote in votes)
        return Totals(
            quotes=sum(of_quotes.values()),
            rounds=sum(number * quotes for number, quotes in of_quotes.items()),
            approvals=len(found),
            approvals_in_all=await self._count(chosen),
            settled=sum(states[state] for state in ("approved", "rejected", "skipped")),
            skipped=dict(Counter(bases.values())),
            rounds_of_quotes=of_quotes,
            reasons=dict(reasons.most_common(MOST_REASONS)),
            timeouts=channels["timeout"],
            overrides=channels["override"],
            withdrawn=sum(event["kind"] == "withdrawn" for events in told.values() for event in events),
        )

    async def _rounds_of_quotes(self, chosen: Chosen) -> dict[int, int]:
        """How many quotes took how many rounds."""
        statement = select(func.count().label("number")).select_from(rounds)
        statement = statement.where(_round_is(chosen))
        if chosen.chain is not None:
            mine = and_(approvals.c.quote_id == rounds.c.quote_id, approvals.c.round == rounds.c.round)
            statement = statement.where(exists().where(mine, approvals.c.chain == chosen.chain))
        each = statement.group_by(rounds.c.quote_id).subquery()
        grouped = select(each.c.number, func.count()).group_by(each.c.number).order_by(each.c.number)
        return {int(number): int(quotes) for number, quotes in await self._connection.execute(grouped)}

    async def _count(self, chosen: Chosen) -> int:
        statement = select(func.count()).select_from(_joined()).where(_round_is(chosen), _approval_is(chosen))
        return int((await self._connection.execute(statement)).scalar_one())


def _joined() -> Any:
    return approvals.join(rounds, and_(rounds.c.quote_id == approvals.c.quote_id, rounds.c.round == approvals.c.round))


def _round_is(chosen: Chosen) -> Any:
    # Changes of orders have a policy of their own, and are looked at by its name.
    wanted = [rounds.c.policy == chosen.policy if chosen.policy is not None else OF_QUOTES]
    if chosen.since is not None:
        wanted.append(rounds.c.opened_at >= _midnight(chosen.since))
    if chosen.until is not None and chosen.until < date.max:
        wanted.append(rounds.c.opened_at < _midnight(chosen.until + timedelta(days=1)))
    return and_(*wanted)


def _approval_is(chosen: Chosen) -> Any:
    return approvals.c.chain == chosen.chain if chosen.chain is not None else text("true")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _approvals(chosen: Chosen, most: int) -> Any:
    columns = ("approval_id", "rule", "chain", "step", "approver", "state", "requested_at")
    statement = select(*(approvals.c[name] for name in columns)).select_from(_joined())
    newest = (rounds.c.opened_at.desc(), rounds.c.quote_id, rounds.c.round, approvals.c.position)
    return (
        statement.where(_round_is(chosen), _approval_is(chosen)).order_by(*newest).limit(most).cte("chosen_approvals")
    )


def _votes(subset: Any) -> Select[Any]:
    columns = ("approval_id", "by", "seat_of", "verdict", "at", "channel", "reason", "turn")
    return select(*(decisions.c[name] for name in columns)).join(
        subset, subset.c.approval_id == decisions.c.approval_id
    )


def _told(subset: Any) -> Select[Any]:
    body = record.c.body
    wanted = or_(record.c.kind.in_(TOLD), and_(record.c.kind == "requested", body["because"].astext == "authority"))
    return (
        select(
            *(record.c[name] for name in ("approval_id", "kind", "at", "by", "on_behalf_of")),
            body["from"].astext.label("from"),
            body["to"].label("to"),
            body["asked"].label("asked"),
            body["kind"].astext.label("basis"),
        )
        .join(subset, subset.c.approval_id == record.c.approval_id)
        .where(wanted)
        .order_by(record.c.seq)
    )


def _silence(approval: Any, person: str) -> Silence:
    return Silence(person, approval["rule"], approval["chain"], approval["step"])


def _answer(approval: Any, vote: Any, events: Sequence[Any], directory: Directory) -> Answer | None:
    """The answer with its wait; nothing where it was given before the request as it stands (put back later)."""
    asked_at, moved = approval["requested_at"], False
    for event in events:
        if event["at"] <= vote["at"] and _is_asked_by(event, vote):
            asked_at, moved = max(asked_at or event["at"], event["at"]), moved or event["kind"] in HANDED
    if asked_at is None or asked_at > vote["at"]:
        return None
    return Answer(
        person=vote["by"],
        rule=approval["rule"],
        chain=approval["chain"],
        step=approval["step"],
        asked_at=asked_at,
        at=vote["at"],
        calendar=_calendar(approval["approver"], vote, directory, moved=moved),
        pauses=_pauses([each for each in events if _is_question_of(each, vote)], vote["at"]),
    )


def _is_asked_by(event: Any, vote: Any) -> bool:
    """Whether the event is what asked whoever voted: their seat came to them, or its request did."""
    if event["kind"] in HANDED:
        return bool(event["to"] == vote["seat_of"])
    if event["kind"] == "delegated":
        return vote["by"] in (event["to"] or ())
    return event["kind"] == "requested" and bool({vote["by"], vote["seat_of"]} & set(event["asked"] or ()))


def _is_question_of(event: Any, vote: Any) -> bool:
    """Whether it stops or starts the clock of the voter's seat: in a group everybody has their own."""
    if event["kind"] == "asked":
        return bool(event["by"] == vote["by"] or event["on_behalf_of"] == vote["seat_of"])
    return bool(event["kind"] == "answered")


def _pauses(events: Sequence[Any], until: datetime) -> tuple[Span, ...]:
    """When a question was open."""
    found: list[Span] = []
    begun: datetime | None = None
    for event in events:
        if event["kind"] == "asked" and begun is None:
            begun = event["at"]
        elif event["kind"] == "answered" and begun is not None:
            found.append((begun, event["at"]))
            begun = None
    return (*found, (begun, until)) if begun is not None and begun < until else tuple(found)


def _calendar(approver: str, vote: Any, directory: Directory, *, moved: bool) -> str | None:
    """The calendar of whoever voted: that of the approver entry where it asked them, else their own."""
    person = vote["by"]
    entry = directory.approvers.get(approver)
    user = directory.users.get(person)
    of_entry = entry.calendar if entry and not moved and person == vote["seat_of"] else None
    name = of_entry or (user.calendar if user else None)
    return name if name in directory.calendars else None
