"""Service levels: clocks on a working calendar, each with its target, jeopardy and breach (``spec/orders.md`` 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from pydantic import field_validator

from domain.calendar import FURTHEST, ROUND_THE_CLOCK, Duration, WorkingCalendar
from domain.ledger.known import end_of_day
from domain.order.item import Item
from domain.order.order import Order, start_of_day
from domain.order.standing import is_deliverable
from domain.quote import Document, Identifier
from domain.reading import problem_error
from domain.refusal import Refusal

ONE_DAY = timedelta(days=1)


class Clock(StrEnum):
    """What is measured.

    From the acceptance of a quote to its first order; from activation (or sending, where that came first) to the
    ERP's acknowledgement; from activation to the last delivery; and whether that comes by the promised date.
    """

    QUOTE_TO_ORDER = "quote_to_order"
    ORDER_TO_ACKNOWLEDGEMENT = "order_to_acknowledgement"
    ACTIVATION_TO_DELIVERY = "activation_to_delivery"
    PROMISED_DATE = "promised_date"


class LevelState(StrEnum):
    """``running`` in time, in ``jeopardy``, or ``breached``; once the end has come, ``met`` or ``missed``."""

    RUNNING = "running"
    JEOPARDY = "jeopardy"
    BREACHED = "breached"
    MET = "met"
    MISSED = "missed"


class Target(Document):
    """``within`` working time of the start (not for a promised date, whose target is the date's last moment).

    ``warn`` is the working time before the target at which jeopardy begins; left out: at the target itself.
    """

    clock: Clock
    within: Duration | None = None
    warn: Duration | None = None


class ServiceLevels(Document):
    """The targets of an installation, and the calendar on which their working time runs.

    ``calendar`` is a calendar, or the name of one of the directory; left out: round the clock.
    """

    targets: tuple[Target, ...] = ()
    calendar: WorkingCalendar | Identifier | None = None

    @field_validator("targets")
    @classmethod
    def _have_their_time(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        for target in targets:
            if target.within is None and target.clock is not Clock.PROMISED_DATE:
                raise problem_error("missing_field", f"{target.clock} needs within, the working time it may take")
            if target.within is not None and target.clock is Clock.PROMISED_DATE:
                raise problem_error("conflicting_fields", "a promised date is its own target; leave within out")
        return targets


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock as read: moments in UTC. ``subject`` is the quote's id, the order's, or the item's.

    ``ended`` none: what is waited for has not come.
    """

    clock: Clock
    subject: str
    started: datetime
    target: datetime
    jeopardy: datetime
    ended: datetime | None
    state: LevelState

    @property
    def next_moment(self) -> datetime | None:
        """When time alone changes the state; none: never again."""
        if self.state is LevelState.RUNNING:
            return min(self.jeopardy, self.target)
        return self.target if self.state is LevelState.JEOPARDY else None


def read_clock(
    target: Target,
    calendar: WorkingCalendar,
    subject: str,
    started: datetime,
    *,
    ended: datetime | None = None,
    promised: datetime | None = None,
    now: datetime,
) -> Reading:
    """The clock of ``target`` at ``now``, started at ``started``; an end after ``now`` has not come yet.

    Codes: ``missing_field`` (no ``within`` and no promised moment), ``invalid_duration``.
    """
    if promised is not None:
        due = promised.astimezone(UTC)
    elif target.within is not None:
        due = calendar.due(started, target.within)
    else:
        raise Refusal("missing_field", f"{target.clock} needs the working time it may take", "within")
    warned = max(before(calendar, due, target.warn), started.astimezone(UTC)) if target.warn is not None else due
    come = ended.astimezone(UTC) if ended is not None and ended <= now else None
    state = _state(due, warned, come, now)
    return Reading(target.clock, subject, started.astimezone(UTC), due, warned, come, state)


def _state(due: datetime, warned: datetime, ended: datetime | None, now: datetime) -> LevelState:
    if ended is not None:
        return LevelState.MET if ended <= due else LevelState.MISSED
    if now > due:
        return LevelState.BREACHED
    return LevelState.JEOPARDY if now >= warned and warned < due else LevelState.RUNNING


def before(calendar: WorkingCalendar, moment: datetime, text: str) -> datetime:
    """The latest moment (UTC) from which the working time ``text`` still passes until ``moment``.

    Code: ``invalid_duration`` (not within ten years).
    """
    working = calendar.length(text)
    reach = ONE_DAY
    while reach <= 2 * FURTHEST:
        start = moment - reach
        passed = calendar.working_time(start, moment)
        if passed >= working:
            return _latest(calendar, start, moment, passed - working)
        reach *= 2
    raise Refusal("invalid_duration", f"{text} of working time do not pass within ten years", "warn")


def _latest(calendar: WorkingCalendar, start: datetime, moment: datetime, spare: timedelta) -> datetime:
    """The moment after ``spare`` working time from ``start``, at the end of the rest that follows it."""
    reached = calendar.due_after(start, spare)
    left = calendar.working_time(reached, moment)
    # Between two slots no work is done: what is left is the same until the next one opens.
    following = calendar.due_after(reached, timedelta(microseconds=1)) - timedelta(microseconds=1)
    return following if following <= moment and calendar.working_time(following, moment) == left else reached


def quote_clock(
    quote_id: str, accepted: datetime, orders: Iterable[Order], target: Target, calendar: WorkingCalendar, now: datetime
) -> Reading:
    """The clock from the acceptance of a quote to its first order."""
    made = min((order.created_at for order in orders), default=None)
    return read_clock(target, calendar, quote_id, accepted, ended=made, now=now)


def order_clocks(
    order: Order,
    targets: Iterable[Target],
    now: datetime,
    *,
    calendar: WorkingCalendar = ROUND_THE_CLOCK,
    promised: Mapping[str, date] | None = None,
) -> tuple[Reading, ...]:
    """The clocks of an order, for each of ``targets`` that has begun; ``promised`` are local dates by item id.

    A delivery is dated, so it counts from the beginning of its local day; a promised date is kept until its end. An
    order without anything to deliver has no clock for it. Holds stop no clock: what was promised stays promised.
    """
    return tuple(reading for target in targets for reading in _readings(order, target, now, calendar, promised or {}))


def _readings(
    order: Order, target: Target, now: datetime, calendar: WorkingCalendar, promised: Mapping[str, date]
) -> Iterator[Reading]:
    things = [item for item in order.items if item.counts and is_deliverable(item)]
    started = order.activated_at
    if target.clock is Clock.ORDER_TO_ACKNOWLEDGEMENT:
        sent = min((at for at in (order.sent_at, started) if at is not None), default=None)
        answered = order.acknowledgement.at if order.acknowledgement else None
        if sent is not None:
            yield read_clock(target, calendar, order.order_id, sent, ended=answered, now=now)
    elif target.clock is Clock.ACTIVATION_TO_DELIVERY and started is not None and things:
        days = [_delivered_on(item) for item in things]
        last = max((day for day in days if day is not None), default=None) if None not in days else None
        ended = max(start_of_day(last, order.time_zone), started) if last is not None else None
        yield read_clock(target, calendar, order.order_id, started, ended=ended, now=now)
    elif target.clock is Clock.PROMISED_DATE:
        for item in things:
            if item.item_id in promised:
                yield _promise(order, item, promised[item.item_id], target, calendar, now)


def _promise(order: Order, item: Item, day: date, target: Target, calendar: WorkingCalendar, now: datetime) -> Reading:
    delivered = _delivered_on(item)
    ended = start_of_day(delivered, order.time_zone) if delivered is not None else None
    started = min(order.activated_at or order.created_at, start_of_day(day, order.time_zone))
    due = end_of_day(day, order.time_zone)
    return read_clock(target, calendar, item.item_id, started, ended=ended, promised=due, now=now)


def _delivered_on(item: Item) -> date | None:
    """The local date on which the last of ``item`` was delivered; none: something is still to come."""
    if abs(item.delivered_quantity) < abs(item.due_quantity):
        return None
    return max((receipt.on for receipt in item.delivered), default=None)
